#include "layers.hpp"

#include "convolution.hpp"

namespace groundup {

namespace {

// A function of each number by itself, or of each picture's features; its gradient is computed from its outputs.
class Elementwise : public Layer {
  public:
    using Forward = std::function<void(float *y, const float *x, Long rows, Long features)>;
    using Backward = std::function<void(float *dx, const float *dy, const float *y, Long rows, Long features)>;

    Elementwise(Forward forward, Backward backward) : forward_(std::move(forward)), backward_(std::move(backward)) {}

    Buffer *forward(Plan &plan, Buffer *x, bool) override {
        y_ = plan.in_place_of(x);
        y_->kept = true;
        plan.by_pictures({x, y_}, [this, x, y = y_](const Pictures &pictures) {
            forward_(y->at(pictures), x->at(pictures), pictures.count, x->shape.size());
        });
        return y_;
    }

    Buffer *backward(Plan &plan, Buffer *dy, bool wanted) override {
        if (!wanted) return nullptr;
        Buffer *dx = plan.in_place_of(dy);
        plan.by_pictures({dy, dx, y_}, [this, dx, dy, y = y_](const Pictures &pictures) {
            backward_(dx->at(pictures), dy->at(pictures), y->at(pictures), pictures.count, dy->shape.size());
        });
        return dx;
    }

  private:
    const Forward forward_;
    const Backward backward_;
    Buffer *y_ = nullptr;
};

// A function of single pictures that changes their shape.
class Picturewise : public Layer {
  public:
    using OutputShape = std::function<Shape(const Shape &)>;
    using Forward = std::function<void(float *y, CellNumber *saved, const float *x, const Shape &x_shape)>;
    using Backward = std::function<void(float *dx, const float *dy, const CellNumber *saved, const Shape &x_shape)>;

    Picturewise(OutputShape output_shape, Forward forward, Backward backward)
        : output_shape_(std::move(output_shape)), forward_(std::move(forward)), backward_(std::move(backward)) {}

    Buffer *forward(Plan &plan, Buffer *x, bool) override {
        shape_ = x->shape;
        Buffer *y = plan.buffer(output_shape_(shape_));
        saved_ = plan.bytes_for<CellNumber>(y->shape.size());
        plan.by_pictures({x, y, saved_}, [this, x, y, saved = saved_](const Pictures &pictures) {
            for (Long n = 0; n < pictures.count; ++n)
                forward_(y->at(pictures) + n * y->numbers(), saved->at<CellNumber>(pictures) + n * y->numbers(),
                         x->at(pictures) + n * x->numbers(), x->shape);
        });
        return y;
    }

    Buffer *backward(Plan &plan, Buffer *dy, bool wanted) override {
        if (!wanted) return nullptr;
        Buffer *dx = plan.buffer(shape_);
        plan.by_pictures({dy, dx, saved_}, [this, dx, dy, saved = saved_](const Pictures &pictures) {
            for (Long n = 0; n < pictures.count; ++n)
                backward_(dx->at(pictures) + n * dx->numbers(), dy->at(pictures) + n * dy->numbers(),
                          saved->at<CellNumber>(pictures) + n * dy->numbers(), dx->shape);
        });
        return dx;
    }

  protected:
    Shape shape_{};
    Buffer *saved_ = nullptr;

  private:
    const OutputShape output_shape_;
    const Forward forward_;
    const Backward backward_;
};

Window window_of(const Shape &shape, Long size, Long stride) {
    return {shape.height,
            shape.width,
            shape.channels,
            size,
            stride,
            (shape.height - size) / stride + 1,
            (shape.width - size) / stride + 1};
}

class MaxPool : public Picturewise {
  public:
    MaxPool(const Kernels &kernels, Long size, Long stride)
        : Picturewise(
              [=](const Shape &shape) {
                  const Window window = window_of(shape, size, stride);
                  return Shape{window.rows, window.columns, window.channels};
              },
              [=, &kernels](float *y, CellNumber *saved, const float *x, const Shape &shape) {
                  kernels.max_pool(y, saved, x, window_of(shape, size, stride));
              },
              [=, &kernels](float *dx, const float *dy, const CellNumber *saved, const Shape &shape) {
                  kernels.max_pool_gradient(dx, dy, saved, window_of(shape, size, stride));
              }),
          size_(size),
          stride_(stride) {}

    Winners winners() const { return {saved_, window_of(shape_, size_, stride_)}; }

  private:
    const Long size_, stride_;
};

// Each picture's numbers in one row, in the order (channels, height, width) that everyone else has.
class Flatten : public Layer {
  public:
    explicit Flatten(Setting &setting) : kernels_(*setting.kernels) {}

    Buffer *forward(Plan &plan, Buffer *x, bool) override {
        shape_ = x->shape;
        if (shape_.area() == 1) return x;
        return turned(plan, x, plan.buffer({1, 1, shape_.size()}), shape_.area(), shape_.channels);
    }

    Buffer *backward(Plan &plan, Buffer *dy, bool wanted) override {
        if (!wanted || shape_.area() == 1) return dy;
        return turned(plan, dy, plan.buffer(shape_), shape_.channels, shape_.area());
    }

  private:
    Buffer *turned(Plan &plan, Buffer *from, Buffer *to, Long rows, Long columns) {
        plan.by_pictures({from, to}, [=, this](const Pictures &pictures) {
            for (Long n = 0; n < pictures.count; ++n)
                kernels_.transpose(to->at(pictures) + n * to->numbers(), from->at(pictures) + n * to->numbers(), rows,
                                   columns, rows, columns);
        });
        return to;
    }

    const Kernels &kernels_;
    Shape shape_{};
};

// Each mask is drawn where it is needed, twice.
class Dropout : public Layer {
  public:
    Dropout(Setting &setting, float rate, Long number) : setting_(setting), rate_(rate), number_(number) {}

    Buffer *forward(Plan &plan, Buffer *x, bool training) override { return training ? masked(plan, x) : x; }
    Buffer *backward(Plan &plan, Buffer *dy, bool wanted) override { return wanted ? masked(plan, dy) : nullptr; }

  private:
    Buffer *masked(Plan &plan, Buffer *x) {
        Buffer *y = plan.in_place_of(x);
        plan.by_pictures({x, y}, [this, x, y, size = x->shape.size()](const Pictures &pictures) {
            for (Long n = 0; n < pictures.count; ++n)
                setting_.kernels->dropout(
                    y->at(pictures) + n * size, x->at(pictures) + n * size, setting_.batch.mask_keys[number_],
                    static_cast<std::uint64_t>((pictures.first + n) * size), rate_, x->shape.area(), x->shape.channels);
        });
        return y;
    }

    Setting &setting_;
    const float rate_;
    const Long number_;
};

class Residual : public Layer {
  public:
    Residual(Setting &setting, std::vector<std::unique_ptr<Layer>> layers)
        : kernels_(*setting.kernels), layers_(std::move(layers)) {}

    Buffer *forward(Plan &plan, Buffer *x, bool training) override {
        x->kept = true;
        return sum(plan, forward_through(layers_, plan, x, training), x);
    }

    Buffer *backward(Plan &plan, Buffer *dy, bool wanted) override {
        dy->kept = true;
        Buffer *dx = backward_through(layers_, plan, dy, wanted);
        return wanted ? sum(plan, dx, dy) : nullptr;
    }

    void prepare_update(Plan &plan) override {
        for (const auto &layer : layers_) layer->prepare_update(plan);
    }
    void update(Plan &plan, bool keep) override {
        for (const auto &layer : layers_) layer->update(plan, keep);
    }
    void refresh(Plan &plan) override {
        for (const auto &layer : layers_) layer->refresh(plan);
    }
    std::vector<Parameter *> parameters() override {
        std::vector<Parameter *> all;
        for (const auto &layer : layers_)
            for (Parameter *parameter : layer->parameters()) all.push_back(parameter);
        return all;
    }

  private:
    Buffer *sum(Plan &plan, Buffer *a, Buffer *b) {
        Buffer *y = plan.in_place_of(a);
        plan.by_pictures({a, b, y}, [=, this](const Pictures &pictures) {
            const Long count = pictures.count * y->numbers();
            if (y != a) std::copy_n(a->at(pictures), count, y->at(pictures));
            kernels_.add(y->at(pictures), b->at(pictures), count);
        });
        return y;
    }

    const Kernels &kernels_;
    std::vector<std::unique_ptr<Layer>> layers_;
};

template <class Forward, class Backward>
std::unique_ptr<Layer> make_activation(Forward forward, Backward backward) {
    return std::make_unique<Elementwise>(
        [=](float *y, const float *x, Long rows, Long features) { forward(y, x, rows * features); },
        [=](float *dx, const float *dy, const float *y, Long rows, Long features) {
            backward(dx, dy, y, rows * features);
        });
}

}  // namespace

std::unique_ptr<Layer> make_relu(Setting &setting) {
    return make_activation(setting.kernels->relu, setting.kernels->relu_gradient);
}

std::unique_ptr<Layer> make_leaky_relu(Setting &setting, float slope) {
    const Kernels &kernels = *setting.kernels;  // y has the sign of x, so the gradient may be computed from it
    return make_activation(
        [=, &kernels](float *y, const float *x, Long count) { kernels.leaky_relu(y, x, slope, count); },
        [=, &kernels](float *dx, const float *dy, const float *y, Long count) {
            kernels.leaky_relu_gradient(dx, dy, y, slope, count);
        });
}

std::unique_ptr<Layer> make_sigmoid(Setting &setting) {
    return make_activation(setting.kernels->sigmoid, setting.kernels->sigmoid_gradient);
}

std::unique_ptr<Layer> make_tanh(Setting &setting) {
    return make_activation(setting.kernels->tanh, setting.kernels->tanh_gradient);
}

std::unique_ptr<Layer> make_softmax(Setting &setting) {
    return std::make_unique<Elementwise>(setting.kernels->softmax, setting.kernels->softmax_gradient);
}

std::unique_ptr<Layer> make_max_pool(Setting &setting, Long size, Long stride) {
    return std::make_unique<MaxPool>(*setting.kernels, size, stride);
}

std::unique_ptr<Layer> make_average_pool(Setting &setting, Long size, Long stride) {
    const Kernels &kernels = *setting.kernels;
    return std::make_unique<Picturewise>(
        [=](const Shape &shape) {
            const Window window = window_of(shape, size, stride);
            return Shape{window.rows, window.columns, window.channels};
        },
        [=, &kernels](float *y, CellNumber *, const float *x, const Shape &shape) {
            kernels.average_pool(y, x, window_of(shape, size, stride));
        },
        [=, &kernels](float *dx, const float *dy, const CellNumber *, const Shape &shape) {
            kernels.average_pool_gradient(dx, dy, window_of(shape, size, stride));
        });
}

std::unique_ptr<Layer> make_global_average(Setting &setting) {
    const Kernels &kernels = *setting.kernels;
    return std::make_unique<Picturewise>(
        [](const Shape &shape) { return Shape{1, 1, shape.channels}; },
        [&kernels](float *y, CellNumber *, const float *x, const Shape &shape) {
            kernels.global_average(y, x, shape.area(), shape.channels);
        },
        [&kernels](float *dx, const float *dy, const CellNumber *, const Shape &shape) {
            kernels.global_average_gradient(dx, dy, shape.area(), shape.channels);
        });
}

std::unique_ptr<Layer> make_flatten(Setting &setting) { return std::make_unique<Flatten>(setting); }

std::unique_ptr<Layer> make_dropout(Setting &setting, float rate, Long number) {
    return std::make_unique<Dropout>(setting, rate, number);
}

std::unique_ptr<Layer> make_residual(Setting &setting, std::vector<std::unique_ptr<Layer>> layers) {
    return std::make_unique<Residual>(setting, std::move(layers));
}

Buffer *forward_through(const std::vector<std::unique_ptr<Layer>> &layers, Plan &plan, Buffer *x, bool training,
                        std::vector<Buffer *> *outputs, std::size_t first) {
    for (std::size_t i = first; i < layers.size(); ++i) {
        x = layers[i]->forward(plan, x, training);
        if (outputs) outputs->push_back(x);
    }
    return x;
}

// Without `wanted` the run ends at the first layer that has parameters, whose gradient by the inputs nobody needs.
Buffer *backward_through(const std::vector<std::unique_ptr<Layer>> &layers, Plan &plan, Buffer *dy, bool wanted) {
    std::size_t last = 0;
    if (!wanted)
        while (last < layers.size() && layers[last]->parameters().empty()) ++last;
    for (std::size_t i = layers.size(); i-- > last;) {
        const auto *pool = dynamic_cast<MaxPool *>(layers[i].get());
        auto *convolution = pool && i > last ? dynamic_cast<Convolution *>(layers[i - 1].get()) : nullptr;
        if (convolution && convolution->takes_winners()) {
            --i;
            dy = convolution->backward_winners(plan, dy, pool->winners(), wanted || i > last);
        } else {
            dy = layers[i]->backward(plan, dy, wanted || i > last);
        }
    }
    return dy;
}

}  // namespace groundup
