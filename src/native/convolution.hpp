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
    // As `backward` of this layer and of the max-pool after it, whose gradient dy is: only the pixels that won their
    // windows have a gradient, one of four or fewer. In mixed precision all are as fast.
    Buffer *backward_winners(Plan &plan, Buffer *dy, const Winners &winners, bool wanted);
    bool takes_winners() const { return !setting_.mixed; }
    void update(Plan &plan, bool keep) override;
    void refresh(Plan &plan) override;
    std::vector<Parameter *> parameters() override;

  private:
    Buffer *left_operand(Plan &plan, Buffer *x, const Shape &framed, Long top, Long left, Long spread,
                         Long behind = 0) const;
    void multiply(Plan &plan, Buffer *y, Buffer *x, const Shape &framed, Long top, Long left, Long step,
                  const Operand &operand, const float *values, const float *bias) const;
    void multiply_short(Plan &plan, Buffer *y, Buffer *x, const Shape &framed, Long top, Long left, Long step,
                        const Operand &operand, const float *values, const float *bias) const;
    void add_gradients(Plan &plan);
    void add_gradients_mixed(Plan &plan);
    void add_bias_gradient(const Array<float> &gradients, Long chunk, bool add, const float *dy, Long area) const;
    void refresh_turned();
    void refresh_rows();
    void sort_by_output(Entry *entries, Long *counts, const float *dy, const CellNumber *cells,
                        const Window &window) const;
    template <class Run>
    void for_row_parts(Run run) const;
    void add_chunks(float *sums, const Array<float> &gradients, Long size, Long begin, Long numbers, Long chunks) const;
    void update_from_rows(Plan &plan, bool keep);
    void update_from_panels(Plan &plan, bool keep);
    void take_bias(Plan &plan, bool keep);

    Setting &setting_;
    const Kernels &kernels_;
    const Long inputs_, outputs_, size_, stride_, padding_;
    const bool has_bias_;
    Operand operand_, turned_operand_;
    Parameter weight_, bias_;
    // For the gradients of winners the weight lies by output: (outputs, size, run), a run filled up to whole registers.
    const Long run_vectors_, row_size_;
    Array<float> rows_;
    Array<float> turned_;  // (rows and columns of the window, outputs; inputs) in panels; only where somebody wants it
    // Of the plan that is being made:
    Buffer *x_ = nullptr, *dy_ = nullptr;
    Shape framed_{};                                                   // the picture with its padding
    std::shared_ptr<Array<float>> weight_gradients_, bias_gradients_;  // of each chunk of pictures
    bool by_output_ = false;                                           // whether those lie as rows_, or in panels
};

}  // namespace groundup
