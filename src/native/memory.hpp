// Arrays for kernels: aligned to cache lines, zero at first, and readable a little beyond their ends.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "kernels.hpp"

namespace groundup {

inline Long round_up(Long value, Long multiple) { return (value + multiple - 1) / multiple * multiple; }
inline Long divide_up(Long value, Long divisor) { return (value + divisor - 1) / divisor; }

template <class Number>
class Array {
  public:
    Array() = default;
    explicit Array(Long count) : count_(count) {
        const auto bytes = static_cast<std::size_t>(round_up(count * static_cast<Long>(sizeof(Number)) + beyond, line));
        numbers_.reset(static_cast<Number *>(std::aligned_alloc(line, bytes)));
        if (!numbers_) throw std::bad_alloc();
        std::memset(numbers_.get(), 0, bytes);
    }
    Number *data() const { return numbers_.get(); }
    Long count() const { return count_; }

  private:
    static constexpr Long line = 64;
    static constexpr Long beyond = 1024;  // a tile of AMX reads 16 rows of 64 bytes, whatever they hold
    struct Free {
        void operator()(Number *numbers) const { std::free(numbers); }
    };
    std::unique_ptr<Number, Free> numbers_;
    Long count_ = 0;
};

}  // namespace groundup
