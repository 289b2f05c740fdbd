// Plain C++: four lanes, which every 64-bit processor of the day has.
#define ISA portable
#define LANES 4
#define REGISTERS 16
#include "../kernels/table.hpp"
