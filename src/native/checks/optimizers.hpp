// The optimizers' references, check and benchmark.
#pragma once

#include "benchmark.hpp"
#include "faults.hpp"

namespace groundup::checks {

// A number that is computed twice: as it should be, and with the most that roundings may have cost so far.
struct Estimate {
    double value, error;
};

// Each operation rounds once, and so does each setting that becomes a float.
inline Estimate scaled(double factor, Estimate x) {
    const double value = factor * x.value;
    return {value, std::abs(factor) * x.error + 2 * unit * std::abs(value)};
}

inline Estimate sum(Estimate x, Estimate y) {
    return {x.value + y.value, x.error + y.error + unit * (std::abs(x.value) + std::abs(y.value))};
}

inline Estimate square(Estimate x) {
    return {x.value * x.value, 2 * std::abs(x.value) * x.error + unit * x.value * x.value + x.error * x.error};
}

struct Parameter {
    Estimate parameter, moments[3];
};

inline Parameter sgd_reference(const Rule &rule, Parameter it, Estimate slope) {
    if (rule.weight_decay != 0) slope = sum(slope, scaled(rule.weight_decay, it.parameter));
    if (rule.momentum != 0) {
        Estimate &velocity = it.moments[0];
        velocity = sum(scaled(rule.momentum, velocity), scaled(1 - rule.dampening, slope));
        slope = rule.nesterov ? sum(slope, scaled(rule.momentum, velocity)) : velocity;
    }
    it.parameter = sum(it.parameter, scaled(-rule.learning_rate, slope));
    return it;
}

inline Parameter adam_reference(const Rule &rule, Parameter it, Estimate slope) {
    if (rule.kind == Rule::adamw) it.parameter = scaled(1 - rule.learning_rate * rule.weight_decay, it.parameter);
    else if (rule.weight_decay != 0) slope = sum(slope, scaled(rule.weight_decay, it.parameter));
    auto &[mean, second, largest] = it.moments;
    mean = sum(scaled(rule.beta1, mean), scaled(1 - rule.beta1, slope));
    second = sum(scaled(rule.beta2, second), scaled(1 - rule.beta2, square(slope)));
    if (rule.amsgrad && second.value > largest.value) largest = second;
    const Estimate under = rule.amsgrad ? largest : second;
    const double root = std::sqrt(under.value), divisor = root / rule.correction2 + rule.epsilon;
    const double root_error = (root > 0 ? under.error / (2 * root) : 0) + 4 * unit * root;
    const double step = rule.learning_rate / rule.correction1 * mean.value / divisor;
    const double step_error = std::abs(step) * (root_error / rule.correction2 / divisor + 6 * unit) +
                              rule.learning_rate / rule.correction1 * mean.error / divisor;
    it.parameter = sum(it.parameter, {-step, step_error});
    return it;
}

inline void check_rule(Checker &checker, const Rule &rule) {
    for (const Long count : sizes) {
        checker.begin("kind", rule.kind, "count", count, "momentum", rule.momentum, "dampening", rule.dampening,
                      "nesterov", rule.nesterov, "decay", rule.weight_decay, "amsgrad", rule.amsgrad);
        const bool adaptive = rule.kind != Rule::sgd;
        const auto positive = [&](Long) { return std::abs(checker.uniform()); };
        Random parameter(checker, count), gradient(checker, count);
        Buffer<float> first(checker, count, [&](Long) { return checker.uniform(); }), second(checker, count, positive),
            third(checker, count, positive);
        float *const moments[3] = {adaptive || rule.momentum != 0 ? first() : nullptr, adaptive ? second() : nullptr,
                                   adaptive && rule.amsgrad ? third() : nullptr};
        checker.kernels.update(parameter(), moments, gradient(), rule, count);
        for (Long i = 0; i < count; ++i) {
            const Parameter before{{parameter[i], 0}, {{first[i], 0}, {second[i], 0}, {third[i], 0}}};
            const Parameter want = (adaptive ? adam_reference : sgd_reference)(rule, before, {gradient[i], 0});
            parameter.expect(i, want.parameter.value, want.parameter.error + tiny);
            Buffer<float> *const buffers[] = {&first, &second, &third};
            for (int m = 0; m < 3; ++m)
                if (moments[m]) buffers[m]->expect(i, want.moments[m].value, want.moments[m].error + tiny);
        }
    }
}

inline Rule rule_of(Rule::Kind kind) {
    const double correction1 = 1 - std::pow(0.9, 3), correction2 = std::sqrt(1 - std::pow(0.999, 3));  // in step 3
    return {kind, 0.01, 0, 0, false, 0.9, 0.999, 1e-8, 0, false, correction1, correction2};
}

inline void check_update(Checker &checker) {
    for (const double decay : {0.0, 0.01}) {
        for (const double momentum : {0.0, 0.9})
            for (const double dampening : {0.0, 0.3})
                for (const bool nesterov : {false, true}) {
                    if (nesterov && (momentum == 0 || dampening != 0)) continue;
                    Rule rule = rule_of(Rule::sgd);
                    rule.momentum = momentum, rule.dampening = dampening, rule.nesterov = nesterov;
                    rule.weight_decay = decay;
                    check_rule(checker, rule);
                }
        for (const Rule::Kind kind : {Rule::adam, Rule::adamw})
            for (const bool amsgrad : {false, true}) {
                Rule rule = rule_of(kind);
                rule.weight_decay = decay, rule.amsgrad = amsgrad;
                check_rule(checker, rule);
            }
    }
}

inline void time_update(const Kernels &kernels, Benchmark &benchmark) {
    constexpr Long count = 1600;
    auto parameter = filled(count), mean = filled(count), second = filled(count);
    const auto gradient = filled(count);
    float *const moments[3] = {mean.data(), second.data(), nullptr};
    Rule rule = rule_of(Rule::sgd);
    rule.momentum = 0.9;
    benchmark.bytes(20.0 * count, [&] { kernels.update(parameter.data(), moments, gradient.data(), rule, count); });
    rule = rule_of(Rule::adam);
    benchmark.bytes(28.0 * count, [&] { kernels.update(parameter.data(), moments, gradient.data(), rule, count); });
}

constexpr Subject optimizers[] = {subject<&Kernels::update>("update", check_update, time_update)};

}  // namespace groundup::checks
