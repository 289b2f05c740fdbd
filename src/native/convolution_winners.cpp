// The gradients of a convolution with a max-pool after it. Each output channel by itself has a list of the windows that
// have a gradient. The weight's gradient is the sum of those windows, each times its gradient; the gradient by the
// inputs is the weight, each time times that gradient, added where the window lies.
#include "convolution.hpp"

namespace groundup {

// Calls run(begin, out_panel_stride, window_panel_stride, panels, vectors, window_begin) for each part of a window that
// a sparse product can hold in registers: `begin` in a row of rows_, `window_begin` in the picture.
template <class Run>
void Convolution::for_row_parts(Run run) const {
    const Long lanes = kernels_.lanes, line = framed_.width * inputs_;
    if (run_vectors_ == 1) {  // short runs: several of them at once
        const Long most = kernels_.sparse_panels(1);
        for (Long row = 0; row < size_; row += most)
            run(row * lanes, lanes, line, std::min(most, size_ - row), Long{1}, row * line);
        return;
    }
    const Long vectors = run_vectors_ % 3 == 0 ? 3 : run_vectors_ % 2 == 0 ? 2 : 1;
    const Long width = vectors * lanes, all = run_vectors_ / vectors, most = kernels_.sparse_panels(vectors);
    for (Long row = 0; row < size_; ++row)
        for (Long panel = 0; panel < all; panel += most)
            run((row * all + panel) * width, width, width, std::min(most, all - panel), vectors,
                row * line + panel * width);
}

Buffer *Convolution::backward_winners(Plan &plan, Buffer *dy, const Winners &winners, bool wanted) {
    by_output_ = true;
    if (!rows_.count()) rows_ = Array<float>(outputs_ * row_size_);
    const Long size = outputs_ * row_size_, chunks = plan.chunks(plan.capacity()), windows = dy->shape.area();
    weight_gradients_ = std::make_shared<Array<float>>(chunks * size);
    bias_gradients_ = std::make_shared<Array<float>>(chunks * bias_.size);
    // A run that does not fill its registers is read with what lies behind it.
    const Long behind = size_ * inputs_ % kernels_.lanes ? kernels_.lanes : 0;
    Buffer *x = left_operand(plan, x_, framed_, padding_, padding_, 1, behind);
    Buffer *lists = plan.bytes_for<Entry>(dy->shape.size());
    Buffer *lengths = plan.bytes_for<Long>(outputs_);
    plan.by_pictures({x, dy, winners.cells, lists, lengths}, [=, this, weights = weight_gradients_,
                                                              biases = bias_gradients_](const Pictures &pictures) {
        for (Long n = 0; n < pictures.count; ++n) {
            const bool add = n || !pictures.opens;
            const float *picture = x->at(pictures) + n * x->numbers(), *above = dy->at(pictures) + n * dy->numbers();
            Entry *entries = lists->at<Entry>(pictures) + n * dy->numbers();
            Long *counts = lengths->at<Long>(pictures) + n * outputs_;
            sort_by_output(entries, counts, above, winners.cells->at<CellNumber>(pictures) + n * dy->numbers(),
                           winners.window);
            float *sums = weights->data() + pictures.chunk * size;
            if (!add) std::fill_n(sums, size, 0.0F);
            for (Long output = 0; output < outputs_; ++output)
                for_row_parts([&](Long begin, Long stride, Long window_stride, Long panels, Long vectors, Long from) {
                    float *own = sums + output * row_size_ + begin;
                    kernels_.sparse_product(own, stride, entries + output * windows, counts[output], picture + from, 1,
                                            window_stride, own, panels, vectors);
                });
            add_bias_gradient(*biases, pictures.chunk, add, above, windows);
        }
    });
    if (!wanted) return nullptr;
    Buffer *dx = plan.buffer(x_->shape), *framed_dx = plan.bytes_for<float>(framed_.size() + kernels_.lanes);
    plan.by_pictures({lists, lengths, dx, framed_dx}, [=, this, framed = framed_](const Pictures &pictures) {
        for (Long n = 0; n < pictures.count; ++n) {
            const Entry *entries = lists->at<Entry>(pictures) + n * windows * outputs_;
            const Long *counts = lengths->at<Long>(pictures) + n * outputs_;
            float *sums = framed_dx->at(pictures);
            std::fill_n(sums, framed.size(), 0.0F);
            for (Long output = 0; output < outputs_; ++output)
                for_row_parts([&](Long begin, Long stride, Long window_stride, Long panels, Long vectors, Long to) {
                    kernels_.sparse_add(sums + to, 1, window_stride, entries + output * windows, counts[output],
                                        rows_.data() + output * row_size_ + begin, stride, panels, vectors);
                });
            const Shape &shape = dx->shape;
            const Long line = shape.width * shape.channels;
            for (Long row = 0; row < shape.height; ++row)
                std::copy_n(sums + ((row + padding_) * framed.width + padding_) * shape.channels, line,
                            dx->at(pictures) + n * shape.size() + row * line);
        }
    });
    return dx;
}

// entries (outputs, windows of the pool): where in the framed picture the window of a winner begins, and its gradient.
void Convolution::sort_by_output(Entry *entries, Long *counts, const float *dy, const CellNumber *cells,
                                 const Window &window) const {
    const Long windows = window.rows * window.columns, across = stride_ * inputs_,
               down = stride_ * framed_.width * inputs_;
    std::vector<std::int32_t> distances(static_cast<std::size_t>(window.size * window.size));
    for (Long cell = 0; cell < window.size * window.size; ++cell)
        distances[static_cast<std::size_t>(cell)] =
            static_cast<std::int32_t>(cell / window.size * down + cell % window.size * across);
    std::fill_n(counts, outputs_, Long{0});
    for (Long row = 0, number = 0; row < window.rows; ++row)
        for (Long column = 0; column < window.columns; ++column) {
            const auto first = static_cast<std::int32_t>(row * window.stride * down + column * window.stride * across);
            for (Long output = 0; output < outputs_; ++output, ++number) {
                if (cells[number] == no_cell) continue;
                entries[output * windows + counts[output]] = {first + distances[cells[number]], dy[number]};
                counts[output] += dy[number] != 0;
            }
        }
}

void Convolution::update_from_rows(Plan &plan, bool keep) {
    const Panels &panels = operand_.panels;
    const auto room = std::make_shared<Scratch<float>>(plan, panels.width * row_size_ + panels.cells * panels.width);
    plan.together(
        {}, [&panels] { return panels.count(); },
        [=, this, &plan, &panels, gradients = weight_gradients_](Long panel, int thread) {
            const Long columns = panels.columns_of(panel), run = size_ * inputs_;
            float *rows = room->of(thread), *gradient = rows + panels.width * row_size_;
            add_chunks(rows, *gradients, outputs_ * row_size_, panel * panels.width * row_size_, columns * row_size_,
                       plan.chunks(setting_.batch.count));
            std::fill_n(gradient, panels.cells * panels.width, 0.0F);
            for (Long row = 0; row < size_; ++row)
                kernels_.transpose(gradient + row * run * panels.width, rows + row * run_vectors_ * kernels_.lanes,
                                   columns, run, panels.width, row_size_);
            weight_.take(setting_, keep, panels.begin(panel), gradient, panels.cells * panels.width);
        });
}

void Convolution::refresh_rows() {
    const Panels &panels = operand_.panels;
    const Long run = size_ * inputs_;
    for (Long panel = 0; panel < panels.count(); ++panel)
        for (Long row = 0; row < size_; ++row)
            kernels_.transpose(rows_.data() + panel * panels.width * row_size_ + row * run_vectors_ * kernels_.lanes,
                               weight_.values.data() + panels.begin(panel) + row * run * panels.width, run,
                               panels.columns_of(panel), row_size_, panels.width);
}

}  // namespace groundup
