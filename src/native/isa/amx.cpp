// AVX-512 with products of bfloat16, and the tiles of AMX.
#define ISA amx
#define LANES 16
#define REGISTERS 32
#define TILES
#include "../kernels/table.hpp"
