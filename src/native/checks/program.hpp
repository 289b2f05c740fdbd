// The check of a whole program: all layers at once, on one thread and on several, float32 and mixed, whole batches and
// the last smaller one. Its numbers are proven elsewhere (groundup's conformance tests); here it must give the same
// ones whatever the number of threads, and give a sanitizer something to look at.
#pragma once

#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "../program.hpp"

namespace groundup::checks {

constexpr Long side = 13, pictures = 50, batch_size = 17, classes = 3;

inline std::vector<std::unique_ptr<Layer>> layers_of_every_kind(Setting &setting) {
    std::vector<std::unique_ptr<Layer>> layers, inner;
    inner.push_back(make_convolution(setting, "2.0.", 5, 5, 3, 1, 1, true));
    inner.push_back(make_batch_norm(setting, "2.1.", 5, 0.1F, 1e-5F));
    inner.push_back(make_leaky_relu(setting, 0.1F));
    layers.push_back(make_convolution(setting, "0.", 1, 5, 3, 1, 0, false));
    layers.push_back(make_max_pool(setting, 2, 2));
    layers.push_back(make_residual(setting, std::move(inner)));
    layers.push_back(make_convolution(setting, "3.", 5, 9, 2, 2, 1, true));
    layers.push_back(make_tanh(setting));
    layers.push_back(make_average_pool(setting, 2, 1));
    layers.push_back(make_flatten(setting));
    layers.push_back(make_dropout(setting, 0.3F, 0));
    layers.push_back(make_linear(setting, "8.", 36, 500, true));
    layers.push_back(make_relu(setting));
    layers.push_back(make_linear(setting, "10.", 500, 130, true));  // large enough to be shared out by panels
    layers.push_back(make_sigmoid(setting));
    layers.push_back(make_linear(setting, "12.", 130, classes, true));
    return layers;
}

inline std::vector<std::unique_ptr<Layer>> linear_layers(Setting &setting) {
    std::vector<std::unique_ptr<Layer>> layers;
    layers.push_back(make_linear(setting, "0.", side * side, 330, true));  // from the lit pixels
    layers.push_back(make_relu(setting));
    layers.push_back(make_linear(setting, "2.", 330, classes, true));
    return layers;
}

// Numbers from -0.2 to 0.2 that look random.
inline float some_number(std::uint64_t i) {
    i = (i + 1) * 0x9E3779B97F4A7C15U;
    i = (i ^ i >> 30) * 0xBF58476D1CE4E5B9U;
    return static_cast<float>((i ^ i >> 27) >> 40) * 0x1p-24F * 0.4F - 0.2F;
}

// Returns all weights after three steps, and the outputs.
inline std::vector<float> trained(const Kernels &kernels, bool convolutions, bool mixed, int threads) {
    const OptimizerSetting optimizer{Rule::adam, 2, 0, 0, false, 0.9, 0.999, 1e-8, 0, false, convolutions ? 1.0 : 0.0};
    auto setting = std::make_unique<Setting>();
    setting->kernels = &kernels;
    setting->mixed = mixed;
    setting->moments = 2;
    auto layers = convolutions ? layers_of_every_kind(*setting) : linear_layers(*setting);
    Program program(std::move(setting), std::move(layers), {{side, side, 1}, 1 / 255.0F, 0, !convolutions}, classes,
                    {Loss::cross_entropy, 0.1F}, optimizer, std::nullopt, batch_size, threads);
    std::uint64_t drawn = 0;
    for (groundup::Parameter *parameter : program.parameters())
        for (Long i = 0; i < parameter->count; ++i)
            parameter->values.data()[parameter->place(i)] = parameter->learned ? some_number(drawn++) : 1.0F;
    program.refresh();
    std::vector<std::uint8_t> pixels(pictures * side * side), labels(pictures);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = i % 5 ? 0 : static_cast<std::uint8_t>(i * 37);
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::uint8_t>(i % classes);
    std::vector<std::int64_t> order(pictures);
    std::iota(order.rbegin(), order.rend(), 0);
    const std::vector<std::uint64_t> mask_keys = {11, 22, 33};
    program.epoch({pixels.data(), labels.data(), order.data(), pictures, side, side}, {0.01, 0.01, 0.01}, 1,
                  mask_keys.data(), 1, 0, [](const Progress &) { return false; });
    program.trace({pixels.data(), labels.data(), nullptr, batch_size, side, side}, 0.01, 4, mask_keys.data());
    std::vector<float> all(pictures * classes);
    program.predict(all.data(), pixels.data(), pictures);
    program.predict(all.data(), pixels.data(), 1);
    for (const groundup::Parameter *parameter : program.parameters())
        all.insert(all.end(), parameter->values.data(), parameter->values.data() + parameter->size);
    return all;
}

inline bool check_program(const Kernels &kernels) {
    bool right = true;
    for (const bool convolutions : {true, false})
        for (const bool mixed : {false, true}) {
            const auto alone = trained(kernels, convolutions, mixed, 1);
            bool same = true;
            for (const int threads : {2, 4}) {
                const auto together = trained(kernels, convolutions, mixed, threads);
                same = same && std::memcmp(alone.data(), together.data(), alone.size() * sizeof(float)) == 0;
            }
            std::printf("  %-24s %s on 1, 2 and 4 threads: %s, %s\n", "whole program", same ? "right" : "WRONG",
                        convolutions ? "layers of every kind" : "linear layers", mixed ? "mixed" : "float32");
            right = right && same;
        }
    return right;
}

}  // namespace groundup::checks
