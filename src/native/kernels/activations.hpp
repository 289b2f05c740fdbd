// Activations: functions of one number each, and softmax. No loop has a branch, so that each becomes one of registers.

// e^x - 1 = 2^power · (fraction + 1) - 1, where fraction = e^r - 1 and |r| is at most ln(2) / 2.
struct Exponential {
    float fraction;
    std::uint32_t power;

    // 2^n for n from -126 to 127: n becomes the exponent of a float. Unsigned, since a NaN makes any number of it.
    static inline float power_of_two(std::uint32_t n) { return __builtin_bit_cast(float, (n + 127) << 23); }
};

// Valid where |x| is below 2^21 · ln(2); NaN gives a NaN. Coefficients of Moshier's Cephes library.
static inline Exponential reduce(float x) {
    constexpr float shift = 0x1.8p23f;  // adding it rounds to an integer, which then stands in the lowest bits
    const float shifted = x * 1.44269504f + shift;
    const float power = shifted - shift;
    const float r = x - power * 0.693359375f - power * -2.12194440e-4f;  // ln(2) in two parts: one product is exact
    float series = 1.9875691500e-4f;
    series = series * r + 1.3981999507e-3f;
    series = series * r + 8.3334519073e-3f;
    series = series * r + 4.1665795894e-2f;
    series = series * r + 1.6666665459e-1f;
    series = series * r + 5.0000001201e-1f;
    return {r * r * series + r, __builtin_bit_cast(std::uint32_t, shifted) - __builtin_bit_cast(std::uint32_t, shift)};
}

// e^x, within 2 units in the last place; 2^power in two halves, since a float holds 2^-150 or 2^128 in no other way.
static inline float exponential(float x) {
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    const Exponential e = reduce(x);
    const std::uint32_t half = static_cast<std::uint32_t>(static_cast<std::int32_t>(e.power) >> 1);
    return (e.fraction + 1.0f) * Exponential::power_of_two(half) * Exponential::power_of_two(e.power - half);
}

// -(1 - e^-2|x|) / (1 + e^-2|x|) and the sign turned back; as e^z - 1, which is exact near 0.
static inline float hyperbolic_tangent(float x) {
    float z = -2.0f * __builtin_fabsf(x);
    z = z < -40.0f ? -40.0f : z;
    const Exponential e = reduce(z);
    const float scale = Exponential::power_of_two(e.power);
    const float less_one = scale * e.fraction + (scale - 1.0f);
    return __builtin_copysignf(less_one / (less_one + 2.0f), x);
}

static inline float logistic(float x) {
    const float small = exponential(-__builtin_fabsf(x));
    return (x > 0.0f ? 1.0f : small) / (1.0f + small);
}

static void relu(float *y, const float *x, Long count) {
    IN_PLACE
    for (Long i = 0; i < count; ++i) y[i] = x[i] < 0.0f ? 0.0f : x[i];  // so that NaN stays NaN
}

static void relu_gradient(float *dx, const float *dy, const float *y, Long count) {
    IN_PLACE
    for (Long i = 0; i < count; ++i) dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

static void leaky_relu(float *y, const float *x, float slope, Long count) {
    IN_PLACE
    for (Long i = 0; i < count; ++i) y[i] = x[i] > 0.0f ? x[i] : slope * x[i];
}

static void leaky_relu_gradient(float *dx, const float *dy, const float *x, float slope, Long count) {
    IN_PLACE
    for (Long i = 0; i < count; ++i) dx[i] = x[i] > 0.0f ? dy[i] : slope * dy[i];
}

static void sigmoid(float *y, const float *x, Long count) {
    IN_PLACE
    for (Long i = 0; i < count; ++i) y[i] = logistic(x[i]);
}

static void sigmoid_gradient(float *dx, const float *dy, const float *y, Long count) {
    IN_PLACE
    for (Long i = 0; i < count; ++i) dx[i] = dy[i] * y[i] * (1.0f - y[i]);
}

static void tanh(float *y, const float *x, Long count) {
    IN_PLACE
    for (Long i = 0; i < count; ++i) y[i] = hyperbolic_tangent(x[i]);
}

static void tanh_gradient(float *dx, const float *dy, const float *y, Long count) {
    IN_PLACE
    for (Long i = 0; i < count; ++i) dx[i] = dy[i] * (1.0f - y[i] * y[i]);
}

// The place of the first of the largest numbers, or of the first NaN, as NumPy has it.
static inline Long first_largest(const float *row, Long count) {
    Long place = 0;
    float largest = row[0];
    for (Long i = 0; i < count; ++i) {
        if (row[i] != row[i]) return i;
        const bool larger = row[i] > largest;
        place = larger ? i : place;
        largest = larger ? row[i] : largest;
    }
    return place;
}

static inline float row_sum(const float *row, Long count) {
    float sum = 0.0f;
    for (Long i = 0; i < count; ++i) sum += row[i];
    return sum;
}

static void exponentials(float *x, Long count) {
    for (Long i = 0; i < count; ++i) x[i] = exponential(x[i]);
}

// The exponentials of all rows run in one loop: a row by itself is short, and would leave most of a register empty.
static void softmax(float *y, const float *x, Long rows, Long features) {
    for (Long row = 0; row < rows; ++row) {
        const float *from = x + row * features;
        const float largest = from[first_largest(from, features)];
        IN_PLACE
        for (Long f = 0; f < features; ++f) y[row * features + f] = from[f] - largest;
    }
    exponentials(y, rows * features);
    for (Long row = 0; row < rows; ++row, y += features) {
        const float total = row_sum(y, features);
        for (Long f = 0; f < features; ++f) y[f] /= total;
    }
}

static void softmax_gradient(float *dx, const float *dy, const float *y, Long rows, Long features) {
    for (Long row = 0; row < rows; ++row, dx += features, dy += features, y += features) {
        float along = 0.0f;
        for (Long f = 0; f < features; ++f) along += dy[f] * y[f];
        IN_PLACE
        for (Long f = 0; f < features; ++f) dx[f] = y[f] * (dy[f] - along);
    }
}
