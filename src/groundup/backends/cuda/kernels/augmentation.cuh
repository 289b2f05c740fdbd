// Augmentation: what groundup/augmentation/pixels.py says, to the very same bytes. All numbers are integers: coordinates
// in 1/65536 of a pixel, weights in 1/256; a shift to the right rounds down, also below zero.
//
// A block takes a picture from the data set to the network's inputs. On its way the picture stays in shared memory, twice:
// the next is made from the one that is there. The settings are constants, and a stage without strength is not compiled.
#pragma once
#include "common.cuh"

// The counters at which a picture reads its random numbers.
enum Draw {
    SHIFT_DOWN,
    SHIFT_RIGHT,
    ROTATION,
    SCALE_HEIGHT,
    SCALE_WIDTH,
    SHEAR,
    THICKNESS,
    BLUR,
    CONTRAST,
    NOISE,
    OCCLUDED_HEIGHT,
    OCCLUDED_WIDTH,
    OCCLUDED_TOP,
    OCCLUDED_LEFT,
    NODES = 16,
};
constexpr Bits NOISE_OF_PIXELS = 1ull << 32;

constexpr int ONE = 1 << 16;

// The random numbers of one picture.
struct Draws {
    Bits key;

    __device__ Long up_to(Long strength, Bits counter) const { return random_fraction(key, counter) * strength >> 24; }
    __device__ Long either_way(Long strength, Bits counter) const {
        return (random_fraction(key, counter) - (1 << 23)) * strength >> 23;
    }
};

__device__ inline int clamped(int value, int least, int most) {
    return value < least ? least : value > most ? most : value;
}

// A picture in shared memory: the one that is there, and the one that is being made of it.
template <int HEIGHT, int WIDTH>
struct Picture {
    static constexpr int PIXELS = HEIGHT * WIDTH;

    Byte *here, *next;  // (HEIGHT, WIDTH)

    // The pixel there; outside it is black.
    __device__ int at(int row, int column) const {
        const bool inside = row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH;
        return inside ? here[row * WIDTH + column] : 0;
    }

    // Makes the next picture of make(row, column). All threads of the block take part.
    template <class Make>
    __device__ void become(Make make) {
        for (int i = static_cast<int>(threadIdx.x); i < PIXELS; i += THREADS)
            next[i] = static_cast<Byte>(make(i / WIDTH, i % WIDTH));
        __syncthreads();
        Byte *made = next;
        next = here;
        here = made;
    }
};

// -- stroke thickness ----------------------------------------------------------------------------------------------

// Moves each pixel towards the largest, or smallest, of itself and its four neighbours, a pixel's width a pass.
template <int HEIGHT, int WIDTH>
__device__ void thicken(Picture<HEIGHT, WIDTH> &picture, Long amount) {
    const bool thicker = amount > 0;
    for (int left = static_cast<int>((thicker ? amount : -amount) >> 8); left > 0; left -= 256)
        picture.become([&](int row, int column) {
            const int here = picture.at(row, column);
            const int around[4] = {picture.at(row - 1, column), picture.at(row + 1, column),
                                   picture.at(row, column - 1), picture.at(row, column + 1)};
            int farthest = here;
            for (int each : around) farthest = thicker ? max(farthest, each) : min(farthest, each);
            const int distance = thicker ? farthest - here : here - farthest;
            const int change = (distance * min(left, 256) + 128) >> 8;
            return thicker ? here + change : here - change;
        });
}

// -- sampling at other places --------------------------------------------------------------------------------------

// A coordinate of the place that a pixel is sampled at, which changes by so much a row and a column, around the centre.
struct Line {
    int start, by_row, by_column;

    __device__ Line(Long for_row, Long for_column, Long moved, int height, int width, int side)
        : start(static_cast<int>((Long{side - 1} << 15) - ((for_row * (height - 1) + for_column * (width - 1)) >> 1) +
                                 moved)),
          by_row(static_cast<int>(for_row)),
          by_column(static_cast<int>(for_column)) {}

    __device__ int at(int row, int column) const { return start + by_row * row + by_column * column; }
};

struct Affine {
    Line rows, columns;
};

// With t = tan(angle / 2), the cosine is (1 - t²) / (1 + t²) and the sine 2t / (1 + t²).
template <int HEIGHT, int WIDTH, int SHIFT, int HALF_TURN, int SCALE, int SHEARING>
__device__ Affine affine(const Draws &draws) {
    const Long half = draws.either_way(HALF_TURN, ROTATION), square = half * half;
    const Long over = (1ll << 48) / ((1ll << 32) + square);
    const Long cosine = (((1ll << 32) - square) >> 16) * over >> 16, sine = 2 * half * over >> 16;
    const Long tall = ONE + draws.either_way(SCALE, SCALE_HEIGHT), wide = ONE + draws.either_way(SCALE, SCALE_WIDTH);
    const Long lean = draws.either_way(SHEARING, SHEAR);
    const Long down = draws.either_way(SHIFT, SHIFT_DOWN), right = draws.either_way(SHIFT, SHIFT_RIGHT);
    return {{(cosine * tall + sine * lean) >> 16, sine * wide >> 16, down, HEIGHT, WIDTH, HEIGHT},
            {(cosine * lean - sine * tall) >> 16, cosine * wide >> 16, right, HEIGHT, WIDTH, WIDTH}};
}

// The grey level at a place between the pixels, bilinearly.
template <int HEIGHT, int WIDTH>
__device__ int sampled(const Picture<HEIGHT, WIDTH> &picture, int y, int x) {
    y = clamped(y, -ONE, HEIGHT << 16);
    x = clamped(x, -ONE, WIDTH << 16);
    const int row = y >> 16, column = x >> 16, low = y >> 8 & 255, right = x >> 8 & 255;
    const int above = picture.at(row, column) * (256 - right) + picture.at(row, column + 1) * right;
    const int below = picture.at(row + 1, column) * (256 - right) + picture.at(row + 1, column + 1) * right;
    return (above * (256 - low) + below * low + 32768) >> 16;
}

// -- elastic deformation -------------------------------------------------------------------------------------------

// The weights of four nodes in a row: the uniform cubic B-spline, in 1/4096, at k/256 of the way from the second to the
// third.
struct Spline {
    int weights[4];

    __device__ explicit Spline(int k) {
        const int rest = 256 - k, cube = k * k * k, sixth = 6 << 12;
        weights[0] = rest * rest * rest / sixth;
        weights[3] = cube / sixth;
        weights[1] = (3 * cube - 6 * 256 * k * k + (4 << 24)) / sixth;
        weights[2] = 4096 - weights[0] - weights[1] - weights[3];
    }

    // The sum over four numbers, each of_tap(0) to of_tap(3).
    template <class OfTap>
    __device__ int operator()(OfTap of_tap) const {
        int sum = 0;
        for (int tap = 0; tap < 4; ++tap) sum += of_tap(tap) * weights[tap];
        return sum >> 12;
    }
};

// A grid of nodes, GRID_STEP / 65536 a pixel, each with a displacement down and one to the right, in 1/4096 of a pixel.
template <int HEIGHT, int WIDTH, int ELASTIC, int GRID_STEP>
struct Grid {
    static constexpr int ROWS = (Long{HEIGHT - 1} * GRID_STEP >> 16) + 4;
    static constexpr int COLUMNS = (Long{WIDTH - 1} * GRID_STEP >> 16) + 4;
    static constexpr int COUNT = 2 * ROWS * COLUMNS;

    int *nodes;  // (2, ROWS, COLUMNS)

    __device__ void draw(const Draws &draws) const {
        for (int i = static_cast<int>(threadIdx.x); i < COUNT; i += THREADS)
            nodes[i] = static_cast<int>(draws.either_way(ELASTIC, static_cast<Bits>(NODES + i)));
        __syncthreads();
    }

    // The displacement of a pixel, down (axis 0) or to the right (1), in 1/65536 of a pixel.
    __device__ int displacement(int axis, int row, int column) const {
        const int y = row * GRID_STEP, x = column * GRID_STEP;
        const Spline down(y >> 8 & 255), across(x >> 8 & 255);
        const int *first = nodes + (axis * ROWS + (y >> 16)) * COLUMNS + (x >> 16);
        return down([&](int i) { return across([&](int j) { return first[i * COLUMNS + j]; }); }) * 16;
    }
};

// -- what a camera does --------------------------------------------------------------------------------------------

// Blurs by a, 1 - 2a, a along both axes, which adds a variance of 2a; a is 1/4 at most, a variance of 1/2 a pass.
template <int HEIGHT, int WIDTH>
__device__ void blur(Picture<HEIGHT, WIDTH> &picture, Long deviation) {
    for (Long left = deviation * deviation >> 16; left > 0; left -= ONE / 2) {
        const int side = static_cast<int>(left < ONE / 2 ? left : ONE / 2) >> 9, middle = 256 - 2 * side;
        picture.become([&](int row, int column) {
            const auto across = [&](int y) {
                return picture.at(y, column) * middle + (picture.at(y, column - 1) + picture.at(y, column + 1)) * side;
            };
            return (across(row) * middle + (across(row - 1) + across(row + 1)) * side + 32768) >> 16;
        });
    }
}

// Normal noise, nearly: the sum of four even numbers, of 16 bits each.
__device__ inline int noise(const Draws &draws, int pixel, int amount) {
    const Bits bits = random_bits(draws.key, NOISE_OF_PIXELS + static_cast<Bits>(pixel));
    const int sum = static_cast<int>((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
    return (((sum - 2 * 65535) >> 4) * amount + (1 << 19)) >> 20;
}

// A rectangle that is covered with black.
template <int HEIGHT, int WIDTH, int OCCLUSION>
struct Occlusion {
    int tall, wide, top, left;

    __device__ explicit Occlusion(const Draws &draws)
        : tall(static_cast<int>((draws.up_to(OCCLUSION, OCCLUDED_HEIGHT) * HEIGHT + 32768) >> 16)),
          wide(static_cast<int>((draws.up_to(OCCLUSION, OCCLUDED_WIDTH) * WIDTH + 32768) >> 16)),
          top(static_cast<int>(draws.up_to(HEIGHT - tall + 1, OCCLUDED_TOP))),
          left(static_cast<int>(draws.up_to(WIDTH - wide + 1, OCCLUDED_LEFT))) {}

    __device__ bool covers(int row, int column) const {
        return row >= top && row < top + tall && column >= left && column < left + wide;
    }
};

// -- all together --------------------------------------------------------------------------------------------------

// x = scale * augmented picture + shift. The settings are those of FixedPoint in groundup/augmentation/settings.py, in
// its order. A block a picture: grid batch size.
template <int HEIGHT, int WIDTH, int SHIFT, int HALF_TURN, int SCALE, int SHEARING, int ELASTIC, int GRID_STEP,
          int THICKENING, int BLURRING, int CONTRASTING, int NOISING, int OCCLUDING>
__device__ void augmented_inputs(float *x /* (N, HEIGHT, WIDTH) */, const Byte *pictures /* (all, HEIGHT, WIDTH) */,
                                 const int *order /* (all) */, const Bits *key, float scale, float shift,
                                 const Step *step) {
    using Deformation = Grid<HEIGHT, WIDTH, ELASTIC, GRID_STEP>;
    __shared__ Byte room[2][HEIGHT * WIDTH];
    __shared__ int nodes[ELASTIC ? Deformation::COUNT : 1];
    const int example = static_cast<int>(blockIdx.x);
    if (example >= step->examples) return;
    const Draws draws{random_bits(*key, static_cast<Bits>(example))};
    Picture<HEIGHT, WIDTH> picture{room[0], room[1]};
    const Byte *stored = pictures + Long{order[step->first + example]} * picture.PIXELS;
    picture.become([=](int row, int column) { return stored[row * WIDTH + column]; });
    if constexpr (THICKENING) thicken(picture, draws.either_way(THICKENING, THICKNESS));
    if constexpr (SHIFT || HALF_TURN || SCALE || SHEARING || ELASTIC) {
        const Affine place = affine<HEIGHT, WIDTH, SHIFT, HALF_TURN, SCALE, SHEARING>(draws);
        const Deformation grid{nodes};
        if constexpr (ELASTIC) grid.draw(draws);
        picture.become([&](int row, int column) {
            const int down = ELASTIC ? grid.displacement(0, row, column) : 0;
            const int right = ELASTIC ? grid.displacement(1, row, column) : 0;
            return sampled(picture, place.rows.at(row, column) + down, place.columns.at(row, column) + right);
        });
    }
    if constexpr (BLURRING) blur(picture, draws.up_to(BLURRING, BLUR));
    const int gain = ONE + static_cast<int>(draws.either_way(CONTRASTING, CONTRAST));
    const int amount = static_cast<int>(draws.up_to(NOISING, NOISE));
    const Occlusion<HEIGHT, WIDTH, OCCLUDING> occlusion(draws);
    for (int i = static_cast<int>(threadIdx.x); i < picture.PIXELS; i += THREADS) {
        int level = (picture.here[i] * gain + 32768) >> 16;
        if constexpr (NOISING) level += noise(draws, i, amount);
        if (OCCLUDING && occlusion.covers(i / WIDTH, i % WIDTH)) level = 0;
        x[example * picture.PIXELS + i] = scale * static_cast<float>(clamped(level, 0, 255)) + shift;
    }
}
