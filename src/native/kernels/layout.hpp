// How numbers lie: pixels become floats, floats become bfloat16, rows become columns.

static void normalize(float *__restrict y, const std::uint8_t *__restrict pixels, float scale, float shift,
                      Long count) {
    for (Long i = 0; i < count; ++i) y[i] = static_cast<float>(pixels[i]) * scale + shift;
}

// The nearest bfloat16 stands in the upper half of what this returns, the lower half is left over. A NaN stays one:
// its bits are not rounded, which could carry them into infinity. For a float or a register of them.
template <class Bits, class Number>
static inline Bits rounded(Number x) {
    const Bits bits = __builtin_bit_cast(Bits, x);
    return x != x ? bits | 0x400000u : bits + 0x7fffu + (bits >> 16 & 1u);
}

static inline void put(float *to, Floats value) { store(to, value); }

static inline void put(BFloat16 *to, Floats value) {
#ifdef __AVX512BF16__
    const auto numbers = _mm512_cvtneps_pbh(__builtin_bit_cast(__m512, value));
#else
    typedef BFloat16 Numbers __attribute__((vector_size(LANES * 2)));
    const auto numbers = __builtin_convertvector(rounded<Bits>(value) >> 16, Numbers);
#endif
    __builtin_memcpy(to, &numbers, sizeof numbers);
}

static inline void put_one(float *to, float value) { *to = value; }
static inline void put_one(BFloat16 *to, float value) { *to = static_cast<BFloat16>(rounded<Pair>(value) >> 16); }

static void round_mixed(BFloat16 *__restrict y, const float *__restrict x, Long count) {
    Long i = 0;
    for (; i + LANES <= count; i += LANES) put(y + i, load(x + i));
    for (; i < count; ++i) put_one(y + i, x[i]);
}

// -- Transposition, a block of LANES · LANES numbers at a time (Eklundh, 1972): the upper right and the lower left
// quarter change places, then the same within each quarter.

template <std::size_t Half, std::size_t... Lane>
static inline void exchange(Floats &above, Floats &below, std::index_sequence<Lane...>) {
    const Floats first = __builtin_shufflevector(above, below, (Lane & Half ? LANES + Lane - Half : Lane)...);
    below = __builtin_shufflevector(above, below, (Lane & Half ? LANES + Lane : Lane + Half)...);
    above = first;
}

template <std::size_t Half = LANES / 2>
static inline void transpose_block(Floats (&block)[LANES]) {
#pragma GCC unroll 16
    for (std::size_t row = 0; row < LANES; ++row)
        if (!(row & Half)) exchange<Half>(block[row], block[row + Half], std::make_index_sequence<LANES>{});
    if constexpr (Half > 1) transpose_block<Half / 2>(block);
}

template <class Number>
static void transpose_of(Number *__restrict y, const float *__restrict x, Long rows, Long columns, Long y_stride,
                         Long x_stride) {
    const Long whole_rows = rows - rows % LANES, whole_columns = columns - columns % LANES;
    for (Long row = 0; row < whole_rows; row += LANES)
        for (Long column = 0; column < whole_columns; column += LANES) {
            Floats block[LANES];
#pragma GCC unroll 16
            for (Long i = 0; i < LANES; ++i) block[i] = load(x + (row + i) * x_stride + column);
            transpose_block(block);
#pragma GCC unroll 16
            for (Long i = 0; i < LANES; ++i) put(y + (column + i) * y_stride + row, block[i]);
        }
    for (Long row = 0; row < rows; ++row)
        for (Long column = row < whole_rows ? whole_columns : 0; column < columns; ++column)
            put_one(y + column * y_stride + row, x[row * x_stride + column]);
}

static void transpose(float *y, const float *x, Long rows, Long columns, Long y_stride, Long x_stride) {
    transpose_of(y, x, rows, columns, y_stride, x_stride);
}

static void transpose_mixed(BFloat16 *y, const float *x, Long rows, Long columns, Long y_stride, Long x_stride) {
    transpose_of(y, x, rows, columns, y_stride, x_stride);
}

static void interleave(Pair *__restrict y, const float *__restrict x, Long rows, Long columns, Long x_stride,
                       Long cells, Long width) {
    for (Long cell = 0; cell < cells; ++cell, y += width) {
        const Long row = 2 * cell;
        const Pair second = row + 1 < rows ? 0xffff0000 : 0;
        const float *even = x + row * x_stride, *odd = second ? even + x_stride : even;
        const Long filled = row < rows ? columns : 0;
        for (Long c = 0; c < filled; ++c) y[c] = rounded<Pair>(even[c]) >> 16 | (rounded<Pair>(odd[c]) & second);
        for (Long c = filled; c < width; ++c) y[c] = 0;
    }
}

// Copies whole registers: what stands too far right is overwritten by what comes next. The last windows have their
// numbers copied one by one, for behind them may be what another thread is writing.
static void windows(float *y, const float *x, Long columns, Long across, Long size, Long run, Long line) {
    const Long too_far = (run + LANES - 1) / LANES * LANES - run, whole = columns - 1 - (too_far + across - 1) / across;
    for (Long column = 0; column < columns; ++column, x += across)
        for (Long row = 0; row < size; ++row, y += run)
            if (column <= whole)
                for (Long i = 0; i < run; i += LANES) store(y + i, load(x + row * line + i));
            else
                for (Long i = 0; i < run; ++i) y[i] = x[row * line + i];
}
