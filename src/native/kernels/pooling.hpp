// Pooling of one picture: a window of pixels becomes one number for each channel.

// Visits the windows, row by row: each takes the place of its first pixel, and of its number in y.
template <class Each>
static inline void for_windows(const Window &window, Each each) {
    for (Long row = 0; row < window.rows; ++row)
        for (Long column = 0; column < window.columns; ++column)
            each((row * window.width + column) * window.stride * window.channels,
                 (row * window.columns + column) * window.channels);
}

// Visits the cells of a window: each takes the cell's number and its distance from the first. A window of the usual
// size is known as such, so that the compiler unrolls these loops.
template <bool two_by_two, class Each>
static inline void for_cells(const Window &window, Each each) {
    const Long size = two_by_two ? 2 : window.size;
    for (Long i = 0; i < size; ++i)
        for (Long j = 0; j < size; ++j) each(i * size + j, (i * window.width + j) * window.channels);
}

template <bool two_by_two>
static void max_pool_of(float *y, CellNumber *cells, const float *x, const Window &window) {
    for_windows(window, [&](Long pixel, Long number) {
        for_channels(window.channels, [&]<int W>(Long c) {
            using Floats = typename Wide<W>::Floats;
            using Ints = typename Wide<W>::Ints;
            Floats largest = read<Floats>(x + pixel + c);
            Ints place = {};
            for_cells<two_by_two>(window, [&](Long cell, Long distance) {
                const Floats value = read<Floats>(x + pixel + distance + c);
                const Ints larger = (value > largest) | (value != value);  // a NaN wins, and stays
                largest = larger ? value : largest;
                place = larger ? Ints{} + static_cast<std::int32_t>(cell) : place;
            });
            place = largest == largest ? place : Ints{} + no_cell;
            write(y + number + c, largest);
            write(cells + number + c, __builtin_convertvector(place, typename Wide<W>::Shorts));
        });
    });
}

static void max_pool(float *y, CellNumber *cells, const float *x, const Window &window) {
    choose([&]<bool two_by_two>() { max_pool_of<two_by_two>(y, cells, x, window); }, window.size == 2);
}

// Shares out gradients: dx of each window's pixels += share<W>(number)(cell). Where no pixel is in two windows, where
// they are disjoint, it is written instead, and where every pixel is in one there is nothing to clear.
template <bool two_by_two, bool disjoint, class Share>
static void spread_of(float *dx, const Window &window, Share share) {
    for_windows(window, [&](Long pixel, Long number) {
        for_channels(window.channels, [&]<int W>(Long c) {
            using Floats = typename Wide<W>::Floats;
            const auto part = share.template operator()<W>(number + c);
            for_cells<two_by_two>(window, [&](Long cell, Long distance) {
                float *to = dx + pixel + distance + c;
                write(to, disjoint ? part(cell) : read<Floats>(to) + part(cell));
            });
        });
    });
}

template <class Share>
static void spread(float *dx, const Window &window, Share share) {
    const bool covered = window.stride == window.size && window.rows * window.size == window.height &&
                         window.columns * window.size == window.width;
    if (!covered)
        __builtin_memset(dx, 0, static_cast<std::size_t>(window.height * window.width * window.channels) * sizeof *dx);
    const auto run = [&]<bool two_by_two, bool disjoint>() { spread_of<two_by_two, disjoint>(dx, window, share); };
    choose(run, window.size == 2, window.stride >= window.size);
}

static void max_pool_gradient(float *dx, const float *dy, const CellNumber *cells, const Window &window) {
    spread(dx, window, [&]<int W>(Long number) {
        using Floats = typename Wide<W>::Floats;
        using Ints = typename Wide<W>::Ints;
        const auto gradient = read<Floats>(dy + number);
        const auto place = __builtin_convertvector(read<typename Wide<W>::Shorts>(cells + number), Ints);
        return [=](Long cell) { return place == static_cast<std::int32_t>(cell) ? gradient : Floats{}; };
    });
}

template <bool two_by_two>
static void average_pool_of(float *y, const float *x, const Window &window) {
    const auto area = static_cast<float>(window.size * window.size);
    for_windows(window, [&](Long pixel, Long number) {
        for_channels(window.channels, [&]<int W>(Long c) {
            using Floats = typename Wide<W>::Floats;
            Floats sum = {};
            for_cells<two_by_two>(window, [&](Long, Long distance) { sum += read<Floats>(x + pixel + distance + c); });
            write(y + number + c, sum / area);
        });
    });
}

static void average_pool(float *y, const float *x, const Window &window) {
    choose([&]<bool two_by_two>() { average_pool_of<two_by_two>(y, x, window); }, window.size == 2);
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
    for (Long c = 0; c < channels; ++c) dx[c] = dy[c] / static_cast<float>(area);
    for (Long i = channels; i < area * channels; ++i) dx[i] = dx[i - channels];
}
