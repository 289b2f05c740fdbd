// Pooling: a window of pixels becomes one number. `Then` is what else is done to each: see elementwise.cuh.
#pragma once
#include "common.cuh"

// Windows of SIZE x SIZE pixels, STRIDE apart, over channels of HEIGHT x WIDTH. Channels of all pictures lie one behind
// the other, and pooling treats them alike: an example's numbers are CHANNELS * PIXELS, and CHANNELS * WINDOWS of them.
template <int HEIGHT, int WIDTH, int SIZE, int STRIDE>
struct Windows {
    static constexpr int ROWS = (HEIGHT - SIZE) / STRIDE + 1, COLUMNS = (WIDTH - SIZE) / STRIDE + 1;
    static constexpr int PIXELS = HEIGHT * WIDTH, WINDOWS = ROWS * COLUMNS, CELLS = SIZE * SIZE;

    // Calls each(cell, pixel) for the cells of window number `window` of all, and each one's pixel.
    template <class Each>
    static __device__ void for_each_cell(int window, Each each) {
        const int row = window % WINDOWS / COLUMNS * STRIDE, column = window % COLUMNS * STRIDE;
        const int first = window / WINDOWS * PIXELS + row * WIDTH + column;
        for (int i = 0; i < SIZE; ++i)
            for (int j = 0; j < SIZE; ++j) each(i * SIZE + j, first + i * WIDTH + j);
    }

    // Calls each(window, cell) for the windows that pixel number `pixel` of all is in, and the cell that it is there.
    template <class Each>
    static __device__ void for_each_window(int pixel, Each each) {
        const int channel = pixel / PIXELS, y = pixel % PIXELS / WIDTH, x = pixel % WIDTH;
        for (int row = first_window(y); row < ROWS && row * STRIDE <= y; ++row)
            for (int column = first_window(x); column < COLUMNS && column * STRIDE <= x; ++column)
                each(channel * WINDOWS + row * COLUMNS + column, (y - row * STRIDE) * SIZE + x - column * STRIDE);
    }

    // The first row or column of windows that reaches to `place`.
    static __device__ int first_window(int place) { return place < SIZE ? 0 : (place - SIZE) / STRIDE + 1; }
};

// -- the largest pixel ---------------------------------------------------------------------------------------------

// Keeps which cell won: the first of the largest; no cell, SIZE * SIZE, where there is a NaN. Cell is a byte where that
// number fits. A thread a window: grid blocks(batch size * CHANNELS * WINDOWS).
template <int CHANNELS, int HEIGHT, int WIDTH, int SIZE, int STRIDE, class Then, class Cell, class... Arguments>
__device__ void max_pool_forward(float *y /* (N, CHANNELS, ROWS, COLUMNS) */,
                                 Cell *winners /* (N, CHANNELS, ROWS, COLUMNS) */,
                                 const float *x /* (N, CHANNELS, HEIGHT, WIDTH) */, const Step *step,
                                 Arguments... arguments) {
    using Pool = Windows<HEIGHT, WIDTH, SIZE, STRIDE>;
    const Then then{arguments...};
    for_each_number<CHANNELS * Pool::WINDOWS>(step, [=](int window) {
        float largest = 0;
        int winner = 0;
        Pool::for_each_cell(window, [&](int cell, int pixel) {
            const float number = x[pixel];
            if (cell > 0 && !(number > largest || number != number)) return;
            largest = number;  // a NaN wins, and stays
            winner = cell;
        });
        y[window] = largest;
        winners[window] = static_cast<Cell>(largest == largest ? winner : Pool::CELLS);
        then(window, largest);
    });
}

// A thread a pixel: grid blocks(batch size * CHANNELS * HEIGHT * WIDTH).
template <int CHANNELS, int HEIGHT, int WIDTH, int SIZE, int STRIDE, class Then, class Cell, class... Arguments>
__device__ void max_pool_backward(float *dx /* (N, CHANNELS, HEIGHT, WIDTH) */,
                                  const float *dy /* (N, CHANNELS, ROWS, COLUMNS) */,
                                  const Cell *winners /* (N, CHANNELS, ROWS, COLUMNS) */, const Step *step,
                                  Arguments... arguments) {
    using Pool = Windows<HEIGHT, WIDTH, SIZE, STRIDE>;
    const Then then{arguments...};
    for_each_number<CHANNELS * Pool::PIXELS>(step, [=](int pixel) {
        float sum = 0;
        Pool::for_each_window(pixel, [&](int window, int cell) { sum += winners[window] == cell ? dy[window] : 0; });
        dx[pixel] = sum;
        then(pixel, sum);
    });
}

// -- the mean ------------------------------------------------------------------------------------------------------

// A thread a window: grid blocks(batch size * CHANNELS * WINDOWS).
template <int CHANNELS, int HEIGHT, int WIDTH, int SIZE, int STRIDE, class Then, class... Arguments>
__device__ void average_pool_forward(float *y /* (N, CHANNELS, ROWS, COLUMNS) */,
                                     const float *x /* (N, CHANNELS, HEIGHT, WIDTH) */, const Step *step,
                                     Arguments... arguments) {
    using Pool = Windows<HEIGHT, WIDTH, SIZE, STRIDE>;
    const Then then{arguments...};
    for_each_number<CHANNELS * Pool::WINDOWS>(step, [=](int window) {
        float sum = 0;
        Pool::for_each_cell(window, [&](int, int pixel) { sum += x[pixel]; });
        const float mean = sum / Pool::CELLS;
        y[window] = mean;
        then(window, mean);
    });
}

// A thread a pixel: grid blocks(batch size * CHANNELS * HEIGHT * WIDTH).
template <int CHANNELS, int HEIGHT, int WIDTH, int SIZE, int STRIDE, class Then, class... Arguments>
__device__ void average_pool_backward(float *dx /* (N, CHANNELS, HEIGHT, WIDTH) */,
                                      const float *dy /* (N, CHANNELS, ROWS, COLUMNS) */, const Step *step,
                                      Arguments... arguments) {
    using Pool = Windows<HEIGHT, WIDTH, SIZE, STRIDE>;
    const Then then{arguments...};
    for_each_number<CHANNELS * Pool::PIXELS>(step, [=](int pixel) {
        float sum = 0;
        Pool::for_each_window(pixel, [&](int window, int) { sum += dy[window]; });
        const float shares = sum / Pool::CELLS;
        dx[pixel] = shares;
        then(pixel, shares);
    });
}

// A warp a channel: grid blocks(batch size * CHANNELS, WARPS).
template <int CHANNELS, int PIXELS>
__device__ void global_average_forward(float *y /* (N, CHANNELS) */, const float *x /* (N, CHANNELS, PIXELS) */,
                                       const Step *step) {
    const int channel = static_cast<int>(blockIdx.x * WARPS + threadIdx.x / WARP);  // of those of all examples
    if (channel >= step->examples * CHANNELS) return;
    const int lane = static_cast<int>(threadIdx.x) % WARP;
    float sum = 0;
    for (int pixel = lane; pixel < PIXELS; pixel += WARP) sum += x[channel * PIXELS + pixel];
    sum = warp_sum(sum);
    if (lane == 0) y[channel] = sum / PIXELS;
}

// A thread a pixel: grid blocks(batch size * CHANNELS * PIXELS).
template <int CHANNELS, int PIXELS, class Then, class... Arguments>
__device__ void global_average_backward(float *dx /* (N, CHANNELS, PIXELS) */, const float *dy /* (N, CHANNELS) */,
                                        const Step *step, Arguments... arguments) {
    const Then then{arguments...};
    for_each_number<CHANNELS * PIXELS>(step, [=](int i) {
        const float share = dy[i / PIXELS] / PIXELS;
        dx[i] = share;
        then(i, share);
    });
}
