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
        if (panels == P)
            sparse_tile<P, V>(out, out_panel_stride, entries, count, b, b_row_stride, b_panel_stride, bias);
        else
            sparse_tiles<P - 1, V>(out, out_panel_stride, entries, count, b, b_row_stride, b_panel_stride, bias,
                                   panels);
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
static inline void sparse_add_tile(float *out, Long out_row_stride, Long out_panel_stride, const Entry *entries,
                                   Long count, const float *b, Long b_panel_stride) {
    Floats row[P][V];
    for (int p = 0; p < P; ++p)
        for (int v = 0; v < V; ++v) row[p][v] = load(b + p * b_panel_stride + v * LANES);
    for (Long e = 0; e < count; ++e) {
        const Floats value = broadcast(entries[e].value);
        float *to = out + entries[e].place * out_row_stride;
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
static void sparse_add_tiles(float *out, Long out_row_stride, Long out_panel_stride, const Entry *entries, Long count,
                             const float *b, Long b_panel_stride, Long panels) {
    if constexpr (P > 0) {
        if (panels == P)
            sparse_add_tile<P, V>(out, out_row_stride, out_panel_stride, entries, count, b, b_panel_stride);
        else
            sparse_add_tiles<P - 1, V>(out, out_row_stride, out_panel_stride, entries, count, b, b_panel_stride,
                                       panels);
    }
}

static void sparse_add(float *out, Long out_row_stride, Long out_panel_stride, const Entry *entries, Long count,
                       const float *b, Long b_panel_stride, Long panels, Long vectors) {
    const auto run = [&]<int V>() {
        sparse_add_tiles<static_cast<int>(sparse_registers / V), V>(out, out_row_stride, out_panel_stride, entries,
                                                                    count, b, b_panel_stride, panels);
    };
    if (vectors == 1) run.template operator()<1>();
    else if (vectors == 2) run.template operator()<2>();
    else run.template operator()<3>();
}

#ifdef __AVX2__
// For each pattern of eight bytes that are zero or not: the places of those that are not, first.
struct Places {
    std::uint8_t of[256][8];
};

static constexpr Places nonzero_places = [] {
    Places places{};
    for (int pattern = 0; pattern < 256; ++pattern)
        for (int bit = 0, found = 0; bit < 8; ++bit)
            if (pattern >> bit & 1) places.of[pattern][found++] = static_cast<std::uint8_t>(bit);
    return places;
}();

// Eight bytes at a time: eight entries are written, but only those that are not zero count.
static inline Long nonzeros_of_eight(Entry *entries, const std::uint8_t *bytes, __m256 scale, Long first) {
    const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(bytes));
    const int pattern = ~_mm_movemask_epi8(_mm_cmpeq_epi8(eight, _mm_setzero_si128())) & 0xff;
    const __m128i order = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(nonzero_places.of[pattern]));
    const __m256i place = _mm256_add_epi32(_mm256_cvtepu8_epi32(order), _mm256_set1_epi32(static_cast<int>(first)));
    const __m256 number = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_shuffle_epi8(eight, order)));
    const __m256i value = _mm256_castps_si256(_mm256_mul_ps(number, scale));
    const __m256i low = _mm256_unpacklo_epi32(place, value), high = _mm256_unpackhi_epi32(place, value);
    auto *to = reinterpret_cast<__m256i *>(entries);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(low, high, 0x31));
    return __builtin_popcount(static_cast<unsigned>(pattern));
}
#endif

static Long nonzeros(Entry *entries, const std::uint8_t *bytes, float scale, Long first, Long count) {
    Long found = 0, i = 0;
#ifdef __AVX2__
    const __m256 scales = _mm256_set1_ps(scale);
    for (; i + 8 <= count; i += 8) found += nonzeros_of_eight(entries + found, bytes + i, scales, first + i);
#endif
    for (; i < count; ++i) {  // without a branch: which pixel is lit cannot be predicted
        entries[found] = {static_cast<std::int32_t>(first + i), static_cast<float>(bytes[i]) * scale};
        found += bytes[i] != 0;
    }
    return found;
}
