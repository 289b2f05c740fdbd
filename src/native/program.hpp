// A network, a loss and an optimizer, compiled: plans for training, for tracing and for prediction over one state.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "layers.hpp"

namespace groundup {

struct Loss {
    enum Kind { cross_entropy, squared_error } kind;
    float label_smoothing;
};

// What a user has set of the optimizer; a Rule has it for one step.
struct OptimizerSetting {
    Rule::Kind kind;
    int moments;
    double momentum, dampening;
    bool nesterov;
    double beta1, beta2, epsilon, weight_decay;
    bool amsgrad;
    double clip_norm;
};

// What some training steps added up to; groundup/backends/program.py has the same.
struct Progress {
    Long steps = 0, examples = 0;
    double loss = 0;
    Long correct = 0;
};

// The pictures as a data set has them: (channels, height, width) bytes, which become pixel · scale + shift.
struct Inputs {
    Shape shape;
    float scale, shift;
    bool flat;  // whether the network takes them as a row of features
};

// What happens to each picture before the network trains on it.
struct AugmentationStage {
    Augmentation settings;
    Long key;  // which of a step's keys is its
};

class Program {
  public:
    using Layers = std::vector<std::unique_ptr<Layer>>;
    // Is told of progress now and then; answers whether to stop.
    using Observer = std::function<bool(const Progress &)>;

    Program(std::unique_ptr<Setting> setting, Layers layers, const Inputs &inputs, Long classes, const Loss &loss,
            const OptimizerSetting &optimizer, std::optional<AugmentationStage> augmentation, Long batch_size,
            int threads);

    // One batch: pictures `order`, of pixels (N, height, width) and labels (N,); a null order means the first ones.
    struct Examples {
        const std::uint8_t *pixels;
        const std::uint8_t *labels;
        const std::int64_t *order;
        Long count;
        Long height, width;
    };

    // Trains on the batch as step number `step`, counted from 1. mask_keys has one key for each Dropout,
    // then the augmentation's.
    Progress train(const Examples &examples, double learning_rate, Long step, const std::uint64_t *mask_keys);

    // The same, but every value on the way is there afterwards: see `inputs`, `outputs`, and the parameters' gradients.
    Progress trace(const Examples &examples, double learning_rate, Long step, const std::uint64_t *mask_keys);

    // Trains batch after batch, a learning rate and `keys` keys for each; reports when so many seconds have gone by.
    void epoch(const Examples &examples, const std::vector<double> &learning_rates, Long first_step,
               const std::uint64_t *mask_keys, Long keys, double report_every, const Observer &observe);

    // outputs (count, classes) of pixels (count, inputs).
    void predict(float *outputs, const std::uint8_t *pixels, Long count);

    // Call it after the parameters' values have changed from outside.
    void refresh();

    const std::vector<Parameter *> &parameters() const { return parameters_; }
    const Buffer *inputs() const { return traced_inputs_; }
    const std::vector<Buffer *> &outputs() const { return traced_outputs_; }
    const Kernels &kernels() const { return *setting_->kernels; }

  private:
    std::unique_ptr<Plan> training_plan(bool keep);
    std::unique_ptr<Plan> prediction_plan();
    Buffer *pictures(Plan &plan, bool training);
    LitPixels lit_pixels(Plan &plan, bool training);
    const std::uint8_t *picture(Long number, int thread, bool training);
    Buffer *forward(Plan &plan, bool training, std::vector<Buffer *> *outputs);
    Buffer *loss_gradient(Plan &plan, Buffer *outputs);
    void clip_and_update(Plan &plan);
    double clip_scale() const;
    void add_refresh(Plan &plan);
    Progress run(Plan &plan, const Examples &examples, double learning_rate, Long step, const std::uint64_t *mask_keys);
    Rule rule(double learning_rate, Long step) const;

    std::mutex running_;
    std::unique_ptr<Setting> setting_;
    Layers layers_;
    const Inputs inputs_;
    const Long classes_;
    const Loss loss_;
    const OptimizerSetting optimizer_;
    const std::optional<AugmentationStage> augmentation_;
    std::vector<Array<std::uint8_t>> augmented_;  // each thread's picture, and room to make it
    const Long batch_size_;
    Threads threads_, alone_{1};
    std::vector<Parameter *> parameters_;
    float clip_scale_ = 1;
    std::vector<double> losses_;  // of each chunk of pictures
    std::vector<Long> correct_;
    float *predicted_ = nullptr;  // where the plan for prediction writes
    Buffer *traced_inputs_ = nullptr;
    std::vector<Buffer *> traced_outputs_;
    std::unique_ptr<Plan> training_, tracing_, prediction_, refreshing_;
};

}  // namespace groundup
