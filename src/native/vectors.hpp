// Registers of LANES floats, in GCC's and Clang's own notation: +, * and friends work lane by lane.
// Included once for each instruction set, inside its namespace.

typedef float Floats __attribute__((vector_size(LANES * 4)));
typedef std::int32_t Ints __attribute__((vector_size(LANES * 4)));
typedef std::uint32_t Bits __attribute__((vector_size(LANES * 4)));
typedef float LooseFloats __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef std::int32_t LooseInts __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

static inline Floats load(const float *from) { return *reinterpret_cast<const LooseFloats *>(from); }
static inline void store(float *to, Floats value) { *reinterpret_cast<LooseFloats *>(to) = value; }
static inline Floats broadcast(float value) { return value - Floats{}; }

static inline void store_first(float *to, Floats value, Long count) {
    __builtin_memcpy(to, &value, static_cast<std::size_t>(count) * sizeof(float));
}

// Before a loop over numbers of which each may be written where it was read, and none elsewhere.
#ifdef __clang__
#define IN_PLACE _Pragma("clang loop vectorize(assume_safety)")
#else
#define IN_PLACE _Pragma("GCC ivdep")
#endif
