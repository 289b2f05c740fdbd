#include "linear.hpp"

namespace groundup {

namespace {

constexpr Long wide_bytes = 192 * 1024;  // a weight larger than this is not read as a whole by every thread
constexpr Long block_rows = 48;          // of a weight's gradient: what stays in the first cache until it is used
constexpr Long block_pictures = 128;     // whose part of x and dy stays there, too
constexpr Long row_block = 32;           // pictures that a task of a sparse product takes
constexpr Long narrow_vectors = 6;       // so few registers hold what a picture adds to a pixel's gradient
constexpr Long widest_panel = 3 * 16;    // columns
const float one = 1;

}  // namespace

Linear::Linear(Setting &setting, const std::string &name, Long inputs, Long outputs, bool bias)
    : setting_(setting),
      kernels_(*setting.kernels),
      inputs_(inputs),
      outputs_(outputs),
      has_bias_(bias),
      operand_(setting, 1, inputs, outputs),
      transposed_operand_(setting, 1, outputs, inputs),
      weight_(
          name + "weight", inputs * outputs, operand_.panels.size(),
          [inputs, panels = operand_.panels](Long i) { return panels.at(i % inputs, i / inputs); }, true, setting),
      bias_(
          name + "bias", bias ? outputs : 0, operand_.panels.count() * operand_.panels.width, [](Long i) { return i; },
          true, setting) {}

std::vector<Parameter *> Linear::parameters() {
    if (has_bias_) return {&weight_, &bias_};
    return {&weight_};
}

// -- forward, and the gradient by the inputs ---------------------------------------------------------------------

Buffer *Linear::forward(Plan &plan, Buffer *x, bool) {
    x->kept = true;
    x_ = x;
    Buffer *y = plan.buffer({1, 1, outputs_});
    multiply(plan, y, left_operand(plan, x), operand_, weight_.values.data(), bias_.values.data());
    return y;
}

Buffer *Linear::backward(Plan &plan, Buffer *dy, bool wanted) {
    dy->kept = true;
    dy_ = dy;
    if (!wanted) return nullptr;
    if (!transposed_.count()) transposed_ = Array<float>(transposed_operand_.panels.size());
    Buffer *dx = plan.buffer({1, 1, inputs_});
    multiply(plan, dx, left_operand(plan, dy), transposed_operand_, transposed_.data(), nullptr);
    return dx;
}

// Returns x (N, features) as products take it: in mixed precision rounded, its rows filled up with zeros.
Buffer *Linear::left_operand(Plan &plan, Buffer *x) const {
    if (!setting_.mixed) return x;
    const Long features = x->shape.size(), stride = round_up(features, 2 * kernels_.cells);
    Buffer *rounded = plan.bytes_for<BFloat16>(stride);
    plan.by_pictures({x, rounded}, [this, x, rounded, features, stride](const Pictures &pictures) {
        for (Long n = 0; n < pictures.count; ++n)
            kernels_.round_mixed(rounded->at<BFloat16>(pictures) + n * stride, x->at(pictures) + n * features,
                                 features);
    });
    return rounded;
}

void Linear::multiply(Plan &plan, Buffer *y, Buffer *x, const Operand &operand, const float *values,
                      const float *bias) const {
    const Long stride = x->shape.size(), columns = y->shape.size();
    if (inputs_ * outputs_ * static_cast<Long>(sizeof(float)) <= wide_bytes) {
        plan.by_pictures({x, y}, [=, &operand](const Pictures &pictures) {
            for (Long panel = 0; panel < operand.panels.count(); ++panel)
                operand.multiply(y->at(pictures), columns, x->at<std::uint8_t>(pictures), stride, 0, values, bias,
                                 pictures.count, panel);
        });
        return;
    }
    plan.by_tasks(
        {x, y}, [&operand] { return operand.panels.count(); },
        [=, this, &operand](Long panel, int) {
            operand.multiply(y->all(), columns, x->all<std::uint8_t>(), stride, 0, values, bias, setting_.batch.count,
                             panel);
        });
}

Buffer *Linear::forward_lit(Plan &plan, const LitPixels &pixels) {
    lit_ = pixels;
    Buffer *y = plan.buffer({1, 1, outputs_});
    const Long groups = divide_up(operand_.panels.count(), kernels_.sparse_panels(operand_.panels.vectors));
    if (inputs_ * outputs_ * static_cast<Long>(sizeof(float)) <= wide_bytes)
        plan.by_pictures({pixels.entries, pixels.starts, y}, [=, this](const Pictures &pictures) {
            for (Long group = 0; group < groups; ++group)
                multiply_lit(y->at(pictures), pixels.entries->at<Entry>(pictures), pixels.starts->at<Long>(pictures),
                             pictures.count, group);
        });
    else
        plan.by_tasks(
            {pixels.entries, pixels.starts, y},
            [=, this] { return groups * divide_up(setting_.batch.count, row_block); },
            [=, this](Long task, int) {
                const Long blocks = divide_up(setting_.batch.count, row_block), first = task % blocks * row_block;
                multiply_lit(y->all() + first * outputs_, pixels.entries->all<Entry>() + first * inputs_,
                             pixels.starts->all<Long>() + first * (LitPixels::ranges + 1),
                             std::min(row_block, setting_.batch.count - first), task / blocks);
            });
    return y;
}

// y (count, outputs), but only the columns of one group of panels.
void Linear::multiply_lit(float *y, const Entry *entries, const Long *starts, Long count, Long group) const {
    const Panels &panels = operand_.panels;
    const Long together = kernels_.sparse_panels(panels.vectors), first = group * together;
    const Long number = std::min(together, panels.count() - first), column = first * panels.width;
    const Long columns = std::min(number * panels.width, outputs_ - column), stride = LitPixels::ranges + 1;
    alignas(64) float sums[12 * 16];
    for (Long n = 0; n < count; ++n) {
        kernels_.sparse_product(sums, panels.width, entries + n * inputs_, starts[n * stride + LitPixels::ranges],
                                weight_.values.data() + panels.begin(first), panels.width, inputs_ * panels.width,
                                bias_.values.data() + column, number, panels.vectors);
        std::memcpy(y + n * outputs_ + column, sums, static_cast<std::size_t>(columns) * sizeof(float));
    }
}

// -- the gradient by weight and bias -----------------------------------------------------------------------------

void Linear::update(Plan &plan, bool keep) {
    if (lit_.entries) update_lit(plan, keep);
    else if (setting_.mixed) update_mixed(plan, keep);
    else update_dense(plan, keep);
    if (has_bias_) update_bias(plan, keep);
}

// Rows of the gradient (rows, width of the panel), those of the inputs from first_input on.
void Linear::take(Long panel, Long first_input, const float *gradient, Long rows, bool keep) {
    const Panels &panels = operand_.panels;
    weight_.take(setting_, keep, panels.begin(panel) + first_input * panels.width, gradient, rows * panels.width);
}

void Linear::update_dense(Plan &plan, bool keep) {
    plan.together(
        {x_, dy_}, [this] { return operand_.panels.count(); },
        [this, x = x_, dy = dy_, keep](Long panel, int) {
            const Panels &panels = operand_.panels;
            alignas(64) float gradient[block_rows * widest_panel] = {};
            for (Long input = 0; input < inputs_; input += block_rows) {
                const Long rows = std::min(block_rows, inputs_ - input);
                for (Long n = 0; n < setting_.batch.count; n += block_pictures)
                    kernels_.product(gradient, panels.width,
                                     {x->all() + n * inputs_ + input, 1, inputs_, 0, 1,
                                      std::min(block_pictures, setting_.batch.count - n)},
                                     dy->all() + n * outputs_ + panel * panels.width, outputs_, nullptr, n > 0, rows,
                                     panels.columns_of(panel), panels.vectors);
                take(panel, input, gradient, rows, keep);
            }
        });
}

// The same with pairs of neighbouring pictures: x is transposed, and dy interleaved.
void Linear::prepare_update(Plan &plan) {
    if (!setting_.mixed) return;
    const Long stride = round_up(plan.capacity(), 2 * kernels_.cells);
    x_transposed_ = std::make_shared<Array<BFloat16>>(inputs_ * stride);
    plan.together(
        {x_}, [this] { return divide_up(inputs_, block_rows); },
        [=, this, x = x_, transposed = x_transposed_](Long block, int) {
            const Long first = block * block_rows;
            kernels_.transpose_mixed(transposed->data() + first * stride, x->all() + first, setting_.batch.count,
                                     std::min(block_rows, inputs_ - first), stride, inputs_);
        });
}

void Linear::update_mixed(Plan &plan, bool keep) {
    const Long stride = round_up(plan.capacity(), 2 * kernels_.cells);
    const auto interleaved = std::make_shared<Scratch<Pair>>(plan, stride / 2 * operand_.panels.width);
    plan.together(
        {x_, dy_}, [this] { return operand_.panels.count(); },
        [=, this, x = x_transposed_, dy = dy_](Long panel, int thread) {
            const Panels &panels = operand_.panels;
            const Long columns = panels.columns_of(panel);
            const Long pairs = round_up(divide_up(setting_.batch.count, 2), kernels_.cells);
            Pair *right = interleaved->of(thread);
            kernels_.interleave(right, dy->all() + panel * panels.width, setting_.batch.count, columns, outputs_, pairs,
                                panels.width);
            alignas(64) float gradient[block_rows * widest_panel] = {};
            for (Long input = 0; input < inputs_; input += block_rows) {
                const Long rows = std::min(block_rows, inputs_ - input);
                kernels_.product_mixed(gradient, panels.width, {x->data() + input * stride, stride, 2, 0, 1, pairs},
                                       right, panels.width, nullptr, false, rows, columns, panels.vectors);
                take(panel, input, gradient, rows, keep);
            }
        });
}

// The gradient of a pixel's weights is a sum over the pictures in which it is lit.
void Linear::update_lit(Plan &plan, bool keep) {
    const Long range = lit_.range, capacity = plan.capacity();
    const Long together = kernels_.sparse_panels(operand_.panels.vectors);
    const bool narrow = operand_.panels.count() * operand_.panels.vectors <= narrow_vectors;
    const auto lists = std::make_shared<Scratch<Entry>>(plan, range * capacity);
    const auto counts = std::make_shared<Scratch<Long>>(plan, range);
    const auto gradients = std::make_shared<Scratch<float>>(plan, together * range * operand_.panels.width);
    plan.together(
        {lit_.entries, lit_.starts, dy_}, [] { return LitPixels::ranges; },
        [=, this, pixels = lit_, dy = dy_](Long number, int thread) {
            const Long first = number * range, rows = std::min(range, inputs_ - first);
            if (rows <= 0) return;
            if (narrow) {
                add_pictures(number, rows, pixels, dy->all(), gradients->of(thread));
                take_pixels(first, rows, 0, gradients->of(thread), keep);
                return;
            }
            sort_by_pixel(lists->of(thread), counts->of(thread), pixels, number, capacity);
            for (Long panel = 0; panel < operand_.panels.count(); panel += together)
                update_pixels(first, rows, panel, lists->of(thread), counts->of(thread), capacity, dy->all(),
                              gradients->of(thread), keep);
        });
}

// lists (range, capacity): for each pixel of a range, the pictures in which it is lit.
void Linear::sort_by_pixel(Entry *lists, Long *counts, const LitPixels &pixels, Long range, Long capacity) const {
    const Long first = range * pixels.range;
    std::fill_n(counts, pixels.range, Long{0});
    for (Long n = 0; n < setting_.batch.count; ++n) {
        const Entry *entries = pixels.entries->all<Entry>() + n * inputs_;
        const Long *starts = pixels.starts->all<Long>() + n * (LitPixels::ranges + 1) + range;
        for (Long e = starts[0]; e < starts[1]; ++e) {
            const Long pixel = entries[e].place - first;
            lists[pixel * capacity + counts[pixel]++] = {static_cast<std::int32_t>(n), entries[e].value};
        }
    }
}

// The part of the gradient (inputs first to first + rows, a group of panels from `panel` on), and what comes of it.
void Linear::update_pixels(Long first, Long rows, Long panel, const Entry *lists, const Long *counts, Long capacity,
                           const float *dy, float *gradient, bool keep) {
    const Panels &panels = operand_.panels;
    const Long number = std::min(kernels_.sparse_panels(panels.vectors), panels.count() - panel);
    for (Long row = 0; row < rows; ++row)
        kernels_.sparse_product(gradient + row * panels.width, rows * panels.width, lists + row * capacity, counts[row],
                                dy + panel * panels.width, outputs_, panels.width, nullptr, number, panels.vectors);
    take_pixels(first, rows, panel, gradient, keep);
}

// The same picture by picture, where a pixel's gradient is so small that it may be read and written for each.
void Linear::add_pictures(Long range, Long rows, const LitPixels &pixels, const float *dy, float *gradient) const {
    const Panels &panels = operand_.panels;
    std::fill_n(gradient, panels.count() * rows * panels.width, 0.0F);
    for (Long n = 0; n < setting_.batch.count; ++n) {
        const Entry *entries = pixels.entries->all<Entry>() + n * inputs_;
        const Long *starts = pixels.starts->all<Long>() + n * (LitPixels::ranges + 1) + range;
        kernels_.sparse_add(gradient - range * pixels.range * panels.width, panels.width, rows * panels.width,
                            entries + starts[0], starts[1] - starts[0], dy + n * outputs_, panels.width, panels.count(),
                            panels.vectors);
    }
}

void Linear::take_pixels(Long first, Long rows, Long panel, float *gradient, bool keep) {
    const Panels &panels = operand_.panels;
    const Long number = std::min(kernels_.sparse_panels(panels.vectors), panels.count() - panel);
    for (Long p = 0; p < number; ++p) {
        float *own = gradient + p * rows * panels.width;
        const Long columns = panels.columns_of(panel + p);
        if (columns < panels.width)  // there the product has read dy's next row
            for (Long row = 0; row < rows; ++row)
                std::fill(own + row * panels.width + columns, own + (row + 1) * panels.width, 0.0F);
        take(panel + p, first, own, rows, keep);
    }
}

// A bias is the weight of an input that is always one.
void Linear::update_bias(Plan &plan, bool keep) {
    plan.together(
        {dy_}, [] { return Long{1}; },
        [this, dy = dy_, keep](Long, int) {
            const Panels &panels = operand_.panels;
            for (Long panel = 0; panel < panels.count(); ++panel) {
                const Long first = panel * panels.width;
                alignas(64) float gradient[widest_panel] = {};
                kernels_.product(gradient, 0, {&one, 0, 0, 0, 1, setting_.batch.count}, dy->all() + first, outputs_,
                                 nullptr, false, 1, panels.columns_of(panel), panels.vectors);
                bias_.take(setting_, keep, first, gradient, panels.width);
            }
        });
}

void Linear::refresh(Plan &plan) {
    plan.together(
        {}, [this] { return setting_.mixed ? operand_.panels.count() : 0; },
        [this](Long panel, int) { operand_.refresh(weight_.values.data(), panel); });
    plan.together(
        {}, [this] { return transposed_.count() ? transposed_operand_.panels.count() : 0; },
        [this](Long panel, int) { refresh_transposed(panel); });
}

void Linear::refresh_transposed(Long panel) {
    const Panels &to = transposed_operand_.panels, &from = operand_.panels;
    const Long first = panel * to.width, rows = to.columns_of(panel);
    for (Long p = 0; p < from.count(); ++p)
        kernels_.transpose(transposed_.data() + to.begin(panel) + p * from.width * to.width,
                           weight_.values.data() + from.begin(p) + first * from.width, rows, from.columns_of(p),
                           to.width, from.width);
    transposed_operand_.refresh(transposed_.data(), panel);
}

std::unique_ptr<Layer> make_linear(Setting &setting, const std::string &name, Long inputs, Long outputs, bool bias) {
    return std::make_unique<Linear>(setting, name, inputs, outputs, bias);
}

}  // namespace groundup
