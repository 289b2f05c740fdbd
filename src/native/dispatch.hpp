// Which instruction sets there are, which of them this machine can run, and which one is taken.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.hpp"

namespace groundup {

struct InstructionSet {
    const char *name;        // as GROUNDUP_ISA takes it
    const Kernels *kernels;  // null if it is not available
    bool available;
    std::string why_not;        // empty if it is available
    bool bfloat16_in_hardware;  // whether `mixed` is faster than float32
};

// What a user asked for and cannot have; the message says why.
struct Refusal : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// All of them, the fastest last.
std::vector<InstructionSet> instruction_sets();

// The one that the environment variable GROUNDUP_ISA names, otherwise the fastest that is available.
// Throws Refusal if GROUNDUP_ISA names none, or one that is not available.
InstructionSet chosen_instruction_set();

}  // namespace groundup
