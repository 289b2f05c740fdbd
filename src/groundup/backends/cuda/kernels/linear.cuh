// The fully connected layer: its three products.
#pragma once
#include "tensor_cores.cuh"

// y = x · weightᵀ + bias. Grid: (ceil(OUTPUTS / COLUMNS), ceil(batch size / ROWS)).
template <int INPUTS, int OUTPUTS, int PRECISION, int ROWS, int COLUMNS, class Then, class... Arguments>
__device__ void linear_forward(float *y /* (N, OUTPUTS) */, const float *x /* (N, INPUTS) */,
                               const float *weight /* (OUTPUTS, INPUTS) */, const float *bias /* (OUTPUTS,) or null */,
                               const Step *step, Arguments... then) {
    const Finish<Then> finish{y, Then{then...}};
    auto store = [=](int n, int output, float sum) { finish(n * OUTPUTS + output, bias ? sum + bias[output] : sum); };
    product<Tile<PRECISION, ROWS, COLUMNS>>(Matrix<INPUTS, 1>{x}, Matrix<INPUTS, 1>{weight}, store, step->examples,
                                            OUTPUTS, 0, INPUTS);
}

// The same without tiles, to see what they are good for. Grid: (ceil(OUTPUTS / 256), batch size).
template <int INPUTS, int OUTPUTS>
__device__ void naive_linear_forward(float *y /* (N, OUTPUTS) */, const float *x /* (N, INPUTS) */,
                                     const float *weight /* (OUTPUTS, INPUTS) */, const Step *step) {
    auto store = [=](int n, int output, float sum) { y[n * OUTPUTS + output] = sum; };
    naive_product(Matrix<INPUTS, 1>{x}, Matrix<INPUTS, 1>{weight}, store, step->examples, OUTPUTS, INPUTS);
}

// dx = dy · weight. Grid: (ceil(INPUTS / COLUMNS), ceil(batch size / ROWS)).
template <int INPUTS, int OUTPUTS, int PRECISION, int ROWS, int COLUMNS, class Then, class... Arguments>
__device__ void linear_input_gradient(float *dx /* (N, INPUTS) */, const float *dy /* (N, OUTPUTS) */,
                                      const float *weight /* (OUTPUTS, INPUTS) */, const Step *step,
                                      Arguments... then) {
    const Finish<Then> finish{dx, Then{then...}};
    auto store = [=](int n, int input, float sum) { finish(n * INPUTS + input, sum); };
    product<Tile<PRECISION, ROWS, COLUMNS>>(Matrix<OUTPUTS, 1>{dy}, Matrix<1, INPUTS>{weight}, store, step->examples,
                                            INPUTS, 0, OUTPUTS);
}

// dweight = dyᵀ · x, dbias = the sum of dy over the examples. Grid: `weight_gradient`'s.
template <int INPUTS, int OUTPUTS, int PRECISION, int ROWS, int COLUMNS>
__device__ void linear_weight_gradient(float *dweight /* (parts, OUTPUTS, INPUTS) */,
                                       float *dbias /* (parts, OUTPUTS) or null */, const float *dy /* (N, OUTPUTS) */,
                                       const float *x /* (N, INPUTS) */, const Step *step) {
    weight_gradient<Tile<PRECISION, ROWS, COLUMNS>, OUTPUTS, INPUTS>(dweight, dbias, Matrix<1, OUTPUTS>{dy},
                                                                     Matrix<1, INPUTS>{x}, step->examples);
}
