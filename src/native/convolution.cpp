#include "convolution.hpp"

namespace groundup {

namespace {

// Where weight (outputs, inputs, size, size) lies: a window's cells in the order in which a picture has them.
Long window_place(Long i, Long inputs, Long size, const Panels &panels) {
    const Long area = size * size, cell = i % area, input = i / area % inputs, output = i / area / inputs;
    return panels.at(cell * inputs + input, output);
}

constexpr Long short_run = 16;  // numbers of a window that lie side by side
constexpr Long block = 1024;    // numbers of a gradient that a task sums

// Copies a picture (height, width, channels) into a frame, its rows and columns `spread` apart.
template <class Number, class Copy>
void put(Number *framed, const Shape &frame, const float *picture, const Shape &shape, Long top, Long left, Long spread,
         Copy copy) {
    for (Long row = 0; row < shape.height; ++row) {
        Number *to = framed + ((top + row * spread) * frame.width + left) * shape.channels;
        const float *from = picture + row * shape.width * shape.channels;
        if (spread == 1) {
            copy(to, from, shape.width * shape.channels);
            continue;
        }
        for (Long column = 0; column < shape.width; ++column)
            copy(to + column * spread * shape.channels, from + column * shape.channels, shape.channels);
    }
}

void copy_columns(float *to, const float *from, Long rows, Long columns, Long to_stride, Long from_stride) {
    for (Long row = 0; row < rows; ++row) std::copy_n(from + row * from_stride, columns, to + row * to_stride);
}

}  // namespace

Convolution::Convolution(Setting &setting, const std::string &name, Long inputs, Long outputs, Long size, Long stride,
                         Long padding, bool bias)
    : setting_(setting),
      kernels_(*setting.kernels),
      inputs_(inputs),
      outputs_(outputs),
      size_(size),
      stride_(stride),
      padding_(padding),
      has_bias_(bias),
      operand_(setting, size, size * inputs, outputs),
      turned_operand_(setting, size, size * outputs, inputs),
      weight_(
          name + "weight", outputs * inputs * size * size, operand_.panels.size(),
          [=, panels = operand_.panels](Long i) { return window_place(i, inputs, size, panels); }, true, setting),
      bias_(
          name + "bias", bias ? outputs : 0, operand_.panels.count() * operand_.panels.width, [](Long i) { return i; },
          true, setting),
      run_vectors_(divide_up(size * inputs, kernels_.lanes)),
      row_size_(size * run_vectors_ * kernels_.lanes) {}

std::vector<Parameter *> Convolution::parameters() {
    if (has_bias_) return {&weight_, &bias_};
    return {&weight_};
}

// -- forward, and the gradient by the inputs ---------------------------------------------------------------------

Buffer *Convolution::forward(Plan &plan, Buffer *x, bool) {
    const Shape &shape = x->shape;
    framed_ = {shape.height + 2 * padding_, shape.width + 2 * padding_, inputs_};
    x->kept = true;
    x_ = x;
    Buffer *y = plan.buffer({(framed_.height - size_) / stride_ + 1, (framed_.width - size_) / stride_ + 1, outputs_});
    multiply(plan, y, left_operand(plan, x, framed_, padding_, padding_, 1), framed_, 0, 0, stride_, operand_,
             weight_.values.data(), bias_.values.data());
    return y;
}

Buffer *Convolution::backward(Plan &plan, Buffer *dy, bool wanted) {
    dy->kept = true;
    dy_ = dy;
    by_output_ = false;
    if (setting_.mixed) add_gradients_mixed(plan);
    else add_gradients(plan);
    if (!wanted) return nullptr;
    if (!turned_.count()) turned_ = Array<float>(turned_operand_.panels.size());
    const Shape frame{framed_.height + size_ - 1, framed_.width + size_ - 1, outputs_};
    Buffer *dx = plan.buffer(x_->shape);
    multiply(plan, dx, left_operand(plan, dy, frame, size_ - 1, size_ - 1, stride_), frame, padding_, padding_, 1,
             turned_operand_, turned_.data(), nullptr);
    return dx;
}

// Returns pictures as products take them: in a frame of zeros, with some numbers that may be read behind each, and in
// mixed precision rounded. The frame is zero from the beginning, and nothing is ever written there.
Buffer *Convolution::left_operand(Plan &plan, Buffer *x, const Shape &framed, Long top, Long left, Long spread,
                                  Long behind) const {
    const Shape shape = x->shape;
    if (setting_.mixed) {
        Buffer *to = plan.bytes_for<BFloat16>(framed.size() + 2 * kernels_.cells);  // a segment is read in whole Pairs
        plan.by_pictures({x, to}, [=, this](const Pictures &pictures) {
            for (Long n = 0; n < pictures.count; ++n)
                put(to->at<BFloat16>(pictures) + n * to->numbers<BFloat16>(), framed,
                    x->at(pictures) + n * shape.size(), shape, top, left, spread, kernels_.round_mixed);
        });
        return to;
    }
    if (framed.size() + behind == shape.size()) return x;
    Buffer *to = plan.bytes_for<float>(framed.size() + behind);
    plan.by_pictures({x, to}, [=](const Pictures &pictures) {
        for (Long n = 0; n < pictures.count; ++n)
            put(to->at(pictures) + n * to->numbers(), framed, x->at(pictures) + n * shape.size(), shape, top, left,
                spread, [](float *numbers, const float *from, Long count) { std::copy_n(from, count, numbers); });
    });
    return to;
}

// y = the windows of x, the first of which begins at (top, left), times the operand: a product for each row of y.
void Convolution::multiply(Plan &plan, Buffer *y, Buffer *x, const Shape &framed, Long top, Long left, Long step,
                           const Operand &operand, const float *values, const float *bias) const {
    const Long number = setting_.mixed ? sizeof(BFloat16) : sizeof(float), channels = framed.channels;
    if (!setting_.mixed && size_ * channels < short_run) {
        multiply_short(plan, y, x, framed, top, left, step, operand, values, bias);
        return;
    }
    plan.by_pictures({x, y}, [=, shape = y->shape, &operand](const Pictures &pictures) {
        for (Long n = 0; n < pictures.count; ++n) {
            const std::uint8_t *picture = x->at<std::uint8_t>(pictures) + n * x->numbers<std::uint8_t>();
            float *to = y->at(pictures) + n * shape.size();
            for (Long panel = 0; panel < operand.panels.count(); ++panel)
                for (Long row = 0; row < shape.height; ++row)
                    operand.multiply(to + row * shape.width * shape.channels, shape.channels,
                                     picture + ((top + row * step) * framed.width + left) * channels * number,
                                     step * channels, framed.width * channels, values, bias, shape.width, panel);
        }
    });
}

// The same for windows whose runs are so short that a product would stumble from one to the next: they are copied.
void Convolution::multiply_short(Plan &plan, Buffer *y, Buffer *x, const Shape &framed, Long top, Long left, Long step,
                                 const Operand &operand, const float *values, const float *bias) const {
    const Long line = framed.width * framed.channels, across = step * framed.channels;
    const auto windows = std::make_shared<Scratch<float>>(plan, y->shape.width * operand.panels.cells);
    plan.by_pictures({x, y}, [=, this, shape = y->shape, &operand](const Pictures &pictures) {
        float *row_windows = windows->of(pictures.thread);
        for (Long n = 0; n < pictures.count; ++n)
            for (Long row = 0; row < shape.height; ++row) {
                const float *first =
                    x->at(pictures) + n * x->numbers() + (top + row * step) * line + left * framed.channels;
                float *to = y->at(pictures) + n * shape.size() + row * shape.width * shape.channels;
                kernels_.windows(row_windows, first, shape.width, across, size_, size_ * framed.channels, line);
                for (Long panel = 0; panel < operand.panels.count(); ++panel)
                    operand.multiply_whole(to, shape.channels, row_windows, values, bias, shape.width, panel);
            }
    });
}

// -- the gradient by weight and bias -----------------------------------------------------------------------------

// Each chunk of pictures adds to a gradient of its own; `update` adds those in order, so that the sum does not depend
// on which thread did what.
void Convolution::add_gradients(Plan &plan) {
    const Long size = weight_.size, chunks = plan.chunks(plan.capacity());
    weight_gradients_ = std::make_shared<Array<float>>(chunks * size);
    bias_gradients_ = std::make_shared<Array<float>>(chunks * bias_.size);
    Buffer *x = padding_ ? left_operand(plan, x_, framed_, padding_, padding_, 1) : x_;
    const auto narrow = std::make_shared<Scratch<float>>(plan, dy_->shape.area() * operand_.panels.width);
    plan.by_pictures({x, dy_}, [=, this, dy = dy_, framed = framed_, weights = weight_gradients_,
                                biases = bias_gradients_](const Pictures &pictures) {
        const Panels &panels = operand_.panels;
        const Shape &shape = dy->shape;
        const Long run = size_ * inputs_;  // a window's cells that lie side by side
        for (Long n = 0; n < pictures.count; ++n) {
            const bool add = n || !pictures.opens;
            const float *picture = x->at(pictures) + n * x->numbers(), *above = dy->at(pictures) + n * shape.size();
            for (Long panel = 0; panel < panels.count(); ++panel) {
                const Long columns = panels.columns_of(panel);
                const float *right = above + panel * panels.width;
                Long right_stride = outputs_;
                if (columns < panels.width) {  // a product reads whole registers, but behind may be another's picture
                    copy_columns(narrow->of(pictures.thread), right, shape.area(), columns, panels.width, outputs_);
                    right = narrow->of(pictures.thread);
                    right_stride = panels.width;
                }
                for (Long row = 0; row < size_; ++row)
                    kernels_.product(
                        weights->data() + pictures.chunk * size + panels.begin(panel) + row * run * panels.width,
                        panels.width,
                        {picture + row * framed.width * inputs_, 1, stride_ * inputs_, stride_ * framed.width * inputs_,
                         shape.height, shape.width},
                        right, right_stride, nullptr, add, run, columns, panels.vectors);
            }
            add_bias_gradient(*biases, pictures.chunk, add, above, shape.area());
        }
    });
}

// The same with pairs of neighbouring pixels. Both operands run along the framed picture's pixels: x with its channels
// first, and dy spread to the places where its windows begin, with zeros between.
void Convolution::add_gradients_mixed(Plan &plan) {
    const Long size = weight_.size, chunks = plan.chunks(plan.capacity());
    weight_gradients_ = std::make_shared<Array<float>>(chunks * size);
    bias_gradients_ = std::make_shared<Array<float>>(chunks * bias_.size);
    const Shape framed = framed_, above{framed.height, framed.width, outputs_};
    const Long area = round_up(framed.area(), 2), pairs = round_up(area / 2, kernels_.cells);
    const Long reach = 2 * pairs + (size_ - 1) * (framed.width + 1);  // beyond the last channel
    Buffer *pixels = plan.bytes_for<float>(framed.size());
    Buffer *channels = plan.bytes_for<BFloat16>(area * inputs_ + reach);
    Buffer *spread = plan.bytes_for<float>(above.size());
    Buffer *right = plan.bytes_for<Pair>(pairs * operand_.panels.width);
    plan.by_pictures(
        {x_, dy_, pixels, channels, spread, right},
        [=, this, x = x_, dy = dy_, weights = weight_gradients_, biases = bias_gradients_](const Pictures &pictures) {
            const Panels &panels = operand_.panels;
            const auto copy = [](float *numbers, const float *from, Long count) { std::copy_n(from, count, numbers); };
            for (Long n = 0; n < pictures.count; ++n) {
                const bool add = n || !pictures.opens;
                const float *gradient = dy->at(pictures) + n * dy->shape.size();
                float *picture = pixels->at(pictures), *wide = spread->at(pictures);
                BFloat16 *left = channels->at<BFloat16>(pictures);
                Pair *interleaved = right->at<Pair>(pictures);
                put(picture, framed, x->at(pictures) + n * x->shape.size(), x->shape, padding_, padding_, 1, copy);
                kernels_.transpose_mixed(left, picture, framed.area(), inputs_, area, inputs_);
                put(wide, above, gradient, dy->shape, 0, 0, stride_, copy);
                for (Long panel = 0; panel < panels.count(); ++panel) {
                    const Long columns = panels.columns_of(panel);
                    kernels_.interleave(interleaved, wide + panel * panels.width, framed.area(), columns, outputs_,
                                        pairs, panels.width);
                    float *to = weights->data() + pictures.chunk * size + panels.begin(panel);
                    // One channel: neighbours of a window's row are rows of the product. Otherwise its channels are.
                    const Long rows = inputs_ == 1 ? size_ : inputs_, row_stride = inputs_ == 1 ? 1 : area;
                    for (Long cell = 0; cell < size_ * size_; cell += inputs_ == 1 ? size_ : 1)
                        kernels_.product_mixed(
                            to + cell * inputs_ * panels.width, panels.width,
                            {left + cell / size_ * framed.width + cell % size_, row_stride, 2, 0, 1, pairs},
                            interleaved, panels.width, nullptr, add, rows, columns, panels.vectors);
                }
                add_bias_gradient(*biases, pictures.chunk, add, gradient, dy->shape.area());
            }
        });
}

// The chunk's gradient (outputs,) becomes, or grows by, the sum of dy (area, outputs).
void Convolution::add_bias_gradient(const Array<float> &gradients, Long chunk, bool add, const float *dy,
                                    Long area) const {
    if (!has_bias_) return;
    float *sums = gradients.data() + chunk * bias_.size;
    if (!add) std::fill_n(sums, bias_.size, 0.0F);
    kernels_.add_rows(sums, dy, area, outputs_);
}

void Convolution::update(Plan &plan, bool keep) {
    if (by_output_) update_from_rows(plan, keep);
    else update_from_panels(plan, keep);
    if (has_bias_) take_bias(plan, keep);
}

// sums (numbers,) of what the chunks of pictures have from `begin` on, in arrays of `size`.
void Convolution::add_chunks(float *sums, const Array<float> &gradients, Long size, Long begin, Long numbers,
                             Long chunks) const {
    std::copy_n(gradients.data() + begin, numbers, sums);
    for (Long chunk = 1; chunk < chunks; ++chunk) kernels_.add(sums, gradients.data() + chunk * size + begin, numbers);
}

void Convolution::update_from_panels(Plan &plan, bool keep) {
    plan.together(
        {}, [this] { return divide_up(weight_.size, block); },
        [this, keep, &plan, gradients = weight_gradients_](Long task, int) {
            const Long begin = task * block, numbers = std::min(block, weight_.size - begin);
            alignas(64) float sums[block];
            add_chunks(sums, *gradients, weight_.size, begin, numbers, plan.chunks(setting_.batch.count));
            weight_.take(setting_, keep, begin, sums, numbers);
        });
}

void Convolution::take_bias(Plan &plan, bool keep) {
    plan.together(
        {}, [] { return Long{1}; },
        [this, keep, &plan, gradients = bias_gradients_](Long, int) {
            std::vector<float> sums(static_cast<std::size_t>(bias_.size));
            add_chunks(sums.data(), *gradients, bias_.size, 0, bias_.size, plan.chunks(setting_.batch.count));
            bias_.take(setting_, keep, 0, sums.data(), bias_.size);
        });
}

void Convolution::refresh(Plan &plan) {
    plan.together(
        {}, [this] { return setting_.mixed ? operand_.panels.count() : 0; },
        [this](Long panel, int) { operand_.refresh(weight_.values.data(), panel); });
    plan.together({}, [this] { return Long{turned_.count() != 0}; }, [this](Long, int) { refresh_turned(); });
    plan.together({}, [this] { return Long{rows_.count() != 0}; }, [this](Long, int) { refresh_rows(); });
}

// The weight turned by half a circle, its inputs and outputs exchanged.
void Convolution::refresh_turned() {
    const Panels &from = operand_.panels, &to = turned_operand_.panels;
    const Long area = size_ * size_;
    for (Long cell = 0; cell < area; ++cell)
        for (Long output = 0; output < outputs_; ++output)
            for (Long input = 0; input < inputs_; ++input)
                turned_.data()[to.at((area - 1 - cell) * outputs_ + output, input)] =
                    weight_.values.data()[from.at(cell * inputs_ + input, output)];
    for (Long panel = 0; panel < to.count(); ++panel) turned_operand_.refresh(turned_.data(), panel);
}

std::unique_ptr<Layer> make_convolution(Setting &setting, const std::string &name, Long inputs, Long outputs, Long size,
                                        Long stride, Long padding, bool bias) {
    return std::make_unique<Convolution>(setting, name, inputs, outputs, size, stride, padding, bias);
}

}  // namespace groundup
