// How fast a kernel is, beside the most that this thread can do.
#pragma once

#include <algorithm>
#include <cstring>
#include <ctime>
#include <vector>

#include "checker.hpp"

namespace groundup::checks {

// Seconds of processor time that one call takes: the median of several measurements of at least 2 ms.
template <class Run>
double seconds(Run run) {
    const auto now = [] {
        timespec time;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    };
    std::vector<double> measured;
    for (Long repeats = 1; measured.size() < 9;) {
        const double start = now();
        for (Long i = 0; i < repeats; ++i) run();
        const double taken = now() - start;
        if (taken < 2e-3) repeats *= 2;
        else measured.push_back(taken / static_cast<double>(repeats));
    }
    std::nth_element(measured.begin(), measured.begin() + 4, measured.end());
    return measured[4];
}

// Numbers for a kernel to run on.
template <class Number = float>
std::vector<Number> filled(Long count, Number value = Number(0.5f)) {
    return std::vector<Number>(static_cast<std::size_t>(count), value);
}

// What a thread can do with this instruction set: operations, and bytes copied within the cache.
class Benchmark {
  public:
    explicit Benchmark(const Kernels &kernels) {
        auto y = filled(2 * kernels.lanes, 1e-3f);
        constexpr Long rounds = 10000;
        const auto done = static_cast<double>(kernels.peak(y.data(), rounds));
        const auto done_mixed = static_cast<double>(kernels.peak_mixed(y.data(), rounds));
        peak = done / seconds([&] { kernels.peak(y.data(), rounds); });
        peak_mixed = done_mixed / seconds([&] { kernels.peak_mixed(y.data(), rounds); });
        bandwidth = copied_a_second(24 << 10);
    }

    // Bytes read and written a second when so many are at work: as many as a cache holds, or more.
    static double copied_a_second(Long bytes) {
        const auto half = static_cast<std::size_t>(bytes / 2);
        const auto from = filled<char>(bytes / 2, 1);
        auto to = filled<char>(bytes / 2, 0);
        return static_cast<double>(bytes) / seconds([&] {
                   std::memcpy(to.data(), from.data(), half);
                   __asm__ volatile("" : : "r"(to.data()) : "memory");  // or the copy would be left out
               });
    }

    template <class Run>
    void operations(double count, Run run) {
        print(count / seconds(run), peak, "GFLOP/s");
    }
    template <class Run>
    void mixed_operations(double count, Run run) {
        print(count / seconds(run), peak_mixed, "GFLOP/s");
    }
    template <class Run>
    void bytes(double count, Run run) {
        print(count / seconds(run), bandwidth, "GB/s");
    }  // read and written

    double peak, peak_mixed, bandwidth;  // a second
    const char *name = "";
    std::string size;

  private:
    void print(double rate, double most, const char *of) const {
        std::printf("  %-24s %8.1f %-8s %4.0f%%\n", name, rate * 1e-9, of, 100 * rate / most);
    }
};

}  // namespace groundup::checks
