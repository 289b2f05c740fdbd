#include "layers.hpp"

#include <cmath>

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
    return {shape.height, shape.width, shape.channels, size, stride, (shape.height - size) / stride + 1,
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
                setting_.kernels->dropout(y->at(pictures) + n * size, x->at(pictures) + n * size,
                                          setting_.batch.mask_keys[number_],
                                          static_cast<std::uint64_t>((pictures.first + n) * size), rate_,
                                          x->shape.area(), x->shape.channels);
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

Long once() { return 1; }

// The statistics are sums over the whole batch: each chunk of pictures has its own, which are added in order.
class BatchNorm : public Layer {
  public:
    BatchNorm(Setting &setting, const std::string &name, Long features, float momentum, float epsilon)
        : setting_(setting),
          kernels_(*setting.kernels),
          features_(features),
          momentum_(momentum),
          epsilon_(epsilon),
          weight_(name + "weight", features, true, setting),
          bias_(name + "bias", features, true, setting),
          running_mean_(name + "running_mean", features, false, setting),
          running_variance_(name + "running_var", features, false, setting),
          mean_(weight_.size),
          variance_(weight_.size),
          scale_(weight_.size),
          weight_gradient_(weight_.size),
          bias_gradient_(weight_.size),
          mean_dx_(weight_.size),
          along_(weight_.size) {}

    std::vector<Parameter *> parameters() override { return {&weight_, &bias_, &running_mean_, &running_variance_}; }

    Buffer *forward(Plan &plan, Buffer *x, bool training) override {
        if (!training) return normalize(plan, x, nullptr, false);
        x->kept = true;
        sums_ = std::make_shared<Array<double>>(2 * plan.chunks(plan.capacity()) * features_);
        sum(plan, {x}, [=, this](double *to, const Pictures &pictures) {
            kernels_.add_sums(to, x->at(pictures), pictures.count * x->shape.area(), features_);
        });
        plan.by_tasks({}, once, [this, x, &plan](Long, int) { mean_over(mean_, plan, x->shape.area(), 0); });
        sum(plan, {x}, [=, this](double *to, const Pictures &pictures) {
            kernels_.add_squares(to, x->at(pictures), mean_.data(), pictures.count * x->shape.area(), features_);
        });
        plan.by_tasks({}, once, [this, x, &plan](Long, int) {
            mean_over(variance_, plan, x->shape.area(), 0);
            take_statistics(setting_.batch.count * x->shape.area());
        });
        normalized_ = plan.buffer(x->shape);
        return normalize(plan, x, normalized_, true);
    }

    Buffer *backward(Plan &plan, Buffer *dy, bool wanted) override {
        const Long area = dy->shape.area();
        dy->kept = true;
        sum(plan, {dy, normalized_}, [=, this, normalized = normalized_](double *to, const Pictures &pictures) {
            const Long rows = pictures.count * area;
            kernels_.add_sums(to, dy->at(pictures), rows, features_);
            kernels_.add_products(to + features_, dy->at(pictures), normalized->at(pictures), rows, features_);
        });
        plan.by_tasks({}, once, [this, area, &plan](Long, int) {
            mean_over(mean_dx_, plan, area, 0);
            mean_over(along_, plan, area, features_);
            const auto count = static_cast<float>(setting_.batch.count * area);
            for (Long i = 0; i < features_; ++i) {
                bias_gradient_.data()[i] = mean_dx_.data()[i] * count;
                weight_gradient_.data()[i] = along_.data()[i] * count;
                mean_dx_.data()[i] *= weight_.values.data()[i];
                along_.data()[i] *= weight_.values.data()[i];
            }
        });
        if (!wanted) return nullptr;
        Buffer *dx = plan.buffer(dy->shape);
        plan.by_pictures({dy, dx, normalized_}, [=, this, normalized = normalized_](const Pictures &pictures) {
            kernels_.batch_norm_gradient(dx->at(pictures), dy->at(pictures), normalized->at(pictures),
                                         weight_.values.data(), mean_dx_.data(), along_.data(), scale_.data(),
                                         pictures.count * area, features_);
        });
        return dx;
    }

    void update(Plan &plan, bool keep) override {
        plan.together({}, once, [this, keep](Long, int) {
            weight_.take(setting_, keep, 0, weight_gradient_.data(), features_);
            bias_.take(setting_, keep, 0, bias_gradient_.data(), features_);
        });
    }

  private:
    // Adds operations that add up something of each chunk of pictures: (chunks, 2 · features).
    void sum(Plan &plan, std::initializer_list<Buffer *> uses,
             std::function<void(double *to, const Pictures &pictures)> add) {
        plan.by_pictures(uses, [this, sums = sums_, add = std::move(add)](const Pictures &pictures) {
            double *to = sums->data() + 2 * pictures.chunk * features_;
            if (pictures.opens) std::fill_n(to, 2 * features_, 0.0);
            add(to, pictures);
        });
    }

    void mean_over(const Array<float> &mean, const Plan &plan, Long area, Long first) const {
        const Long count = setting_.batch.count;
        for (Long i = 0; i < features_; ++i) {
            double sum = 0;
            for (Long chunk = 0; chunk < plan.chunks(count); ++chunk)
                sum += sums_->data()[2 * chunk * features_ + first + i];
            mean.data()[i] = static_cast<float>(sum / static_cast<double>(count * area));
        }
    }

    void take_statistics(Long count) {
        const float unbiased = static_cast<float>(count) / static_cast<float>(std::max(count - 1, Long{1}));
        for (Long i = 0; i < features_; ++i) {
            float &mean = running_mean_.values.data()[i], &variance = running_variance_.values.data()[i];
            mean = (1 - momentum_) * mean + momentum_ * mean_.data()[i];
            variance = (1 - momentum_) * variance + momentum_ * (variance_.data()[i] * unbiased);
            scale_.data()[i] = 1 / std::sqrt(variance_.data()[i] + epsilon_);
        }
    }

    Buffer *normalize(Plan &plan, Buffer *x, Buffer *normalized, bool training) {
        Buffer *y = plan.in_place_of(x);
        const auto scales = std::make_shared<Scratch<float>>(plan, features_);
        const std::initializer_list<Buffer *> with = {x, y, normalized}, without = {x, y};
        plan.by_pictures(normalized ? with : without, [=, this](const Pictures &pictures) {
            float *scale = scale_.data();
            if (!training) {
                scale = scales->of(pictures.thread);
                for (Long i = 0; i < features_; ++i) scale[i] = 1 / std::sqrt(running_variance_.values.data()[i] + epsilon_);
            }
            kernels_.batch_norm(y->at(pictures), normalized ? normalized->at(pictures) : nullptr, x->at(pictures),
                                training ? mean_.data() : running_mean_.values.data(), scale, weight_.values.data(),
                                bias_.values.data(), pictures.count * x->shape.area(), features_);
        });
        return y;
    }

    Setting &setting_;
    const Kernels &kernels_;
    const Long features_;
    const float momentum_, epsilon_;
    Parameter weight_, bias_, running_mean_, running_variance_;
    Array<float> mean_, variance_, scale_, weight_gradient_, bias_gradient_, mean_dx_, along_;
    // Of the plan that is being made:
    std::shared_ptr<Array<double>> sums_;
    Buffer *normalized_ = nullptr;
};

template <class Forward, class Backward>
std::unique_ptr<Layer> make_activation(Forward forward, Backward backward) {
    return std::make_unique<Elementwise>(
        [=](float *y, const float *x, Long rows, Long features) { forward(y, x, rows * features); },
        [=](float *dx, const float *dy, const float *y, Long rows, Long features) { backward(dx, dy, y, rows * features); });
}

}  // namespace

std::unique_ptr<Layer> make_batch_norm(Setting &setting, const std::string &name, Long features, float momentum,
                                       float epsilon) {
    return std::make_unique<BatchNorm>(setting, name, features, momentum, epsilon);
}

std::unique_ptr<Layer> make_relu(Setting &setting) {
    return make_activation(setting.kernels->relu, setting.kernels->relu_gradient);
}

std::unique_ptr<Layer> make_leaky_relu(Setting &setting, float slope) {
    const Kernels &kernels = *setting.kernels;  // y has the sign of x, so the gradient may be computed from it
    return make_activation([=, &kernels](float *y, const float *x, Long count) { kernels.leaky_relu(y, x, slope, count); },
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
