// AVX-512 with products of bfloat16.
#define ISA avx512bf16
#define LANES 16
#define REGISTERS 32
#include "../kernels/table.hpp"
