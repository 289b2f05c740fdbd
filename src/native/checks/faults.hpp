// Does the checker say no? Kernels that do their work and then one thing wrong; every check must notice each.
#pragma once

#include <functional>
#include <type_traits>

#include "checker.hpp"

namespace groundup::checks {

enum class Fault { wrong_number, not_written, past_the_end, before_the_start, reads_padding };

constexpr std::pair<Fault, const char *> faults[] = {
    {Fault::wrong_number, "a wrong number"},       {Fault::not_written, "a number not written"},
    {Fault::past_the_end, "a write past the end"}, {Fault::before_the_start, "a write before the start"},
    {Fault::reads_padding, "padding read"},
};

// What is done wrong at present. A kernel is a plain function, so this cannot be given to it as an argument.
struct Sabotage {
    const Kernels *kernels = nullptr;  // the right ones
    const Checker *checker = nullptr;
    Fault fault = Fault::wrong_number;
    int output = 0;  // of the kernel's outputs, in the order of its arguments, the result last
    Long applied = 0;
};
inline Sabotage sabotage;

template <class Number>
Number wrong(Number value) {
    if constexpr (std::is_same_v<Number, Entry>) return {value.place ^ 1, value.value};
    else if constexpr (std::is_floating_point_v<Number>) return value * Number(1 + 0x1p-10) + Number(1e-4);
    else return static_cast<Number>(value ^ 1);
}

template <class Number>
Number plus(Number value, double padding) {
    if constexpr (std::is_same_v<Number, Entry>) return {value.place, value.value + static_cast<float>(padding)};
    else if constexpr (std::is_floating_point_v<Number>) return value + static_cast<Number>(padding);
    else return static_cast<Number>(value + 1);
}

// The damage to one call: looks at the arguments before it, and is done after it.
class Damage {
  public:
    template <class... Arguments>
    explicit Damage(const Arguments &...arguments) {
        (see(arguments), ...);
    }

    void do_it() {
        if (apply) apply();
    }

    template <class Result>
    Result of(Result result) {
        if (sabotage.output != outputs) return result;
        if (sabotage.fault == Fault::wrong_number) return ++sabotage.applied, wrong(result);
        if (sabotage.fault == Fault::reads_padding && padding) return ++sabotage.applied, plus(result, padding());
        return result;
    }

  private:
    int outputs = 0;
    std::function<void()> apply;
    std::function<double()> padding;

    // Numbers from `first` to the end of its buffer, or -1 if it lies in none.
    template <class Number>
    static Long room(const Number *first) {
        for (const Region &region : sabotage.checker->regions) {
            const auto *begin = static_cast<const char *>(region.begin), *at = reinterpret_cast<const char *>(first);
            if (at >= begin && at <= begin + region.bytes)
                return (begin + region.bytes - at) / static_cast<Long>(sizeof(Number));
        }
        return -1;
    }

    template <class Value>
    void see(const Value &) {}

    template <class Number>
    void see(const Number *const &input) {
        const Long count = room(input);
        if constexpr (std::is_same_v<Number, Entry>) {
            if (count >= 0) padding = [=] { return static_cast<double>(input[count].value); };
        } else {
            if (count >= 0) padding = [=] { return static_cast<double>(input[count]); };
        }
    }

    void see(float *const *const &moments) { see(moments[0]); }

    template <class Number>
        requires(!std::is_const_v<Number>)
    void see(Number *const &output) {
        const Long count = room(output);
        if (outputs++ != sabotage.output || count <= 0) return;
        apply = [=, this, before = *output] {
            if (sabotage.fault == Fault::reads_padding && !padding) return;
            ++sabotage.applied;
            switch (sabotage.fault) {
                case Fault::wrong_number:
                    *output = wrong(*output);
                    break;
                case Fault::not_written:
                    *output = before;
                    break;
                case Fault::past_the_end:
                    output[count] = Number{};
                    break;
                case Fault::before_the_start:
                    output[-1] = Number{};
                    break;
                case Fault::reads_padding:
                    *output = plus(*output, padding());
                    break;
            }
        };
    }
};

template <auto kernel, class Function>
struct Broken;

template <auto kernel, class Result, class... Arguments>
struct Broken<kernel, Result (*Kernels::*)(Arguments...)> {
    static Result run(Arguments... arguments) {
        Damage damage(arguments...);
        if constexpr (std::is_void_v<Result>) {
            (sabotage.kernels->*kernel)(arguments...);
            damage.do_it();
        } else {
            const Result result = (sabotage.kernels->*kernel)(arguments...);
            damage.do_it();
            return damage.of(result);
        }
    }
};

template <auto kernel>
constexpr Subject subject(const char *name, void (*check)(Checker &), void (*benchmark)(const Kernels &, Benchmark &)) {
    return {name, check, benchmark, [](Kernels &kernels) { kernels.*kernel = Broken<kernel, decltype(kernel)>::run; }};
}

}  // namespace groundup::checks
