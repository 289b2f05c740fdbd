#include "program.hpp"

#include <chrono>
#include <cmath>
#include <numeric>

#include "linear.hpp"

namespace groundup {

namespace {

constexpr Long prediction_batch = 240;  // pictures at a time
constexpr Long few_pictures = 4;        // waking a thread would take longer than they do
constexpr Long update_block = 4096;     // numbers of a parameter that a task updates

// Steps are reported together as time has it. Multiples of 2^-24 have the same sum in whatever groups they are added,
// so that a run that is repeated says the same.
double summable(double loss) { return std::isfinite(loss) ? std::nearbyint(loss * 0x1p24) * 0x1p-24 : loss; }

}  // namespace

Program::Program(std::unique_ptr<Setting> setting, Layers layers, const Inputs &inputs, Long classes, const Loss &loss,
                 const OptimizerSetting &optimizer, std::optional<AugmentationStage> augmentation, Long batch_size,
                 int threads)
    : setting_(std::move(setting)),
      layers_(std::move(layers)),
      inputs_(inputs),
      classes_(classes),
      loss_(loss),
      optimizer_(optimizer),
      augmentation_(augmentation),
      augmented_(static_cast<std::size_t>(threads)),
      batch_size_(batch_size),
      threads_(threads) {
    for (const auto &layer : layers_)
        for (Parameter *parameter : layer->parameters()) parameters_.push_back(parameter);
    training_ = training_plan(false);
    prediction_ = prediction_plan();
    refreshing_ = std::make_unique<Plan>(1, threads, false);
    add_refresh(*refreshing_);
    refreshing_->finish();
}

// -- making the plans ----------------------------------------------------------------------------------------------

std::unique_ptr<Plan> Program::training_plan(bool keep) {
    auto plan = std::make_unique<Plan>(batch_size_, threads_.count(), keep);
    std::vector<Buffer *> outputs;
    Buffer *logits = forward(*plan, true, &outputs);
    backward_through(layers_, *plan, loss_gradient(*plan, logits), false);
    const bool keep_gradients = keep || optimizer_.clip_norm > 0;
    plan->barrier();
    for (const auto &layer : layers_) layer->prepare_update(*plan);
    plan->barrier();
    for (const auto &layer : layers_) layer->update(*plan, keep_gradients);
    if (keep_gradients) clip_and_update(*plan);
    add_refresh(*plan);
    plan->finish();
    if (keep) traced_outputs_ = outputs;
    return plan;
}

std::unique_ptr<Plan> Program::prediction_plan() {
    auto plan = std::make_unique<Plan>(prediction_batch, threads_.count(), false);
    Buffer *outputs = forward(*plan, false, nullptr);
    plan->by_pictures({outputs}, [this, outputs](const Pictures &pictures) {
        std::copy_n(outputs->at(pictures), pictures.count * classes_, predicted_ + pictures.first * classes_);
    });
    plan->finish();
    return plan;
}

// A first linear layer whose black pixels are zeros needs only the lit ones. In mixed precision all are as fast.
Buffer *Program::forward(Plan &plan, bool training, std::vector<Buffer *> *outputs) {
    auto *linear = dynamic_cast<Linear *>(layers_.front().get());
    if (!linear || setting_->mixed || inputs_.shift != 0) {
        Buffer *x = pictures(plan, training);
        return forward_through(layers_, plan, x, training, outputs);
    }
    if (plan.keeps()) pictures(plan, training);
    Buffer *y = linear->forward_lit(plan, lit_pixels(plan, training));
    if (outputs) outputs->push_back(y);
    return forward_through(layers_, plan, y, training, outputs, 1);
}

// The pixels of one picture of the batch; in training, augmented. They stay until the thread asks for the next.
const std::uint8_t *Program::picture(Long number, int thread, bool training) {
    const Batch &batch = setting_->batch;
    const Long size = inputs_.shape.size();
    const std::uint8_t *pixels = batch.pixels + batch.picture(number) * size;
    if (!training || !augmentation_) return pixels;
    const Kernels &kernels = *setting_->kernels;
    const Augmentation &settings = augmentation_->settings;
    const Long before = round_up(size, 64), room = kernels.augmentation_room(settings, batch.height, batch.width);
    Array<std::uint8_t> &own = augmented_[static_cast<std::size_t>(thread)];
    if (own.count() < before + room) own = Array<std::uint8_t>(before + room);
    kernels.augment(own.data(), pixels, own.data() + before, settings, batch.mask_keys[augmentation_->key], number,
                    batch.height, batch.width);
    return own.data();
}

// The pictures as normalised numbers, with the channels last.
Buffer *Program::pictures(Plan &plan, bool training) {
    const Shape &shape = inputs_.shape;
    Buffer *x = plan.buffer(inputs_.flat ? Shape{1, 1, shape.size()} : shape);
    const bool turn = !inputs_.flat && shape.channels > 1;
    Buffer *numbers = turn ? plan.buffer(shape) : x;
    plan.by_pictures({x, numbers}, [=, this, size = shape.size()](const Pictures &pictures) {
        for (Long n = 0; n < pictures.count; ++n) {
            float *to = numbers->at(pictures) + n * size;
            setting_->kernels->normalize(to, picture(pictures.first + n, pictures.thread, training), inputs_.scale,
                                         inputs_.shift, size);
            if (turn)
                setting_->kernels->transpose(x->at(pictures) + n * size, to, inputs_.shape.channels,
                                             inputs_.shape.area(), inputs_.shape.channels, inputs_.shape.area());
        }
    });
    if (plan.keeps()) traced_inputs_ = x;
    return x;
}

LitPixels Program::lit_pixels(Plan &plan, bool training) {
    const Long size = inputs_.shape.size(), range = divide_up(size, LitPixels::ranges);
    const LitPixels lit{plan.bytes_for<Entry>(size), plan.bytes_for<Long>(LitPixels::ranges + 1), range};
    plan.by_pictures({lit.entries, lit.starts}, [=, this](const Pictures &pictures) {
        for (Long n = 0; n < pictures.count; ++n) {
            const std::uint8_t *pixels = picture(pictures.first + n, pictures.thread, training);
            Entry *entries = lit.entries->at<Entry>(pictures) + n * size;
            Long *starts = lit.starts->at<Long>(pictures) + n * (LitPixels::ranges + 1);
            for (Long i = 0; i < LitPixels::ranges; ++i) {
                const Long first = std::min(i * range, size), count = std::min(range, size - first);
                starts[i + 1] = starts[i] + setting_->kernels->nonzeros(entries + starts[i], pixels + first,
                                                                        inputs_.scale, first, count);
            }
        }
    });
    return lit;
}

Buffer *Program::loss_gradient(Plan &plan, Buffer *outputs) {
    outputs->kept = true;
    Buffer *gradient = plan.buffer(outputs->shape);
    losses_.resize(static_cast<std::size_t>(plan.chunks(plan.capacity())));
    correct_.resize(losses_.size());
    plan.by_pictures({outputs, gradient}, [=, this, &plan](const Pictures &pictures) {
        std::vector<std::uint8_t> labels(static_cast<std::size_t>(pictures.count));
        const Batch &batch = setting_->batch;
        for (Long n = 0; n < pictures.count; ++n)
            labels[static_cast<std::size_t>(n)] = batch.labels[batch.picture(pictures.first + n)];
        const float share = 1 / static_cast<float>(batch.count);
        float *to = gradient->at(pictures);
        const float *y = outputs->at(pictures);
        Long correct = 0;
        const double loss =
            loss_.kind == Loss::cross_entropy
                ? setting_->kernels->cross_entropy(to, &correct, y, labels.data(), loss_.label_smoothing, share,
                                                   pictures.count, classes_)
                : setting_->kernels->squared_error(to, &correct, y, labels.data(), share, pictures.count, classes_);
        const auto chunk = static_cast<std::size_t>(pictures.chunk);
        losses_[chunk] = pictures.opens ? loss : losses_[chunk] + loss;
        correct_[chunk] = pictures.opens ? correct : correct_[chunk] + correct;
    });
    return gradient;
}

// All gradients first, which are scaled if their norm is too large; then the updates.
void Program::clip_and_update(Plan &plan) {
    plan.by_tasks({}, [] { return Long{1}; }, [this](Long, int) { clip_scale_ = static_cast<float>(clip_scale()); });
    plan.barrier();
    for (Parameter *parameter : parameters_) {
        if (!parameter->learned) continue;
        plan.together(
            {}, [parameter] { return divide_up(parameter->size, update_block); },
            [=, this](Long task, int) {
                const Long begin = task * update_block, count = std::min(update_block, parameter->size - begin);
                float *gradient = parameter->gradient.data() + begin;
                if (clip_scale_ < 1) setting_->kernels->scale(gradient, clip_scale_, count);
                parameter->take(*setting_, false, begin, gradient, count);
            });
    }
}

double Program::clip_scale() const {
    if (optimizer_.clip_norm <= 0) return 1;
    double squares = 0;
    for (const Parameter *parameter : parameters_)
        if (parameter->learned)
            squares += setting_->kernels->sum_of_squares(parameter->gradient.data(), parameter->size);
    return optimizer_.clip_norm / (std::sqrt(squares) + 1e-6);
}

void Program::add_refresh(Plan &plan) {
    plan.barrier();
    for (const auto &layer : layers_) layer->refresh(plan);
}

// -- running them --------------------------------------------------------------------------------------------------

Progress Program::train(const Examples &examples, double learning_rate, Long step, const std::uint64_t *mask_keys) {
    const std::lock_guard lock(running_);
    const SubnormalsAreZero zero;
    return run(*training_, examples, learning_rate, step, mask_keys);
}

Progress Program::trace(const Examples &examples, double learning_rate, Long step, const std::uint64_t *mask_keys) {
    const std::lock_guard lock(running_);
    const SubnormalsAreZero zero;
    if (!tracing_) tracing_ = training_plan(true);
    return run(*tracing_, examples, learning_rate, step, mask_keys);
}

void Program::epoch(const Examples &examples, const std::vector<double> &learning_rates, Long first_step,
                    const std::uint64_t *mask_keys, Long keys, double report_every, const Observer &observe) {
    const std::lock_guard lock(running_);
    const SubnormalsAreZero zero;
    Progress since;
    auto reported = std::chrono::steady_clock::now();
    const Long steps = static_cast<Long>(learning_rates.size());
    for (Long i = 0; i < steps; ++i) {
        const Long first = i * batch_size_;
        const Examples batch{examples.pixels,        examples.labels,
                             examples.order + first, std::min(batch_size_, examples.count - first),
                             examples.height,        examples.width};
        const Progress done =
            run(*training_, batch, learning_rates[static_cast<std::size_t>(i)], first_step + i, mask_keys + i * keys);
        since = {since.steps + 1, since.examples + done.examples, since.loss + summable(done.loss),
                 since.correct + done.correct};
        const auto now = std::chrono::steady_clock::now();
        if (std::chrono::duration<double>(now - reported).count() < report_every && i + 1 < steps) continue;
        if (observe(since)) return;
        since = {};
        reported = now;
    }
}

Progress Program::run(Plan &plan, const Examples &examples, double learning_rate, Long step,
                      const std::uint64_t *mask_keys) {
    if (examples.count <= 0) return {1, 0, 0, 0};
    setting_->batch = {examples.pixels,           examples.labels, examples.order,  examples.count,
                       rule(learning_rate, step), mask_keys,       examples.height, examples.width};
    plan.run(threads_, examples.count);
    setting_->kernels->release();
    const auto chunks = static_cast<std::ptrdiff_t>(plan.chunks(examples.count));
    return {1, examples.count, std::accumulate(losses_.begin(), losses_.begin() + chunks, 0.0),
            std::accumulate(correct_.begin(), correct_.begin() + chunks, Long{0})};
}

Rule Program::rule(double learning_rate, Long step) const {
    const OptimizerSetting &set = optimizer_;
    Rule rule{};
    rule.kind = set.kind;
    rule.learning_rate = learning_rate;
    rule.momentum = set.momentum;
    rule.dampening = step == 1 ? 0 : set.dampening;
    rule.nesterov = set.nesterov;
    rule.beta1 = set.beta1;
    rule.beta2 = set.beta2;
    rule.epsilon = set.epsilon;
    rule.weight_decay = set.weight_decay;
    rule.amsgrad = set.amsgrad;
    rule.correction1 = 1 - std::pow(set.beta1, static_cast<double>(step));
    rule.correction2 = std::sqrt(1 - std::pow(set.beta2, static_cast<double>(step)));
    return rule;
}

void Program::predict(float *outputs, const std::uint8_t *pixels, Long count) {
    const std::lock_guard lock(running_);
    const SubnormalsAreZero zero;
    for (Long first = 0; first < count; first += prediction_batch) {
        const Long some = std::min(prediction_batch, count - first);
        setting_->batch = {pixels + first * inputs_.shape.size(), nullptr, nullptr, some, {}, nullptr, 0, 0};
        predicted_ = outputs + first * classes_;
        prediction_->run(count < few_pictures ? alone_ : threads_, some);
    }
    setting_->kernels->release();
}

void Program::refresh() {
    const std::lock_guard lock(running_);
    refreshing_->run(threads_, 1);
}

}  // namespace groundup
