#include <cmath>

#include "layers.hpp"

namespace groundup {

namespace {

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
        plan.by_tasks({}, once,
                      [this, x, &plan, sums = sums_](Long, int) { mean_over(mean_, *sums, plan, x->shape.area(), 0); });
        sum(plan, {x}, [=, this](double *to, const Pictures &pictures) {
            kernels_.add_squares(to, x->at(pictures), mean_.data(), pictures.count * x->shape.area(), features_);
        });
        plan.by_tasks({}, once, [this, x, &plan, sums = sums_](Long, int) {
            mean_over(variance_, *sums, plan, x->shape.area(), 0);
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
        plan.by_tasks({}, once, [this, area, &plan, sums = sums_](Long, int) {
            mean_over(mean_dx_, *sums, plan, area, 0);
            mean_over(along_, *sums, plan, area, features_);
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

    void mean_over(const Array<float> &mean, const Array<double> &sums, const Plan &plan, Long area, Long first) const {
        const Long count = setting_.batch.count;
        for (Long i = 0; i < features_; ++i) {
            double sum = 0;
            for (Long chunk = 0; chunk < plan.chunks(count); ++chunk)
                sum += sums.data()[2 * chunk * features_ + first + i];
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
                for (Long i = 0; i < features_; ++i)
                    scale[i] = 1 / std::sqrt(running_variance_.values.data()[i] + epsilon_);
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
    // Of the plan that is being made; another plan, for a trace, may be made while this one is in use:
    std::shared_ptr<Array<double>> sums_;
    Buffer *normalized_ = nullptr;
};

}  // namespace

std::unique_ptr<Layer> make_batch_norm(Setting &setting, const std::string &name, Long features, float momentum,
                                       float epsilon) {
    return std::make_unique<BatchNorm>(setting, name, features, momentum, epsilon);
}

}  // namespace groundup
