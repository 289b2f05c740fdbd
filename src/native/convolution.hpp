#pragma once

#include "layers.hpp"

namespace groundup {

// A convolution is a product whose left operand's rows are windows, read where they lie: a window of a picture
// (height, width, channels) is `size` runs of size · channels numbers. Its gradient by the inputs is a convolution of
// dy, in a frame of zeros, with the weight turned round.
class Convolution : public Layer {
  public:
    Convolution(Setting &setting, const std::string &name, Long inputs, Long outputs, Long size, Long stride,
                Long padding, bool bias);

    Buffer *forward(Plan &plan, Buffer *x, bool training) override;
    Buffer *backward(Plan &plan, Buffer *dy, bool wanted) override;
    void update(Plan &plan, bool keep) override;
    void refresh(Plan &plan) override;
    std::vector<Parameter *> parameters() override;

  private:
    Buffer *left_operand(Plan &plan, Buffer *x, const Shape &framed, Long top, Long left, Long spread) const;
    void multiply(Plan &plan, Buffer *y, Buffer *x, const Shape &framed, Long top, Long left, Long step,
                  const Operand &operand, const float *values, const float *bias) const;
    void add_gradients(Plan &plan);
    void add_gradients_mixed(Plan &plan);
    void refresh_turned();

    Setting &setting_;
    const Kernels &kernels_;
    const Long inputs_, outputs_, size_, stride_, padding_;
    const bool has_bias_;
    Operand operand_, turned_operand_;
    Parameter weight_, bias_;
    Array<float> turned_;  // (rows and columns of the window, outputs; inputs) in panels; only where somebody wants it
    // Of the plan that is being made:
    Buffer *x_ = nullptr, *dy_ = nullptr;
    Shape framed_{};  // the picture with its padding
    std::shared_ptr<Array<float>> weight_gradients_, bias_gradients_;  // of each chunk of pictures
};

}  // namespace groundup
