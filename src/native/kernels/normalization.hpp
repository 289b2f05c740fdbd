// Batch normalisation: the sums of its statistics, in double, and what is done with them.

static void add_sums(double *__restrict sums, const float *__restrict x, Long rows, Long features) {
    for (Long row = 0; row < rows; ++row, x += features)
        for (Long f = 0; f < features; ++f) sums[f] += x[f];
}

static void add_squares(double *__restrict sums, const float *__restrict x, const float *__restrict mean, Long rows,
                        Long features) {
    for (Long row = 0; row < rows; ++row, x += features)
        for (Long f = 0; f < features; ++f) {
            const double difference = static_cast<double>(x[f]) - mean[f];
            sums[f] += difference * difference;
        }
}

static void add_products(double *__restrict sums, const float *__restrict x, const float *__restrict y, Long rows,
                         Long features) {
    for (Long row = 0; row < rows; ++row, x += features, y += features)
        for (Long f = 0; f < features; ++f) sums[f] += static_cast<double>(x[f]) * y[f];
}

static void batch_norm(float *y, float *normalized, const float *x, const float *__restrict mean,
                       const float *__restrict scale, const float *__restrict weight, const float *__restrict bias,
                       Long rows, Long features) {
    float *to = normalized ? normalized : y;  // y is written last
    for (Long row = 0; row < rows; ++row, y += features, to += features, x += features) {
        IN_PLACE
        for (Long f = 0; f < features; ++f) to[f] = (x[f] - mean[f]) * scale[f];
        IN_PLACE
        for (Long f = 0; f < features; ++f) y[f] = to[f] * weight[f] + bias[f];
    }
}

static void batch_norm_gradient(float *dx, const float *dy, const float *normalized, const float *__restrict weight,
                                const float *__restrict mean_dx, const float *__restrict along,
                                const float *__restrict scale, Long rows, Long features) {
    for (Long row = 0; row < rows; ++row, dx += features, dy += features, normalized += features) IN_PLACE
    for (Long f = 0; f < features; ++f) dx[f] = (dy[f] * weight[f] - mean_dx[f] - normalized[f] * along[f]) * scale[f];
}
