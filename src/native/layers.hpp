// The layers: each puts its operations into a plan.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "setting.hpp"

namespace groundup {

class Layer {
  public:
    virtual ~Layer() = default;

    // Adds the operations that compute the outputs from x, and returns where they will be.
    virtual Buffer *forward(Plan &plan, Buffer *x, bool training) = 0;

    // Adds the operations that compute the gradient by the inputs from dy, the gradient by the outputs, and returns
    // where it will be; without `wanted` nobody needs it. `forward` was called for the same plan just before.
    virtual Buffer *backward(Plan &plan, Buffer *dy, bool wanted) = 0;

    // Add the tasks that compute the parameters' gradients, which are kept, or update the parameters at once; first
    // those of all layers that prepare for it, then those of all layers that do it.
    virtual void prepare_update(Plan &) {}
    virtual void update(Plan &, bool /*keep*/) {}

    // Adds the tasks that bring copies of the parameters up to date.
    virtual void refresh(Plan &) {}

    virtual std::vector<Parameter *> parameters() { return {}; }
};

// Which pixel won each window of a max-pool.
struct Winners {
    Buffer *cells;  // CellNumber (N, windows, channels)
    Window window;
};

// The lit pixels of each picture, for the one layer that can use them.
struct LitPixels {
    static constexpr Long ranges = 16;  // the pixels fall into ranges, so that each can be looked through by itself
    Buffer *entries;                    // (N, inputs) Entry
    Buffer *starts;                     // (N, ranges + 1): where a range's entries begin
    Long range;                         // pixels in a range
};

std::unique_ptr<Layer> make_linear(Setting &setting, const std::string &name, Long inputs, Long outputs, bool bias);
std::unique_ptr<Layer> make_convolution(Setting &setting, const std::string &name, Long inputs, Long outputs, Long size,
                                        Long stride, Long padding, bool bias);
std::unique_ptr<Layer> make_batch_norm(Setting &setting, const std::string &name, Long features, float momentum,
                                       float epsilon);
std::unique_ptr<Layer> make_relu(Setting &setting);
std::unique_ptr<Layer> make_leaky_relu(Setting &setting, float slope);
std::unique_ptr<Layer> make_sigmoid(Setting &setting);
std::unique_ptr<Layer> make_tanh(Setting &setting);
std::unique_ptr<Layer> make_softmax(Setting &setting);
std::unique_ptr<Layer> make_max_pool(Setting &setting, Long size, Long stride);
std::unique_ptr<Layer> make_average_pool(Setting &setting, Long size, Long stride);
std::unique_ptr<Layer> make_global_average(Setting &setting);
std::unique_ptr<Layer> make_flatten(Setting &setting);
std::unique_ptr<Layer> make_dropout(Setting &setting, float rate, Long number);
std::unique_ptr<Layer> make_residual(Setting &setting, std::vector<std::unique_ptr<Layer>> layers);

// Layers in a row, from the first one on; `outputs` receives every layer's.
Buffer *forward_through(const std::vector<std::unique_ptr<Layer>> &layers, Plan &plan, Buffer *x, bool training,
                        std::vector<Buffer *> *outputs = nullptr, std::size_t first = 0);
Buffer *backward_through(const std::vector<std::unique_ptr<Layer>> &layers, Plan &plan, Buffer *dy, bool wanted);

}  // namespace groundup
