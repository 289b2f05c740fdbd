// AVX-512 (F, BW, DQ, VL).
#define ISA avx512
#define LANES 16
#define REGISTERS 32
#include "../kernels/table.hpp"
