// The product of bfloat16 Pairs with AMX, which has eight tiles of at most 16 rows of 64 bytes. One instruction takes a
// tile of a (16 rows, 16 cells), one of b (16 cells, 16 columns), and adds their product to a tile of sums (16 rows, 16
// columns). For a processor with AMX, Intel says of its cycles: such a product can begin every 16 and is there after 52;
// loading a tile takes 8, or up to 16 where rows of a cross cache lines; a new configuration of the tiles takes 200.
//
// So four sums must be under way. Those of 2 · 2 tiles need four loads for four products: no other shape needs so few.
// Where there is but one tile of rows or columns, a sum is spread over two tiles or all four, which take turns with the
// cells and are added up in the end.

constexpr Long segment_cells = 16;

// Tiles 0 to 3 are sums, 4 and 5 of a, 6 and 7 of b. The compilers' own functions take no template's number.
template <int Tile>
static inline void load_tile(const void *from, Long row_bytes) {
    asm volatile("tileloadd (%0, %1, 1), %%tmm%c2" : : "r"(from), "r"(row_bytes), "i"(Tile) : "memory");
}

template <int Tile>
static inline void store_tile(void *to, Long row_bytes) {
    asm volatile("tilestored %%tmm%c2, (%0, %1, 1)" : : "r"(to), "r"(row_bytes), "i"(Tile) : "memory");
}

template <int Tile>
static inline void zero_tile() {
    asm volatile("tilezero %%tmm%c0" : : "i"(Tile));
}

template <int Sum, int Left, int Right>
static inline void multiply_tiles() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sum), "i"(Left), "i"(Right));
}

// Calls body<0>(), ..., body<N - 1>().
template <int N, class Body>
static inline __attribute__((always_inline)) void for_each(Body body) {
    [&]<int... I>(std::integer_sequence<int, I...>)
        __attribute__((always_inline)) { (body.template operator()<I>(), ...); }(std::make_integer_sequence<int, N>{});
}

// -- The processor's configuration: how many rows the tiles of this thread have, all but those of b. Whoever else uses
// tiles in this thread would change it, so they are released before anybody else's turn. Linux also saves 8 KiB more
// whenever it takes the processor from a thread that holds tiles.

static thread_local Long configured_rows = 0;  // 0: the tiles are released

static void configure(Long rows) {
    if (rows == configured_rows) return;
    struct alignas(64) {
        std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
        std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
        std::uint8_t rows[16] = {0, 0, 0, 0, 0, 0, segment_cells, segment_cells};
    } tiles;
    for (int tile = 0; tile < 6; ++tile) tiles.rows[tile] = static_cast<std::uint8_t>(rows);
    asm volatile("ldtilecfg %0" : : "m"(tiles));
    configured_rows = rows;
}

static void release() {
    if (configured_rows == 0) return;
    asm volatile("tilerelease");
    configured_rows = 0;
}

// -- The product

// Where the next cells of a and b lie.
struct Step {
    const BFloat16 *a;
    const Pair *b;
    Long left;  // steps in this segment

    inline void advance(const Rows &rows, Long b_stride) {
        a += 2 * segment_cells;
        b += segment_cells * b_stride;
        if (--left > 0) return;
        left = rows.length / segment_cells;
        a += rows.segment_stride - 2 * rows.length;
    }
};

// Where a block of the product lies in out, and in which way it goes there.
struct TileBlock {
    float *out;
    Long out_stride;
    const float *bias;
    bool add;
    Long height, columns;  // height: rows in a tile
    Long done;             // rows that the last tile has in common with the one before, and that are there already

    Long row(int tile, int tiles) const { return tile * height - (tile + 1 == tiles ? done : 0); }
};

// Adds the tiles 0 to 3 of sums up and writes what is wanted of them.
template <int M, int V>
static void write_sums(const TileBlock &block) {
    alignas(64) float sums[4][segment_cells][LANES];
    for_each<4>([&]<int Sum>() { store_tile<Sum>(sums[Sum], sizeof sums[Sum][0]); });
    for (int m = 0; m < M; ++m)
        for (int v = 0; v < V; ++v) {
            const Long columns = block.columns - v * LANES;
            const auto wanted = static_cast<__mmask16>(columns < LANES ? (1u << columns) - 1 : 0xffffu);
            for (Long row = m + 1 == M ? block.done : 0; row < block.height; ++row) {
                float *to = block.out + (block.row(m, M) + row) * block.out_stride + v * LANES;
                Floats sum = block.add ? __builtin_bit_cast(Floats, _mm512_maskz_loadu_ps(wanted, to)) : Floats{};
                for (int part = m * V + v; part < 4; part += M * V) sum += load(sums[part][row]);
                _mm512_mask_storeu_ps(to, wanted, __builtin_bit_cast(__m512, sum));
            }
        }
}

// M tiles of rows by V tiles of columns.
template <int M, int V>
static inline void product_block(const TileBlock &block, const Rows &a, const BFloat16 *row, const Pair *b,
                                 Long b_stride) {
    constexpr int parts = 4 / (M * V);  // of a sum
    const bool whole = parts == 1 && block.columns >= V * LANES && block.done == 0 && !(block.bias && block.add);
    const Long out_bytes = block.out_stride * static_cast<Long>(sizeof(float));
    for_each<4>([&]<int Sum>() {
        constexpr int m = Sum / V % M, v = Sum % V;
        if (Sum < M * V && block.bias) load_tile<Sum>(block.bias + v * LANES, 0);
        else if (whole && block.add)
            load_tile<Sum>(block.out + block.row(m, M) * block.out_stride + v * LANES, out_bytes);
        else zero_tile<Sum>();
    });
    Step step{row, b, a.length / segment_cells};
    const auto multiply = [&]<int Part>() __attribute__((always_inline)) {
        for_each<V>([&]<int v>() {
            load_tile<6 + (Part * V + v) % 2>(step.b + v * LANES, b_stride * static_cast<Long>(sizeof(Pair)));
        });
        for_each<M>([&]<int m>() {
            load_tile<4 + (Part * M + m) % 2>(step.a + block.row(m, M) * a.row_stride,
                                              a.row_stride * static_cast<Long>(sizeof(BFloat16)));
            for_each<V>([&]<int v>() {
                multiply_tiles<(Part * M + m) * V + v, 4 + (Part * M + m) % 2, 6 + (Part * V + v) % 2>();
            });
        });
        step.advance(a, b_stride);
    };
    Long steps = a.segments * (a.length / segment_cells);
    for (; steps >= parts; steps -= parts) for_each<parts>(multiply);
    for_each<parts>([&]<int Part>() {
        if (Part < steps) multiply.template operator()<Part>();
    });
    if (!whole) return write_sums<M, V>(block);
    for_each<M * V>([&]<int Sum>() {
        store_tile<Sum>(block.out + block.row(Sum / V, M) * block.out_stride + Sum % V * LANES, out_bytes);
    });
}

// All tiles have the same number of rows, or another configuration would be needed for the last: instead, that one
// begins a few rows early.
static void product_mixed(float *out, Long out_stride, const Rows &a, const Pair *b, Long b_stride, const float *bias,
                          bool add, Long rows, Long columns, Long) {
    if (rows == 0) return;
    const Long tiles = (rows + 15) / 16, height = (rows + tiles - 1) / tiles, twice = tiles * height - rows;
    configure(height);
    const auto *left = static_cast<const BFloat16 *>(a.cells);
    for (Long tile = 0; tile < tiles; tile += 2)
        for (Long column = 0; column < columns; column += 2 * LANES) {
            const bool one_row = tile + 1 == tiles, one_column = columns - column <= LANES;
            const Long done = tile + 2 >= tiles ? twice : 0;
            const Long row = tile * height;
            const TileBlock block{out + row * out_stride + column,
                                  out_stride,
                                  bias ? bias + column : nullptr,
                                  add,
                                  height,
                                  columns - column,
                                  done};
            const auto product = one_row      ? one_column ? product_block<1, 1> : product_block<1, 2>
                                 : one_column ? product_block<2, 1>
                                              : product_block<2, 2>;
            product(block, a, left + row * a.row_stride, b + column, b_stride);
        }
}
