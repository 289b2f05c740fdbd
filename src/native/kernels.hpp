// The kernels: every loop that runs over numbers. There is one table of them for each instruction set.
//
// Arguments stand in one order everywhere: what is written, the gradient that comes from above, what is read, sizes.
// Every array is float32 in C order and has its shape beside it; pictures lie as (N, height, width, channels).
// A kernel is called by one thread and knows of no other.
#pragma once

#include <cstdint>

namespace groundup {

using Long = std::int64_t;

// Two neighbouring bfloat16 numbers, the first in the low half: what bfloat16 hardware multiplies at once.
using Pair = std::uint32_t;
using BFloat16 = std::uint16_t;

// The left operand of a product: where its cell in row r and column k is found. A cell is one float, or one Pair.
// The columns fall into segments of equal length: the rows of a convolution's window lie apart in memory.
struct Rows {
    const void *cells;    // float or BFloat16
    Long row_stride;      // from one row to the next, in numbers
    Long step;            // from one cell of a segment to the next, in numbers (of Pairs: always 2)
    Long segment_stride;  // from one segment to the next, in numbers
    Long segments;
    Long length;  // cells in a segment
};

// One entry of a sparse row: the number at a place. All others are zero.
struct Entry {
    std::int32_t place;
    float value;
};

// A window that slides over pictures (height, width, channels).
struct Window {
    Long height, width, channels;
    Long size, stride;
    Long rows, columns;  // of windows
};

using CellNumber = std::uint16_t;
constexpr CellNumber no_cell = 0xffff;

// The settings of an optimizer for one step. What a field means stands in groundup/optimizers.py. In double, for the
// sake of 1 - beta2: a float of 0.999 is off by a hundred-thousandth of that.
struct Rule {
    enum Kind { sgd, adam, adamw } kind;
    double learning_rate;
    double momentum, dampening;  // dampening: 0 in the first step
    bool nesterov;
    double beta1, beta2, epsilon, weight_decay;
    bool amsgrad;
    double correction1, correction2;  // 1 - beta1^step, √(1 - beta2^step)
};

// What augmentation does to a picture: groundup/augmentation/settings.py says what the numbers are.
struct Augmentation {
    std::int32_t shift, half_turn, scale, shear, elastic, grid_step, thickness, blur, contrast, noise, occlusion;
};

struct Kernels {
    const char *name;
    Long lanes;  // floats in a register
    Long cells;  // the segments of a mixed product are multiples of so many Pairs long

    // -- products.hpp: out (rows, columns) = a · b [+ bias] or out += a · b, where b (cells, columns) has `columns`
    // of at most 3 · lanes, rounded up to whole registers (`vectors`), readable with whatever lies behind.
    void (*product)(float *out, Long out_stride, const Rows &a, const float *b, Long b_stride, const float *bias,
                    bool add, Long rows, Long columns, Long vectors);
    void (*product_mixed)(float *out, Long out_stride, const Rows &a, const Pair *b, Long b_stride, const float *bias,
                          bool add, Long rows, Long columns, Long vectors);
    // After a thread's last mixed product and before other people's code runs in it, which may use AMX's tiles, too.
    void (*release)();

    // -- sparse.hpp: out (panels, vectors · lanes) = Σ value · b[panel][place] over the entries [+ bias]. A panel of
    // b has rows of vectors · lanes floats. At most 12 / vectors panels at once (`sparse_panels`).
    Long (*sparse_panels)(Long vectors);
    void (*sparse_product)(float *out, Long out_panel_stride, const Entry *entries, Long count, const float *b,
                           Long b_row_stride, Long b_panel_stride, const float *bias, Long panels, Long vectors);
    // The other way round: out[panel][place] += value · b (panels, vectors · lanes) for each entry.
    void (*sparse_add)(float *out, Long out_row_stride, Long out_panel_stride, const Entry *entries, Long count,
                       const float *b, Long b_panel_stride, Long panels, Long vectors);
    // entries of the bytes that are not zero, their values times scale, the first at place `first`; returns how many.
    // There is room for count entries.
    Long (*nonzeros)(Entry *entries, const std::uint8_t *bytes, float scale, Long first, Long count);

    // -- layout.hpp
    void (*normalize)(float *y, const std::uint8_t *pixels, float scale, float shift,
                      Long count);                                 // pixels · scale + shift
    void (*round_mixed)(BFloat16 *y, const float *x, Long count);  // to the nearest, ties to even
    void (*transpose)(float *y, const float *x, Long rows, Long columns, Long y_stride, Long x_stride);
    void (*transpose_mixed)(BFloat16 *y, const float *x, Long rows, Long columns, Long y_stride, Long x_stride);
    // y (columns, size · run) of x: `columns` windows that are `across` apart, each of `size` runs that are `line` apart.
    void (*windows)(float *y, const float *x, Long columns, Long across, Long size, Long run, Long line);
    // y (cells, width) Pairs of x (rows, columns): rows 2k and 2k+1 side by side; zeros beyond rows and columns.
    void (*interleave)(Pair *y, const float *x, Long rows, Long columns, Long x_stride, Long cells, Long width);

    // -- activations.hpp: y and x (count,); a gradient may be written where dy lies, and y where x lies
    void (*relu)(float *y, const float *x, Long count);
    void (*relu_gradient)(float *dx, const float *dy, const float *y, Long count);
    void (*leaky_relu)(float *y, const float *x, float slope, Long count);
    void (*leaky_relu_gradient)(float *dx, const float *dy, const float *x, float slope, Long count);
    void (*sigmoid)(float *y, const float *x, Long count);
    void (*sigmoid_gradient)(float *dx, const float *dy, const float *y, Long count);
    void (*tanh)(float *y, const float *x, Long count);
    void (*tanh_gradient)(float *dx, const float *dy, const float *y, Long count);
    void (*softmax)(float *y, const float *x, Long rows, Long features);
    void (*softmax_gradient)(float *dx, const float *dy, const float *y, Long rows, Long features);

    // -- pooling.hpp: one picture x (height, width, channels), y (rows, columns, channels); dx is written whole.
    // cells: which number of its window each of y is, row by row, and `no_cell` for a NaN; windows of size 255 at most
    void (*max_pool)(float *y, CellNumber *cells, const float *x, const Window &window);
    void (*max_pool_gradient)(float *dx, const float *dy, const CellNumber *cells, const Window &window);
    void (*average_pool)(float *y, const float *x, const Window &window);
    void (*average_pool_gradient)(float *dx, const float *dy, const Window &window);
    void (*global_average)(float *y, const float *x, Long area, Long channels);  // x (area, channels), y (channels,)
    void (*global_average_gradient)(float *dx, const float *dy, Long area, Long channels);

    // -- normalization.hpp: x (rows, features)
    void (*add_sums)(double *sums, const float *x, Long rows, Long features);  // sums (features,) += Σ x
    void (*add_squares)(double *sums, const float *x, const float *mean, Long rows, Long features);  // Σ (x - mean)²
    void (*add_products)(double *sums, const float *x, const float *y, Long rows, Long features);    // Σ x · y
    // normalized = (x - mean) · scale; y = normalized · weight + bias; normalized may be null
    void (*batch_norm)(float *y, float *normalized, const float *x, const float *mean, const float *scale,
                       const float *weight, const float *bias, Long rows, Long features);
    // dx = (dy · weight - mean_dx - normalized · along) · scale, all but dy and normalized (features,)
    void (*batch_norm_gradient)(float *dx, const float *dy, const float *normalized, const float *weight,
                                const float *mean_dx, const float *along, const float *scale, Long rows, Long features);

    // -- structure.hpp
    void (*add)(float *y, const float *x, Long count);  // y += x
    void (*scale)(float *y, float factor, Long count);  // y *= factor
    double (*sum_of_squares)(const float *x, Long count);
    void (*add_rows)(float *sums, const float *x, Long rows, Long features);  // sums (features,) += Σ rows of x
    // mask of one picture, drawn by SplitMix64 read at the counters first + 1, ...: 0, or 1 / (1 - rate).
    // y and x (area, channels); the counter of (a, c) is c · area + a, as the array (channels, area) has it.
    void (*dropout)(float *y, const float *x, std::uint64_t key, std::uint64_t first, double rate, Long area,
                    Long channels);

    // -- augmentation.hpp: y (height, width) of x, as picture `number` of its batch; room: so many bytes
    void (*augment)(std::uint8_t *y, const std::uint8_t *x, std::uint8_t *room, const Augmentation &settings,
                    std::uint64_t key, Long number, Long height, Long width);
    Long (*augmentation_room)(const Augmentation &settings, Long height, Long width);

    // -- losses.hpp: logits and dlogits (rows, classes); returns the sum of the rows' losses, not yet a mean;
    // dlogits: that sum's gradient times scale (1 / N for the mean's); correct: how many rows have their first largest
    // output at their label. A row's squared error is the mean over its classes. Labels are below classes.
    double (*cross_entropy)(float *dlogits, Long *correct, const float *logits, const std::uint8_t *labels,
                            float smoothing, float scale, Long rows, Long classes);
    double (*squared_error)(float *doutputs, Long *correct, const float *outputs, const std::uint8_t *labels,
                            float scale, Long rows, Long classes);

    // -- optimizers.hpp: parameter and moments (count,) in place, moments in the order of Optimizer.moments
    void (*update)(float *parameter, float *const moments[3], const float *gradient, const Rule &rule, Long count);

    // -- peak.hpp: as many multiplications and additions a second as there can be; y (2 · lanes,), returns how many
    Long (*peak)(float *y, Long rounds);
    Long (*peak_mixed)(float *y, Long rounds);
};

}  // namespace groundup
