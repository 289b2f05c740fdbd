// The convolution of pictures, as products whose windows nobody writes out: an operand reads the pictures themselves.
#pragma once
#include "tensor_cores.cuh"

// The sizes of a convolution. A window is one column of numbers: (channel, row, column) of its cells. A cell in the frame
// of zeros around a picture is no pixel. Indices are unsigned, which are divided in half the instructions.
template <int CHANNELS, int HEIGHT, int WIDTH, int OUTPUTS, int SIZE, int STRIDE, int PADDING>
struct Convolution {
    static constexpr int ROWS = (HEIGHT + 2 * PADDING - SIZE) / STRIDE + 1;
    static constexpr int COLUMNS = (WIDTH + 2 * PADDING - SIZE) / STRIDE + 1;
    static constexpr int CELLS = SIZE * SIZE, WINDOW = CHANNELS * CELLS, WINDOWS = ROWS * COLUMNS;
    static constexpr int PIXELS = HEIGHT * WIDTH;

    static __device__ float cell(const float *x /* (N, CHANNELS, HEIGHT, WIDTH) */, unsigned window, unsigned number) {
        const unsigned n = window / WINDOWS, channel = number / CELLS;
        const unsigned row = window % WINDOWS / COLUMNS * STRIDE + number % CELLS / SIZE - PADDING;
        const unsigned column = window % COLUMNS * STRIDE + number % SIZE - PADDING;
        if (PADDING && (row >= HEIGHT || column >= WIDTH)) return 0;  // less than 0 is more than any
        return x[(n * CHANNELS + channel) * PIXELS + row * WIDTH + column];
    }

    // A line is a window of all pictures'.
    struct Windows {
        static constexpr bool ALONG_DEPTH = false;
        const float *x;
        __device__ float operator()(unsigned window, unsigned number) const { return cell(x, window, number); }
    };

    // A line is one cell, along all windows.
    struct Cells {
        static constexpr bool ALONG_DEPTH = true;
        const float *x;
        __device__ float operator()(unsigned number, unsigned window) const { return cell(x, window, number); }
    };

    // A line is an output channel, along all windows.
    struct Outputs {
        static constexpr bool ALONG_DEPTH = true;
        const float *y;  // (N, OUTPUTS, ROWS, COLUMNS)
        __device__ float operator()(unsigned output, unsigned window) const {
            return y[(window / WINDOWS * OUTPUTS + output) * WINDOWS + window % WINDOWS];
        }
    };

    // A line is an input channel, along all outputs' cells.
    struct Kernels {
        static constexpr bool ALONG_DEPTH = true;
        const float *weight;  // (OUTPUTS, CHANNELS, SIZE, SIZE)
        __device__ float operator()(unsigned channel, unsigned number) const {
            return weight[(number / CELLS * CHANNELS + channel) * CELLS + number % CELLS];
        }
    };

    // A line is a pixel of all pictures', along all outputs' cells: dy of the window in which the pixel is that cell.
    struct Shares {
        static constexpr bool ALONG_DEPTH = false;
        const float *dy;  // (N, OUTPUTS, ROWS, COLUMNS)
        __device__ float operator()(unsigned pixel, unsigned number) const {
            const unsigned n = pixel / PIXELS, output = number / CELLS;
            const unsigned down = pixel % PIXELS / WIDTH + PADDING - number % CELLS / SIZE;
            const unsigned right = pixel % WIDTH + PADDING - number % SIZE;
            const unsigned row = down / STRIDE, column = right / STRIDE;
            if (down >= ROWS * STRIDE || right >= COLUMNS * STRIDE) return 0;
            if (down % STRIDE || right % STRIDE) return 0;  // no window begins there
            return dy[(n * OUTPUTS + output) * WINDOWS + row * COLUMNS + column];
        }
    };
};

// y = weight · windows + bias. Grid: (ceil(batch size * windows / TILE_COLUMNS), ceil(OUTPUTS / TILE_ROWS)).
template <int CHANNELS, int HEIGHT, int WIDTH, int OUTPUTS, int SIZE, int STRIDE, int PADDING, int PRECISION,
          int TILE_ROWS, int TILE_COLUMNS, class Then, class... Arguments>
__device__ void convolution_forward(float *y /* (N, OUTPUTS, ROWS, COLUMNS) */,
                                    const float *x /* (N, CHANNELS, HEIGHT, WIDTH) */,
                                    const float *weight /* (OUTPUTS, CHANNELS, SIZE, SIZE) */,
                                    const float *bias /* (OUTPUTS,) or null */, const Step *step, Arguments... then) {
    using Sizes = Convolution<CHANNELS, HEIGHT, WIDTH, OUTPUTS, SIZE, STRIDE, PADDING>;
    const Finish<Then> finish{y, Then{then...}};
    auto store = [=](int output, int window, float sum) {
        const int n = window / Sizes::WINDOWS, place = window % Sizes::WINDOWS;
        finish((n * OUTPUTS + output) * Sizes::WINDOWS + place, bias ? sum + bias[output] : sum);
    };
    product<Tile<PRECISION, TILE_ROWS, TILE_COLUMNS>>(Matrix<Sizes::WINDOW, 1>{weight}, typename Sizes::Windows{x},
                                                      store, OUTPUTS, step->examples * Sizes::WINDOWS, 0,
                                                      Sizes::WINDOW);
}

// Each pixel's gradient, from all windows that it is in. Grid: (ceil(batch size * pixels / TILE_COLUMNS),
// ceil(CHANNELS / TILE_ROWS)).
template <int CHANNELS, int HEIGHT, int WIDTH, int OUTPUTS, int SIZE, int STRIDE, int PADDING, int PRECISION,
          int TILE_ROWS, int TILE_COLUMNS, class Then, class... Arguments>
__device__ void convolution_input_gradient(float *dx /* (N, CHANNELS, HEIGHT, WIDTH) */,
                                           const float *dy /* (N, OUTPUTS, ROWS, COLUMNS) */,
                                           const float *weight /* (OUTPUTS, CHANNELS, SIZE, SIZE) */, const Step *step,
                                           Arguments... then) {
    using Sizes = Convolution<CHANNELS, HEIGHT, WIDTH, OUTPUTS, SIZE, STRIDE, PADDING>;
    const Finish<Then> finish{dx, Then{then...}};
    auto store = [=](int channel, int pixel, float sum) {
        finish((pixel / Sizes::PIXELS * CHANNELS + channel) * Sizes::PIXELS + pixel % Sizes::PIXELS, sum);
    };
    product<Tile<PRECISION, TILE_ROWS, TILE_COLUMNS>>(typename Sizes::Kernels{weight}, typename Sizes::Shares{dy},
                                                      store, CHANNELS, step->examples * Sizes::PIXELS, 0,
                                                      OUTPUTS * Sizes::CELLS);
}

// dweight = dy · windowsᵀ, dbias = the sum of dy over all windows. Grid: `weight_gradient`'s.
template <int CHANNELS, int HEIGHT, int WIDTH, int OUTPUTS, int SIZE, int STRIDE, int PADDING, int PRECISION,
          int TILE_ROWS, int TILE_COLUMNS>
__device__ void convolution_weight_gradient(float *dweight /* (parts, OUTPUTS, CHANNELS, SIZE, SIZE) */,
                                            float *dbias /* (parts, OUTPUTS) or null */,
                                            const float *dy /* (N, OUTPUTS, ROWS, COLUMNS) */,
                                            const float *x /* (N, CHANNELS, HEIGHT, WIDTH) */, const Step *step) {
    using Sizes = Convolution<CHANNELS, HEIGHT, WIDTH, OUTPUTS, SIZE, STRIDE, PADDING>;
    weight_gradient<Tile<PRECISION, TILE_ROWS, TILE_COLUMNS>, OUTPUTS, Sizes::WINDOW>(
        dweight, dbias, typename Sizes::Outputs{dy}, typename Sizes::Cells{x}, step->examples * Sizes::WINDOWS);
}
