// Sums, scales and masks.

static void add(float *__restrict y, const float *__restrict x, Long count) {
    for (Long i = 0; i < count; ++i) y[i] += x[i];
}

static void scale(float *y, float factor, Long count) {
    for (Long i = 0; i < count; ++i) y[i] *= factor;
}

// In double, and as many sums side by side as keep the adders busy.
static double sum_of_squares(const float *x, Long count) {
    constexpr Long side_by_side = 2 * LANES;
    double sums[side_by_side] = {}, sum = 0.0;
    Long i = 0;
    for (; i + side_by_side <= count; i += side_by_side)
        for (Long lane = 0; lane < side_by_side; ++lane) {
            const double number = x[i + lane];
            sums[lane] += number * number;
        }
    for (; i < count; ++i) sum += static_cast<double>(x[i]) * x[i];
    for (Long lane = 0; lane < side_by_side; ++lane) sum += sums[lane];
    return sum;
}

// Four rows at once: a quarter of the loads and stores of the sums.
static void add_rows(float *__restrict sums, const float *__restrict x, Long rows, Long features) {
    Long row = 0;
    for (; row + 4 <= rows; row += 4, x += 4 * features)
        for (Long f = 0; f < features; ++f)
            sums[f] += (x[f] + x[features + f]) + (x[2 * features + f] + x[3 * features + f]);
    for (; row < rows; ++row, x += features)
        for (Long f = 0; f < features; ++f) sums[f] += x[f];
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
    // A number is kept where its 24 random bits, as a fraction, are at least the rate (in float32, as NumPy compares).
    const auto least = static_cast<std::int32_t>(__builtin_ceil(static_cast<double>(static_cast<float>(rate)) * 0x1p24));
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
