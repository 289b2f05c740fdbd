#pragma once

#include "layers.hpp"

namespace groundup {

// y = x Wᵀ + b. The weight lies in panels (inputs, outputs); the gradient by the inputs takes a transposed copy.
class Linear : public Layer {
  public:
    Linear(Setting &setting, const std::string &name, Long inputs, Long outputs, bool bias);

    Buffer *forward(Plan &plan, Buffer *x, bool training) override;
    // As `forward`, from nothing but the lit pixels.
    Buffer *forward_lit(Plan &plan, const LitPixels &pixels);
    Buffer *backward(Plan &plan, Buffer *dy, bool wanted) override;
    void prepare_update(Plan &plan) override;
    void update(Plan &plan, bool keep) override;
    void refresh(Plan &plan) override;
    std::vector<Parameter *> parameters() override;

  private:
    Buffer *left_operand(Plan &plan, Buffer *x) const;
    void multiply(Plan &plan, Buffer *y, Buffer *x, const Operand &operand, const float *values,
                  const float *bias) const;
    void multiply_lit(float *y, const Entry *entries, const Long *starts, Long count, Long group) const;
    void update_dense(Plan &plan, bool keep);
    void update_mixed(Plan &plan, bool keep);
    void update_lit(Plan &plan, bool keep);
    void update_bias(Plan &plan, bool keep);
    void sort_by_pixel(Entry *lists, Long *counts, const LitPixels &pixels, Long range, Long capacity) const;
    void update_pixels(Long first, Long rows, Long panel, const Entry *lists, const Long *counts, Long capacity,
                       const float *dy, float *gradient, bool keep);
    void add_pictures(Long range, Long rows, const LitPixels &pixels, const float *dy, float *gradient) const;
    void take_pixels(Long first, Long rows, Long panel, float *gradient, bool keep);
    void take(Long panel, Long first_input, const float *gradient, Long rows, bool keep);
    void refresh_transposed(Long panel);

    Setting &setting_;
    const Kernels &kernels_;
    const Long inputs_, outputs_;
    const bool has_bias_;
    Operand operand_, transposed_operand_;
    Parameter weight_, bias_;
    Array<float> transposed_;  // (outputs, inputs) in panels; only where somebody wants it
    // Of the plan that is being made:
    Buffer *x_ = nullptr, *dy_ = nullptr;
    LitPixels lit_{};
    std::shared_ptr<Array<BFloat16>> x_transposed_;  // (inputs, pictures)
};

}  // namespace groundup
