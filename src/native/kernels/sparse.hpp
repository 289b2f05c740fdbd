// Products with rows that are mostly zero: four of five pixels of a digit are black.

constexpr Long sparse_registers = 12;

static Long sparse_panels(Long vectors) { return sparse_registers / vectors; }

template <int P, int V>
static inline void sparse_tile(float *out, Long out_panel_stride, const Entry *entries, Long count, const float *b,
                               Long b_row_stride, Long b_panel_stride, const float *bias) {
    Floats sum[P][V] = {};
    for (Long e = 0; e < count; ++e) {
        const Floats value = broadcast(entries[e].value);
        const float *row = b + entries[e].place * b_row_stride;
#pragma GCC unroll 12
        for (int p = 0; p < P; ++p)
#pragma GCC unroll 3
            for (int v = 0; v < V; ++v) sum[p][v] = value * load(row + p * b_panel_stride + v * LANES) + sum[p][v];
    }
    for (int p = 0; p < P; ++p)
        for (int v = 0; v < V; ++v) {
            const Floats first = bias ? load(bias + (p * V + v) * LANES) : Floats{};
            store(out + p * out_panel_stride + v * LANES, sum[p][v] + first);
        }
}

template <int P, int V>
static void sparse_tiles(float *out, Long out_panel_stride, const Entry *entries, Long count, const float *b,
                         Long b_row_stride, Long b_panel_stride, const float *bias, Long panels) {
    if constexpr (P > 0) {
        if (panels == P) sparse_tile<P, V>(out, out_panel_stride, entries, count, b, b_row_stride, b_panel_stride, bias);
        else sparse_tiles<P - 1, V>(out, out_panel_stride, entries, count, b, b_row_stride, b_panel_stride, bias, panels);
    }
}

static void sparse_product(float *out, Long out_panel_stride, const Entry *entries, Long count, const float *b,
                           Long b_row_stride, Long b_panel_stride, const float *bias, Long panels, Long vectors) {
    const auto run = [&]<int V>() {
        sparse_tiles<static_cast<int>(sparse_registers / V), V>(out, out_panel_stride, entries, count, b, b_row_stride,
                                                                b_panel_stride, bias, panels);
    };
    if (vectors == 1) run.template operator()<1>();
    else if (vectors == 2) run.template operator()<2>();
    else run.template operator()<3>();
}

template <int P, int V>
static inline void sparse_add_tile(float *out, Long out_panel_stride, const Entry *entries, Long count, const float *b,
                                   Long b_panel_stride) {
    Floats row[P][V];
    for (int p = 0; p < P; ++p)
        for (int v = 0; v < V; ++v) row[p][v] = load(b + p * b_panel_stride + v * LANES);
    for (Long e = 0; e < count; ++e) {
        const Floats value = broadcast(entries[e].value);
        float *to = out + entries[e].place;
#pragma GCC unroll 12
        for (int p = 0; p < P; ++p)
#pragma GCC unroll 3
            for (int v = 0; v < V; ++v) {
                float *own = to + p * out_panel_stride + v * LANES;
                store(own, value * row[p][v] + load(own));
            }
    }
}

template <int P, int V>
static void sparse_add_tiles(float *out, Long out_panel_stride, const Entry *entries, Long count, const float *b,
                             Long b_panel_stride, Long panels) {
    if constexpr (P > 0) {
        if (panels == P) sparse_add_tile<P, V>(out, out_panel_stride, entries, count, b, b_panel_stride);
        else sparse_add_tiles<P - 1, V>(out, out_panel_stride, entries, count, b, b_panel_stride, panels);
    }
}

static void sparse_add(float *out, Long out_panel_stride, const Entry *entries, Long count, const float *b,
                       Long b_panel_stride, Long panels, Long vectors) {
    const auto run = [&]<int V>() {
        sparse_add_tiles<static_cast<int>(sparse_registers / V), V>(out, out_panel_stride, entries, count, b,
                                                                    b_panel_stride, panels);
    };
    if (vectors == 1) run.template operator()<1>();
    else if (vectors == 2) run.template operator()<2>();
    else run.template operator()<3>();
}

static Long nonzeros(Entry *entries, const std::uint8_t *bytes, float scale, Long first, Long count) {
    Long found = 0;
    for (Long i = 0; i < count; ++i) {  // without a branch: which pixel is lit cannot be predicted
        entries[found] = {static_cast<std::int32_t>(first + i), static_cast<float>(bytes[i]) * scale};
        found += bytes[i] != 0;
    }
    return found;
}
