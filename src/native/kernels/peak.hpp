// The most that a processor can multiply and add, with everything in registers: what a product is measured by.
// Twelve sums at once, since each must wait some cycles for itself.

constexpr Long peak_sums = 12;

static Long peak(float *y, Long rounds) {
    const Floats factor = load(y), addend = load(y + LANES);
    Floats sum[peak_sums];  // all different, or the compiler would compute one for all
    for (Long i = 0; i < peak_sums; ++i) sum[i] = broadcast(static_cast<float>(i));
    for (Long round = 0; round < rounds; ++round)
#pragma GCC unroll 12
        for (Long i = 0; i < peak_sums; ++i) sum[i] = sum[i] * factor + addend;
    for (const Floats each : sum) store(y, load(y) + each);
    return rounds * peak_sums * LANES * 2;
}

#if defined(TILES)
static Long peak_mixed(float *y, Long rounds) {
    configure(segment_cells);
    for_each<4>([&]<int Sum>() { zero_tile<Sum>(); });
    load_tile<4>(y, 0);
    load_tile<6>(y + LANES, 0);
    for (Long round = 0; round < rounds; ++round) for_each<4>([&]<int Sum>() { multiply_tiles<Sum, 4, 6>(); });
    store_tile<3>(y, 0);  // all rows are the same
    return rounds * 4 * segment_cells * segment_cells * LANES * 4;
}
#elif defined(__AVX512BF16__)
static Long peak_mixed(float *y, Long rounds) {
    Ints left = __builtin_bit_cast(Ints, load(y)), right = __builtin_bit_cast(Ints, load(y + LANES));
    Floats sum[peak_sums];  // all different, or the compiler would compute one for all
    for (Long i = 0; i < peak_sums; ++i) sum[i] = broadcast(static_cast<float>(i));
    for (Long round = 0; round < rounds; ++round)
#pragma GCC unroll 12
        for (Long i = 0; i < peak_sums; ++i) sum[i] = PairCell::multiply_add(left, right, sum[i]);
    for (const Floats each : sum) store(y, load(y) + each);
    return rounds * peak_sums * LANES * 4;
}
#else
static Long peak_mixed(float *y, Long rounds) { return peak(y, rounds); }
#endif
