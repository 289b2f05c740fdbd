// All kernels, for the instruction set that ISA, LANES and REGISTERS describe. Each file of isa/ includes this once,
// and is compiled with flags of its own: nothing here may become a symbol that two of them share (a template of std::,
// say), or a processor would be given another's instructions.
#include <cstddef>
#include <cstdint>
#include <utility>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "../kernels.hpp"

namespace groundup::ISA {

#include "../vectors.hpp"
#include "products.hpp"
#ifdef TILES
#include "tiles.hpp"
#else
constexpr Long segment_cells = 1;
constexpr auto product_mixed = product_of<PairCell>;
static void release() {}
#endif
#include "sparse.hpp"

#include "layout.hpp"

#include "activations.hpp"
#include "losses.hpp"
#include "normalization.hpp"
#include "optimizers.hpp"
#include "peak.hpp"
#include "pooling.hpp"
#include "structure.hpp"

#include "augmentation.hpp"

#define NAME_OF(isa) #isa
#define NAME(isa) NAME_OF(isa)

extern const Kernels kernels;

const Kernels kernels = {
    .name = NAME(ISA),
    .lanes = LANES,
    .cells = segment_cells,
    .product = product_of<FloatCell>,
    .product_mixed = product_mixed,
    .release = release,
    .sparse_panels = sparse_panels,
    .sparse_product = sparse_product,
    .sparse_add = sparse_add,
    .nonzeros = nonzeros,
    .normalize = normalize,
    .round_mixed = round_mixed,
    .transpose = transpose,
    .transpose_mixed = transpose_mixed,
    .windows = windows,
    .interleave = interleave,
    .relu = relu,
    .relu_gradient = relu_gradient,
    .leaky_relu = leaky_relu,
    .leaky_relu_gradient = leaky_relu_gradient,
    .sigmoid = sigmoid,
    .sigmoid_gradient = sigmoid_gradient,
    .tanh = tanh,
    .tanh_gradient = tanh_gradient,
    .softmax = softmax,
    .softmax_gradient = softmax_gradient,
    .max_pool = max_pool,
    .max_pool_gradient = max_pool_gradient,
    .average_pool = average_pool,
    .average_pool_gradient = average_pool_gradient,
    .global_average = global_average,
    .global_average_gradient = global_average_gradient,
    .add_sums = add_sums,
    .add_squares = add_squares,
    .add_products = add_products,
    .batch_norm = batch_norm,
    .batch_norm_gradient = batch_norm_gradient,
    .add = add,
    .scale = scale,
    .sum_of_squares = sum_of_squares,
    .add_rows = add_rows,
    .dropout = dropout,
    .augment = augment,
    .augmentation_room = augmentation_room,
    .cross_entropy = cross_entropy,
    .squared_error = squared_error,
    .update = update,
    .peak = peak,
    .peak_mixed = peak_mixed,
};

}  // namespace groundup::ISA
