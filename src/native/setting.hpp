// What all layers of a program share: the kernels, the batch under way, and parameters with their layout.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "memory.hpp"
#include "plan.hpp"

namespace groundup {

// The batch that a step works on.
struct Batch {
    const std::uint8_t *pixels = nullptr;  // of the whole data set, (count, inputs)
    const std::uint8_t *labels = nullptr;
    const std::int64_t *order = nullptr;  // which pictures; null: the first ones
    Long count = 0;
    Rule rule{};
    const std::uint64_t *mask_keys = nullptr;  // one for each Dropout, then the augmentation's
    Long height = 0, width = 0;                // of a picture as the data set has it

    Long picture(Long n) const { return order ? order[n] : n; }
};

struct Setting {
    const Kernels *kernels;
    bool mixed;
    int moments;  // of the optimizer
    Batch batch;
};

// The columns of a product's right operand, `width` at a time: (count, cells, width), zeros beyond the last column.
struct Panels {
    Panels(Long of_cells, Long of_columns, Long lanes)
        : cells(of_cells), columns(of_columns), vectors(vectors_for(of_columns, lanes)), width(vectors * lanes) {}

    Long count() const { return divide_up(columns, width); }
    Long size() const { return count() * cells * width; }
    Long at(Long cell, Long column) const { return (column / width * cells + cell) * width + column % width; }
    Long begin(Long panel) const { return panel * cells * width; }
    Long columns_of(Long panel) const { return std::min(width, columns - panel * width); }

    Long cells, columns, vectors, width;

  private:
    // Two registers wide where that wastes none; a product is fastest then.
    static Long vectors_for(Long columns, Long lanes) {
        const Long all = divide_up(columns, lanes);
        return all == 1 ? 1 : all % 2 == 0 || all % 3 != 0 ? 2 : 3;
    }
};

// A parameter or buffer of the network; a product's weight lies in panels, all others as they are.
struct Parameter {
    std::string name;
    Long count = 0;                   // numbers that it has
    Long size = 0;                    // numbers as laid out
    std::function<Long(Long)> place;  // where each lies
    Array<float> values, gradient, moments[3];
    bool learned = true;

    Parameter(std::string of_name, Long of_count, bool is_learned, const Setting &setting)
        : Parameter(std::move(of_name), of_count, of_count, [](Long i) { return i; }, is_learned, setting) {}

    Parameter(std::string of_name, Long of_count, Long of_size, std::function<Long(Long)> of_place, bool is_learned,
              const Setting &setting)
        : name(std::move(of_name)),
          count(of_count),
          size(round_up(of_size, 16)),
          place(std::move(of_place)),
          values(size),
          learned(is_learned) {
        if (!learned) return;
        gradient = Array<float>(size);
        for (int i = 0; i < setting.moments; ++i) moments[i] = Array<float>(size);
    }

    // Keeps a part of the gradient, or updates that part of the parameter with it at once.
    void take(const Setting &setting, bool keep, Long begin, const float *part, Long numbers) {
        if (keep) {
            std::memcpy(gradient.data() + begin, part, static_cast<std::size_t>(numbers) * sizeof(float));
            return;
        }
        float *const own[3] = {moments[0].data() + begin, moments[1].data() + begin, moments[2].data() + begin};
        setting.kernels->update(values.data() + begin, own, part, setting.batch.rule, numbers);
    }
};

// The right operand of a product, in the program's precision. Its cells fall into segments (see Rows).
class Operand {
  public:
    Operand(const Setting &setting, Long segments, Long length, Long columns)
        : panels(segments * length, columns, setting.kernels->lanes),
          kernels_(*setting.kernels),
          mixed_(setting.mixed),
          segments_(segments),
          length_(length),
          pair_length_(round_up(divide_up(length, 2), kernels_.cells)) {
        if (mixed_) pairs_ = Array<Pair>(panels.count() * pairs_of_panel());
    }

    // Makes the pairs of one panel from its floats (cells, width).
    void refresh(const float *values, Long panel) {
        if (!mixed_) return;
        Pair *to = pairs_.data() + panel * pairs_of_panel();
        for (Long segment = 0; segment < segments_; ++segment)
            kernels_.interleave(to + segment * pair_length_ * panels.width,
                                values + panels.begin(panel) + segment * length_ * panels.width, length_, panels.width,
                                panels.width, pair_length_, panels.width);
    }

    // y (rows, columns of the panel) = x · panel + bias; x are floats, or BFloat16 in mixed precision, whose rows and
    // segments lie so many numbers apart.
    void multiply(float *y, Long y_stride, const void *x, Long row_stride, Long segment_stride, const float *values,
                  const float *bias, Long rows, Long panel) const {
        const Long first = panel * panels.width, columns = panels.columns_of(panel);
        const float *own_bias = bias ? bias + first : nullptr;
        if (mixed_)
            kernels_.product_mixed(y + first, y_stride, {x, row_stride, 2, segment_stride, segments_, pair_length_},
                                   pairs_.data() + panel * pairs_of_panel(), panels.width, own_bias, false, rows,
                                   columns, panels.vectors);
        else
            kernels_.product(y + first, y_stride, {x, row_stride, 1, segment_stride, segments_, length_},
                             values + panels.begin(panel), panels.width, own_bias, false, rows, columns,
                             panels.vectors);
    }

    const Panels panels;

    // The same where each row of x is whole: its segments lie one behind the other.
    void multiply_whole(float *y, Long y_stride, const float *x, const float *values, const float *bias, Long rows,
                        Long panel) const {
        const Long first = panel * panels.width;
        kernels_.product(y + first, y_stride, {x, panels.cells, 1, 0, 1, panels.cells}, values + panels.begin(panel),
                         panels.width, bias ? bias + first : nullptr, false, rows, panels.columns_of(panel),
                         panels.vectors);
    }

  private:
    Long pairs_of_panel() const { return segments_ * pair_length_ * panels.width; }

    const Kernels &kernels_;
    const bool mixed_;
    const Long segments_, length_, pair_length_;
    Array<Pair> pairs_;
};

// Room for each thread by itself.
template <class Number>
class Scratch {
  public:
    Scratch(const Plan &plan, Long numbers) {
        for (int thread = 0; thread < plan.threads(); ++thread) arrays_.emplace_back(numbers);
    }
    Number *of(int thread) const { return arrays_[static_cast<std::size_t>(thread)].data(); }

  private:
    std::vector<Array<Number>> arrays_;
};

}  // namespace groundup
