// AVX2 and FMA.
#define ISA avx2
#define LANES 8
#define REGISTERS 16
#include "../kernels/table.hpp"
