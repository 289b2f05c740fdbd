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

// Calls run with these conditions as its template arguments: a loop inside is then compiled for each case by itself.
template <bool... chosen, class Run>
static inline void choose(Run run) {
    run.template operator()<chosen...>();
}

template <bool... chosen, class Run, class... Rest>
static inline void choose(Run run, bool next, Rest... rest) {
    if (next) choose<chosen..., true>(run, rest...);
    else choose<chosen..., false>(run, rest...);
}

// Registers of any width: of W floats, and of as many of other types.
template <int W>
struct Wide {
    typedef float Floats __attribute__((vector_size(W * 4)));
    typedef std::int32_t Ints __attribute__((vector_size(W * 4)));
    typedef std::uint16_t Shorts __attribute__((vector_size(W * 2)));
};

template <class Register, class Number>
static inline Register read(const Number *from) {
    Register value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
}

template <class Register, class Number>
static inline void write(Number *to, Register value) {
    __builtin_memcpy(to, &value, sizeof value);
}

// The channels in registers of LANES, the rest in one of half the lanes, and so on: each takes W channels from c on.
template <int W = LANES, class Each>
static inline void for_channels(Long channels, Each each, Long c = 0) {
    for (; c + W <= channels; c += W) each.template operator()<W>(c);
    if constexpr (W > 1) for_channels<W / 2>(channels, each, c);
}

// The sum of term(x) over all x, in double, with as many sums side by side as keep the adders busy.
template <class Term>
static inline double sum_of(const float *x, Long count, Term term) {
    constexpr Long side_by_side = 2 * LANES;
    double sums[side_by_side] = {}, sum = 0.0;
    Long i = 0;
    for (; i + side_by_side <= count; i += side_by_side)
        for (Long lane = 0; lane < side_by_side; ++lane) sums[lane] += term(static_cast<double>(x[i + lane]));
    for (; i < count; ++i) sum += term(static_cast<double>(x[i]));
    for (const double each : sums) sum += each;
    return sum;
}
