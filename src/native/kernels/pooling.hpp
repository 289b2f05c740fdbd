// Pooling of one picture: a window of pixels becomes one number for each channel.

// Registers of any width: of W floats, and of as many of other types.
template <int W>
struct Wide {
    typedef float Floats __attribute__((vector_size(W * 4)));
    typedef std::int32_t Ints __attribute__((vector_size(W * 4)));
    typedef CellNumber Cells __attribute__((vector_size(W * 2)));
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

// Visits the windows, row by row: each takes the place of its first pixel, and of its number in y.
template <class Each>
static inline void for_windows(const Window &window, Each each) {
    for (Long row = 0; row < window.rows; ++row)
        for (Long column = 0; column < window.columns; ++column)
            each((row * window.width + column) * window.stride * window.channels,
                 (row * window.columns + column) * window.channels);
}

// Visits the cells of a window of `size`: each takes the cell's number and its distance from the first.
template <class Each>
static inline void for_cells(const Window &window, Long size, Each each) {
    for (Long i = 0, cell = 0; i < size; ++i)
        for (Long j = 0; j < size; ++j, ++cell) each(cell, (i * window.width + j) * window.channels);
}

// Runs with the window's size, as a constant if it is the usual one: then the compiler unrolls the loops over cells.
template <class Run>
static inline void with_size(const Window &window, Run run) {
    if (window.size == 2) run(2);
    else run(window.size);
}

static void max_pool(float *y, CellNumber *cells, const float *x, const Window &window) {
    with_size(window, [&](Long size) __attribute__((always_inline)) {
        for_windows(window, [&](Long pixel, Long number) {
            for_channels(window.channels, [&]<int W>(Long c) {
                using Floats = typename Wide<W>::Floats;
                using Ints = typename Wide<W>::Ints;
                Floats largest = read<Floats>(x + pixel + c);
                Ints place = {};
                for_cells(window, size, [&](Long cell, Long distance) {
                    const Floats value = read<Floats>(x + pixel + distance + c);
                    const Ints larger = (value > largest) | (value != value);  // a NaN wins, and stays
                    largest = larger ? value : largest;
                    place = larger ? Ints{} + static_cast<std::int32_t>(cell) : place;
                });
                place = largest == largest ? place : Ints{} + no_cell;
                write(y + number + c, largest);
                write(cells + number + c, __builtin_convertvector(place, typename Wide<W>::Cells));
            });
        });
    });
}

// Shares out gradients: dx of each window's pixels += share<W>(number, cell). Where no pixel is in two windows the
// gradient is written instead, and where every pixel is in one there is nothing to clear.
template <class Share>
static inline void spread(float *dx, const Window &window, Share share) {
    const bool disjoint = window.stride >= window.size;
    const bool covered = window.stride == window.size && window.rows * window.size == window.height &&
                         window.columns * window.size == window.width;
    if (!covered)
        __builtin_memset(dx, 0, static_cast<std::size_t>(window.height * window.width * window.channels) * sizeof *dx);
    with_size(window, [&](Long size) {
        for_windows(window, [&](Long pixel, Long number) {
            for_channels(window.channels, [&]<int W>(Long c) {
                const auto part = share.template operator()<W>(number + c);
                for_cells(window, size, [&](Long cell, Long distance) {
                    float *to = dx + pixel + distance + c;
                    const auto value = part(cell);
                    write(to, disjoint ? value : read<typename Wide<W>::Floats>(to) + value);
                });
            });
        });
    });
}

static void max_pool_gradient(float *dx, const float *dy, const CellNumber *cells, const Window &window) {
    spread(dx, window, [&]<int W>(Long number) {
        using Floats = typename Wide<W>::Floats;
        using Ints = typename Wide<W>::Ints;
        const auto gradient = read<Floats>(dy + number);
        const auto place = __builtin_convertvector(read<typename Wide<W>::Cells>(cells + number), Ints);
        return [=](Long cell) { return place == static_cast<std::int32_t>(cell) ? gradient : Floats{}; };
    });
}

static void average_pool(float *y, const float *x, const Window &window) {
    const auto area = static_cast<float>(window.size * window.size);
    with_size(window, [&](Long size) {
        for_windows(window, [&](Long pixel, Long number) {
            for_channels(window.channels, [&]<int W>(Long c) {
                using Floats = typename Wide<W>::Floats;
                Floats sum = {};
                for_cells(window, size, [&](Long, Long distance) { sum += read<Floats>(x + pixel + distance + c); });
                write(y + number + c, sum / area);
            });
        });
    });
}

static void average_pool_gradient(float *dx, const float *dy, const Window &window) {
    const auto area = static_cast<float>(window.size * window.size);
    spread(dx, window, [&]<int W>(Long number) {
        const auto gradient = read<typename Wide<W>::Floats>(dy + number) / area;
        return [=](Long) { return gradient; };
    });
}

static void global_average(float *y, const float *x, Long area, Long channels) {
    for_channels(channels, [&]<int W>(Long c) {
        using Floats = typename Wide<W>::Floats;
        Floats sum = {};
        for (Long a = 0; a < area; ++a) sum += read<Floats>(x + a * channels + c);
        write(y + c, sum / static_cast<float>(area));
    });
}

static void global_average_gradient(float *__restrict dx, const float *__restrict dy, Long area, Long channels) {
    for (Long a = 0; a < area; ++a, dx += channels)
        for (Long c = 0; c < channels; ++c) dx[c] = dy[c] / static_cast<float>(area);
}
