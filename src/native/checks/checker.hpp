// What every check is made of: buffers that notice what a kernel should not have touched, and bounds for its errors.
#pragma once

#include <cmath>
#include <cstring>
#include <iomanip>
#include <limits>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../kernels.hpp"

namespace groundup::checks {

constexpr double unit = 0x1p-24;   // the largest relative error of one rounding to float32
constexpr double tiny = 0x1p-126;  // smaller numbers may be flushed to zero
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// Around every register's width, and some real ones.
constexpr Long sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100, 784};

// The memory of one living buffer, for `faults.hpp`: a fault needs to know where a kernel's output ends.
struct Region {
    void *begin;
    std::size_t bytes;
};

// One kernel's check: counts cases and failures, and keeps the first failure's words.
class Checker {
  public:
    explicit Checker(const Kernels &kernels) : kernels(kernels) {}

    const Kernels &kernels;
    Long cases = 0, failures = 0;
    double worst = 0;  // error, as a share of its bound
    std::string first_failure;
    std::vector<Region> regions;

    // The next case, in words and numbers.
    template <class... Parts>
    void begin(const Parts &...parts) {
        std::ostringstream text;
        ((text << parts << ' '), ...);
        where = text.str();
        where.pop_back();
        ++cases;
    }

    void fail(const std::string &what) {
        if (failures++ == 0) first_failure = where + ": " + what;
    }

    // NaN must be NaN, and infinity infinity; a result too large for float32 is infinity.
    void expect(const char *what, Long place, double got, double want, double tolerance) {
        const double rounded = static_cast<float>(want);
        bool right = std::isnan(want) ? std::isnan(got) : got == want || got == rounded;
        if (!right && std::isfinite(got) && std::isfinite(rounded)) {
            const double share = std::abs(got - want) / tolerance;
            right = share <= 1;
            if (right && share > worst) worst = share;
        }
        if (right) return;
        std::ostringstream text;
        text << std::setprecision(9) << what << ' ' << place << " is " << got << ", not " << want << " within "
             << tolerance;
        fail(text.str());
    }

    // Random numbers (SplitMix64): the same in every run.
    std::uint64_t bits() {
        std::uint64_t z = state += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }
    float uniform() { return static_cast<float>(bits() >> 40) * 0x1p-23f - 1; }  // in [-1, 1)
    std::uint8_t byte() { return static_cast<std::uint8_t>(bits() >> 56); }
    Long below(Long end) { return static_cast<Long>(bits() % static_cast<std::uint64_t>(end)); }

  private:
    std::string where;
    std::uint64_t state = 1;
};

// What lies where a kernel must not read: of floats and of bfloat16 a NaN, which spreads into whatever it touches.
template <class Number>
Number poison() {
    if constexpr (std::is_same_v<Number, Entry>) return {0, nan};
    else if constexpr (std::is_floating_point_v<Number>) return nan;
    else return static_cast<Number>(0x7fff7fff);
}

// Numbers between two margins of poison. What the test writes is given to a kernel by `()`; what the kernel then made
// of it is read by `expect`. At its end the buffer holds a kernel to it that all else, margins included, is untouched.
template <class Number>
class Buffer {
  public:
    Buffer(Checker &checker, Long count) : Buffer(checker, count, [](Long) { return poison<Number>(); }) {}

    template <class Make>
    Buffer(Checker &checker, Long count, Make make)
        : checker(checker), count(count), given(static_cast<std::size_t>(count + 2 * margin), poison<Number>()) {
        for (Long i = 0; i < count; ++i) (*this)[i] = make(i);
        numbers = given;
        expected.assign(given.size(), false);
        checker.regions.push_back({numbers.data() + margin, static_cast<std::size_t>(count) * sizeof(Number)});
    }
    Buffer(const Buffer &) = delete;

    ~Buffer() {
        for (std::size_t i = 0; i < given.size(); ++i)
            if (handed_over && !expected[i] && std::memcmp(&given[i], &numbers[i], sizeof(Number)) != 0) {
                checker.fail("number " + std::to_string(static_cast<Long>(i) - margin) + " of " +
                             std::to_string(count) + " was overwritten");
                break;
            }
        for (std::size_t i = checker.regions.size(); i-- > 0;)
            if (checker.regions[i].begin == numbers.data() + margin) {
                checker.regions.erase(checker.regions.begin() + static_cast<std::ptrdiff_t>(i));
                break;
            }
    }

    // What a kernel is given, as the test wrote it.
    Number &operator[](Long i) { return given[static_cast<std::size_t>(margin + i)]; }
    const Number &operator[](Long i) const { return given[static_cast<std::size_t>(margin + i)]; }

    Number *operator()() {
        std::memcpy(numbers.data(), given.data(), given.size() * sizeof(Number));
        expected.assign(expected.size(), false);
        handed_over = true;
        return numbers.data() + margin;
    }

    // What the kernel made of it. A number that was asked for may have been written.
    Number got(Long i) {
        expected[static_cast<std::size_t>(margin + i)] = true;
        return numbers[static_cast<std::size_t>(margin + i)];
    }

    void expect(Long i, double want, double tolerance = 0) {
        checker.expect("number", i, static_cast<double>(got(i)), want, tolerance);
    }

  private:
    static constexpr Long margin = 67;  // odd, so that nothing is aligned
    Checker &checker;
    Long count;
    std::vector<Number> given, numbers;
    std::vector<bool> expected;
    bool handed_over = false;
};

// Numbers in [-1, 1).
struct Random : Buffer<float> {
    Random(Checker &checker, Long count) : Buffer(checker, count, [&](Long) { return checker.uniform(); }) {}
};

// What makes functions stumble, between random numbers of several sizes.
struct Special : Buffer<float> {
    Special(Checker &checker, Long count)
        : Buffer(checker, count, [&](Long i) {
              constexpr float numbers[] = {0.0f,   -0.0f,  INFINITY, -INFINITY, nan,    1e-40f, -1e-40f, 1e-20f, 88.8f,
                                           -88.8f, 104.0f, -104.0f,  3e38f,     -3e38f, 1.0f,   -1.0f,   20.0f,  1e-4f};
              constexpr float scales[] = {1.0f, 10.0f, 100.0f, 0.01f};
              const float random = checker.uniform() * scales[i % 4];
              return i % 3 == 2 ? numbers[static_cast<std::size_t>(i) / 3 % std::size(numbers)] : random;
          }) {}
};

// The larger of the bound and what flushing to zero may cost.
inline double within(double relative, double magnitude) { return relative * magnitude + tiny; }

class Benchmark;

// One kernel with its check and its benchmark, and how to put a broken one in its place.
struct Subject {
    const char *name;
    void (*check)(Checker &);
    void (*benchmark)(const Kernels &, Benchmark &);
    void (*replace)(Kernels &);
};

}  // namespace groundup::checks
