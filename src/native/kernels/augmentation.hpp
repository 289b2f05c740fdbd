// Augmentation of one picture: what groundup/augmentation/pixels.py says, to the very same bytes. All numbers are
// integers: coordinates in 1/65536 of a pixel, weights in 1/256; a shift to the right rounds down, also below zero.

// The counters at which a picture reads its random numbers.
enum Draw : std::uint64_t {
    shift_down,
    shift_right,
    rotation,
    scale_height,
    scale_width,
    shear,
    thickness,
    blur,
    contrast,
    noise,
    occluded_height,
    occluded_width,
    occluded_top,
    occluded_left,
    grid_nodes = 16,
    noise_of_pixels = std::uint64_t{1} << 32,
};

// The random numbers of one picture.
struct Draws {
    std::uint64_t key;

    std::uint64_t bits(std::uint64_t counter) const { return splitmix64(key + (counter + 1) * golden); }
    Long number(std::uint64_t counter) const { return static_cast<Long>(bits(counter) >> 40); }
    Long up_to(Long strength, std::uint64_t counter) const { return number(counter) * strength >> 24; }
    Long either_way(Long strength, std::uint64_t counter) const {
        return (number(counter) - (Long{1} << 23)) * strength >> 23;
    }
};

// The picture on its way, and all that its stages need. Around a picture are zeros: a row above, two below, a column on
// the left and two on the right. Stages run over whole rows, their ends included, and clear the ends afterwards.
struct Workplace {
    Long height, width;
    Long stride;  // of the picture's rows
    Long across;  // pixels in a row, rounded up to whole registers
    Long node_rows, node_columns;
    Long size = 0;                       // bytes
    std::uint8_t *picture, *next;        // (height + 3, stride) and some more
    std::uint16_t *half_blurred;         // (height + 2, stride)
    std::int32_t *corners;               // (height + 2, stride): each pixel with those on its right and below
    std::int32_t *nodes;                 // (2, node_rows, node_columns)
    std::int32_t *first_node, *weights;  // (across,), (4, across)
    std::int32_t *lines;                 // (2, node_rows, across): the nodes' displacements, interpolated in a row
    std::int32_t *displacements;         // (2, across), of a row of pixels; then the places that it is sampled at
    std::int32_t *samples;               // (across,)

    // With a null room, only to know the size.
    Workplace(const Augmentation &settings, Long of_height, Long of_width, std::uint8_t *room)
        : height(of_height), width(of_width), stride(of_width + 3), across((of_width + 15) / 16 * 16) {
        node_rows = ((height - 1) * settings.grid_step >> 16) + 4;
        node_columns = ((width - 1) * settings.grid_step >> 16) + 4;
        const auto part = [&](Long bytes) {
            std::uint8_t *begin = room ? room + size : nullptr;
            size += (bytes + 63) / 64 * 64;
            return begin;
        };
        const auto numbers = [&](Long count) { return reinterpret_cast<std::int32_t *>(part(4 * count)); };
        const Long elements = (height + 3) * stride;
        picture = part(elements + across);
        next = part(elements + across);
        half_blurred = reinterpret_cast<std::uint16_t *>(part(2 * elements));
        corners = numbers(elements);
        nodes = numbers(settings.elastic ? 2 * node_rows * node_columns : 0);
        first_node = numbers(across);
        weights = numbers(4 * across);
        lines = numbers(settings.elastic ? 2 * node_rows * across : 0);
        displacements = numbers(2 * across);
        samples = numbers(across);
    }

    Long begin() const { return stride; }  // of the rows that have pixels
    Long end() const { return (height + 1) * stride; }

    void take(const std::uint8_t *pixels) {
        __builtin_memset(picture, 0, static_cast<std::size_t>((height + 3) * stride + across));
        __builtin_memset(next, 0, static_cast<std::size_t>((height + 3) * stride + across));
        for (Long row = 0; row < height; ++row)
            __builtin_memcpy(picture + (row + 1) * stride + 1, pixels + row * width, static_cast<std::size_t>(width));
    }

    // The next picture is there, but for its margins.
    void advance() {
        std::uint8_t *done = next;
        next = picture;
        picture = done;
        for (Long row = 0; row <= height; ++row)  // the right end of a row and the left one of the next
            __builtin_memset(done + row * stride + width + 1, 0, 3);
        __builtin_memset(done + end(), 0, static_cast<std::size_t>(2 * stride + across));
    }
};

static Long augmentation_room(const Augmentation &settings, Long height, Long width) {
    return Workplace(settings, height, width, nullptr).size;
}

// -- stroke thickness ----------------------------------------------------------------------------------------------

// Moves each pixel by part / 256 towards the largest, or smallest, of itself and its four neighbours.
template <bool thicker>
static void thicken_pass(std::uint8_t *__restrict y, const std::uint8_t *__restrict x, Long stride, Long count,
                         int part) {
    const auto further = [](std::uint8_t a, std::uint8_t b) { return (thicker ? a > b : a < b) ? a : b; };
    const auto share = static_cast<std::uint16_t>(part);
    for (Long i = 0; i < count; ++i) {
        const std::uint8_t here = x[i];
        const std::uint8_t vertical = further(x[i - stride], x[i + stride]);
        const std::uint8_t farthest = further(here, further(vertical, further(x[i - 1], x[i + 1])));
        const auto distance = static_cast<std::uint16_t>(thicker ? farthest - here : here - farthest);
        const auto change = static_cast<std::uint8_t>(static_cast<std::uint16_t>(distance * share + 128) >> 8);
        y[i] = static_cast<std::uint8_t>(thicker ? here + change : here - change);
    }
}

static void thicken(Workplace &at, Long amount) {
    for (Long left = (amount < 0 ? -amount : amount) >> 8; left > 0; left -= 256) {
        const int part = static_cast<int>(left < 256 ? left : 256);
        const Long begin = at.begin(), count = at.end() - begin;
        if (amount > 0) thicken_pass<true>(at.next + begin, at.picture + begin, at.stride, count, part);
        else thicken_pass<false>(at.next + begin, at.picture + begin, at.stride, count, part);
        at.advance();
    }
}

// -- sampling at other places --------------------------------------------------------------------------------------

// A coordinate of the place that a pixel is sampled at: start + by_row · row + by_column · column.
struct Line {
    std::int32_t start, by_row, by_column;

    Line(Long for_row, Long for_column, Long moved, Long height, Long width, Long side)
        : start(static_cast<std::int32_t>(((side - 1) << 15) -
                                          ((for_row * (height - 1) + for_column * (width - 1)) >> 1) + moved)),
          by_row(static_cast<std::int32_t>(for_row)),
          by_column(static_cast<std::int32_t>(for_column)) {}
};

struct Affine {
    Line rows, columns;
};

// With t = tan(angle / 2), the cosine is (1 - t²) / (1 + t²) and the sine 2t / (1 + t²).
static Affine affine(const Draws &draws, const Augmentation &settings, Long height, Long width) {
    const Long half = draws.either_way(settings.half_turn, rotation), square = half * half;
    const Long over = (Long{1} << 48) / ((Long{1} << 32) + square);
    const Long cosine = (((Long{1} << 32) - square) >> 16) * over >> 16, sine = 2 * half * over >> 16;
    const Long tall = 65536 + draws.either_way(settings.scale, scale_height);
    const Long wide = 65536 + draws.either_way(settings.scale, scale_width);
    const Long lean = draws.either_way(settings.shear, shear);
    const Long down = draws.either_way(settings.shift, shift_down);
    const Long right = draws.either_way(settings.shift, shift_right);
    return {{(cosine * tall + sine * lean) >> 16, sine * wide >> 16, down, height, width, height},
            {(cosine * lean - sine * tall) >> 16, cosine * wide >> 16, right, height, width, width}};
}

struct SplineWeights {
    std::int32_t of[4];
};

// The uniform cubic B-spline, in 1/4096, at k/256 of the way from the second of four nodes to the third.
static inline SplineWeights spline_weights(std::int32_t k) {
    const std::int32_t rest = 256 - k, cube = k * k * k, sixth = 6 << 12;
    const std::int32_t first = rest * rest * rest / sixth, last = cube / sixth;
    const std::int32_t second = (3 * cube - 6 * 256 * k * k + (4 << 24)) / sixth;
    return {{first, second, 4096 - first - second - last, last}};
}

// Draws the elastic deformation's nodes, and interpolates them along each of their rows.
static void prepare_displacements(Workplace &at, const Draws &draws, const Augmentation &settings) {
    const Long lines = 2 * at.node_rows;
    for (Long i = 0; i < lines * at.node_columns; ++i)
        at.nodes[i] =
            static_cast<std::int32_t>(draws.either_way(settings.elastic, grid_nodes + static_cast<std::uint64_t>(i)));
    for (Long column = 0; column < at.across; ++column) {
        const Long place = (column < at.width ? column : at.width - 1) * settings.grid_step;
        const SplineWeights weights = spline_weights(static_cast<std::int32_t>(place >> 8 & 255));
        at.first_node[column] = static_cast<std::int32_t>(place >> 16);
        for (Long tap = 0; tap < 4; ++tap) at.weights[tap * at.across + column] = weights.of[tap];
    }
    const std::int32_t *w = at.weights, *first_node = at.first_node;
    const Long across = at.across;
    for (Long line = 0; line < lines; ++line) {
        const std::int32_t *nodes = at.nodes + line * at.node_columns;
        std::int32_t *__restrict to = at.lines + line * across;
        for (Long c = 0; c < across; ++c) {
            const std::int32_t *four = nodes + first_node[c];
            to[c] = (four[0] * w[c] + four[1] * w[across + c] + four[2] * w[2 * across + c] +
                     four[3] * w[3 * across + c]) >>
                    12;
        }
    }
}

// The displacements of a row of pixels, in 1/65536.
static void displace_row(Workplace &at, Long row, Long grid_step) {
    const Long place = row * grid_step, across = at.across;
    const SplineWeights weights = spline_weights(static_cast<std::int32_t>(place >> 8 & 255));
    for (Long axis = 0; axis < 2; ++axis) {
        const std::int32_t *x = at.lines + (axis * at.node_rows + (place >> 16)) * across;
        std::int32_t *__restrict to = at.displacements + axis * across;
        for (Long c = 0; c < across; ++c)
            to[c] = (x[c] * weights.of[0] + x[across + c] * weights.of[1] + x[2 * across + c] * weights.of[2] +
                     x[3 * across + c] * weights.of[3]) >>
                    12 << 4;
    }
}

static inline std::int32_t clamped(std::int32_t value, std::int32_t least, std::int32_t most) {
    return value < least ? least : value > most ? most : value;
}

// In three loops: the one in the middle cannot be vectorised, the others can.
template <bool elastic>
static void sample_row(const Workplace &at, const Affine &affine, std::int32_t row) {
    const std::int32_t row_start = affine.rows.start + row * affine.rows.by_row, row_step = affine.rows.by_column;
    const std::int32_t column_start = affine.columns.start + row * affine.columns.by_row;
    const std::int32_t column_step = affine.columns.by_column;
    const auto last_row = static_cast<std::int32_t>(at.height << 16),
               last_column = static_cast<std::int32_t>(at.width << 16);
    const auto stride = static_cast<std::int32_t>(at.stride), across = static_cast<std::int32_t>(at.across);
    std::int32_t *__restrict ys = at.displacements, *__restrict xs = at.displacements + across;
    std::int32_t *__restrict samples = at.samples;
    for (std::int32_t c = 0; c < across; ++c) {
        const std::int32_t y = clamped(row_start + c * row_step + (elastic ? ys[c] : 0), -65536, last_row);
        const std::int32_t x = clamped(column_start + c * column_step + (elastic ? xs[c] : 0), -65536, last_column);
        ys[c] = y;
        xs[c] = x;
        samples[c] = ((y >> 16) + 1) * stride + (x >> 16) + 1;
    }
    for (std::int32_t c = 0; c < across; ++c) samples[c] = at.corners[samples[c]];
    for (std::int32_t c = 0; c < across; ++c) {
        const std::int32_t four = samples[c], low = ys[c] >> 8 & 255, on = xs[c] >> 8 & 255;
        const std::int32_t above = (four & 255) * (256 - on) + (four >> 8 & 255) * on;
        const std::int32_t below = (four >> 16 & 255) * (256 - on) + (four >> 24 & 255) * on;
        samples[c] = (above * (256 - low) + below * low + 32768) >> 16;
    }
}

static void sample(Workplace &at, const Draws &draws, const Augmentation &settings) {
    const Affine places = affine(draws, settings, at.height, at.width);
    if (settings.elastic) prepare_displacements(at, draws, settings);
    const std::uint8_t *__restrict picture = at.picture;
    std::int32_t *__restrict corners = at.corners;
    const Long stride = at.stride, across = at.across;
    for (Long i = 0; i < at.end() + stride - 1; ++i)
        corners[i] = static_cast<std::int32_t>(picture[i] | picture[i + 1] << 8 | picture[i + stride] << 16 |
                                               static_cast<std::uint32_t>(picture[i + stride + 1]) << 24);
    for (Long row = 0; row < at.height; ++row) {
        if (settings.elastic) {
            displace_row(at, row, settings.grid_step);
            sample_row<true>(at, places, static_cast<std::int32_t>(row));
        } else {
            sample_row<false>(at, places, static_cast<std::int32_t>(row));
        }
        std::uint8_t *__restrict to = at.next + (row + 1) * stride + 1;
        const std::int32_t *__restrict samples = at.samples;
        for (Long c = 0; c < across; ++c)
            to[c] = static_cast<std::uint8_t>(samples[c]);  // the next row covers the rest
    }
    at.advance();
}

// -- what a camera does --------------------------------------------------------------------------------------------

// By a, 1 - 2a, a along both axes, which adds a variance of 2a; a is 1/4 at most, a variance of 1/2 a pass.
static void blur_pass(Workplace &at, std::int32_t a) {
    const std::int32_t b = 256 - 2 * a;
    const Long stride = at.stride, end = at.end();
    std::uint8_t *__restrict y = at.next;
    const std::uint8_t *__restrict x = at.picture;
    std::uint16_t *__restrict half = at.half_blurred;
    for (Long i = 0; i < stride; ++i) half[i] = half[end + i] = 0;
    for (Long i = stride; i < end; ++i) half[i] = static_cast<std::uint16_t>((x[i - 1] + x[i + 1]) * a + x[i] * b);
    for (Long i = stride; i < end; ++i)
        y[i] = static_cast<std::uint8_t>(((half[i - stride] + half[i + stride]) * a + half[i] * b + 32768) >> 16);
    at.advance();
}

static void blur_picture(Workplace &at, Long deviation) {
    for (Long left = deviation * deviation >> 16; left > 0; left -= 32768)
        blur_pass(at, static_cast<std::int32_t>(left < 32768 ? left : 32768) >> 9);
}

// Contrast and noise, on the way out. The sum of four even numbers is nearly normal.
template <bool noisy>
static void contrast_picture(std::uint8_t *y, const Workplace &at, const Draws &draws, std::int32_t gain,
                             std::int32_t amount) {
    for (Long row = 0; row < at.height; ++row) {
        std::uint8_t *__restrict to = y + row * at.width;
        const std::uint8_t *__restrict from = at.picture + (row + 1) * at.stride + 1;
        const std::uint64_t counter = noise_of_pixels + static_cast<std::uint64_t>(row * at.width);
        for (Long c = 0; c < at.width; ++c) {
            std::int32_t level = (from[c] * gain + 32768) >> 16;
            if (noisy) {
                const std::uint64_t bits = draws.bits(counter + static_cast<std::uint64_t>(c));
                const std::uint64_t sum =
                    (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
                level += (((static_cast<std::int32_t>(sum) - 2 * 65535) >> 4) * amount + (1 << 19)) >> 20;
            }
            to[c] = static_cast<std::uint8_t>(clamped(level, 0, 255));
        }
    }
}

static void occlude(std::uint8_t *y, const Draws &draws, Long strength, Long height, Long width) {
    const Long tall = (draws.up_to(strength, occluded_height) * height + 32768) >> 16;
    const Long wide = (draws.up_to(strength, occluded_width) * width + 32768) >> 16;
    const Long top = draws.up_to(height - tall + 1, occluded_top), left = draws.up_to(width - wide + 1, occluded_left);
    for (Long row = top; row < top + tall; ++row)
        __builtin_memset(y + row * width + left, 0, static_cast<std::size_t>(wide));
}

static void augment(std::uint8_t *y, const std::uint8_t *x, std::uint8_t *room, const Augmentation &settings,
                    std::uint64_t key, Long number, Long height, Long width) {
    const Draws draws{Draws{key}.bits(static_cast<std::uint64_t>(number))};
    Workplace at(settings, height, width, room);
    at.take(x);
    if (settings.thickness) thicken(at, draws.either_way(settings.thickness, thickness));
    if (settings.shift || settings.half_turn || settings.scale || settings.shear || settings.elastic)
        sample(at, draws, settings);
    if (settings.blur) blur_picture(at, draws.up_to(settings.blur, blur));
    const auto gain = static_cast<std::int32_t>(65536 + draws.either_way(settings.contrast, contrast));
    if (settings.noise)
        contrast_picture<true>(y, at, draws, gain, static_cast<std::int32_t>(draws.up_to(settings.noise, noise)));
    else contrast_picture<false>(y, at, draws, gain, 0);
    if (settings.occlusion) occlude(y, draws, settings.occlusion, height, width);
}
