// Sums, scales and masks.

static void add(float *__restrict y, const float *__restrict x, Long count) {
    for (Long i = 0; i < count; ++i) y[i] += x[i];
}

static void scale(float *y, float factor, Long count) {
    for (Long i = 0; i < count; ++i) y[i] *= factor;
}

static double sum_of_squares(const float *x, Long count) {
    return sum_of(x, count, [](double number) { return number * number; });
}

// V sums of W floats stay in registers while the rows run.
template <int W, Long V>
static inline void add_rows_of(float *sums, const float *x, Long rows, Long features) {
    using Floats = typename Wide<W>::Floats;
    Floats sum[V];
    for (Long v = 0; v < V; ++v) sum[v] = read<Floats>(sums + v * W);
    for (Long row = 0; row < rows; ++row, x += features)
        for (Long v = 0; v < V; ++v) sum[v] += read<Floats>(x + v * W);
    for (Long v = 0; v < V; ++v) write(sums + v * W, sum[v]);
}

static void add_rows(float *sums, const float *x, Long rows, Long features) {
    Long f = 0;
    for (; f + 4 * LANES <= features; f += 4 * LANES) add_rows_of<LANES, 4>(sums + f, x + f, rows, features);
    for_channels(features - f, [&]<int W>(Long c) { add_rows_of<W, 1>(sums + f + c, x + f + c, rows, features); });
}

// SplitMix64 (Steele, Lea and Flood, 2014), as groundup/randomness.py has it.
constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;

static inline std::uint64_t splitmix64(std::uint64_t state) {
    state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
    state = (state ^ state >> 27) * 0x94d049bb133111eb;
    return state ^ state >> 31;
}

static void dropout(float *y, const float *x, std::uint64_t key, std::uint64_t first, double rate, Long area,
                    Long channels) {
    // A number is kept where its 24 random bits, as a fraction, are at least the rate; in float32, as NumPy compares.
    const auto least = static_cast<std::int32_t>(__builtin_ceilf(static_cast<float>(rate) * 0x1p24f));
    const auto kept = static_cast<float>(1.0 / (1.0 - rate));
    const std::uint64_t step = static_cast<std::uint64_t>(area) * golden;  // from a channel to the next
    for (Long a = 0; a < area; ++a, y += channels, x += channels) {
        const std::uint64_t state = key + (first + static_cast<std::uint64_t>(a) + 1) * golden;
        IN_PLACE
        for (Long c = 0; c < channels; ++c) {
            const std::uint64_t drawn = splitmix64(state + static_cast<std::uint64_t>(c) * step) >> 40;
            y[c] = x[c] * (static_cast<std::int32_t>(drawn) >= least ? kept : 0.0f);
        }
    }
}
