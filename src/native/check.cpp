// groundup-check: every kernel beside a plain reference, over odd and real sizes; with --benchmark, how fast each is;
// with --break, whether the checks notice kernels that are broken on purpose.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checks/activations.hpp"
#include "checks/layout.hpp"
#include "checks/losses.hpp"
#include "checks/normalization.hpp"
#include "checks/optimizers.hpp"
#include "checks/pooling.hpp"
#include "checks/products.hpp"
#include "checks/program.hpp"
#include "checks/sparse.hpp"
#include "checks/structure.hpp"
#include "dispatch.hpp"

namespace groundup::checks {

constexpr std::span<const Subject> families[] = {
    products, sparse, layout, activations, pooling, normalization, structure, losses, optimizers,
};

constexpr const char *usage =
    "groundup-check [--isa NAME] [--benchmark | --break] [KERNEL...]\n"
    "Check every kernel, or those named, for every instruction set that this machine has; then whole programs.\n"
    "  --isa NAME   for this one alone\n"
    "  --benchmark  do not check, but measure, beside the most that this thread can do\n"
    "  --break      check the checks: run them with kernels that are broken on purpose\n";

// Every kernel is checked: the table holds its name, lanes, cells and release, the measures of peak.hpp, and these; and
// augmentation, which the tests in Python hold against NumPy's, byte for byte.
constexpr std::size_t subjects = [] {
    std::size_t count = 0;
    for (const auto family : families) count += family.size();
    return count;
}();
static_assert(sizeof(Kernels) == (4 + 2 + 2 + subjects) * sizeof(void *), "a kernel has no check");

struct Wanted {
    std::vector<std::string> instruction_sets, kernels;  // all, if empty
    bool benchmark = false, faults = false;
};

bool among(const std::vector<std::string> &names, const char *name) {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

// Returns whether the kernel is right.
bool check(const Subject &subject, const Kernels &kernels) {
    Checker checker(kernels);
    subject.check(checker);
    std::printf("  %-24s %s %5ld cases, errors up to %.2f of their bound\n", subject.name,
                checker.failures ? "WRONG" : "right", static_cast<long>(checker.cases), checker.worst);
    if (checker.failures) std::printf("    %s\n", checker.first_failure.c_str());
    return checker.failures == 0;
}

// Returns whether every fault that this kernel can have is noticed; of a kernel that is wrong as it is, nobody knows.
bool check_faults(const Subject &subject, const Kernels &kernels) {
    Checker intact(kernels);
    subject.check(intact);
    if (intact.failures) return check(subject, kernels);
    Kernels broken = kernels;
    subject.replace(broken);
    Long tried = 0, noticed = 0, before = -1;
    std::string missed;
    for (int output = 0; tried != before; ++output) {
        before = tried;
        for (const auto &[fault, words] : faults) {
            Checker checker(broken);
            sabotage = {&kernels, &checker, fault, output, 0};
            subject.check(checker);
            if (sabotage.applied == 0) continue;
            ++tried;
            if (checker.failures) ++noticed;
            else missed += std::string("    not noticed: ") + words + ", output " + std::to_string(output) + "\n";
        }
    }
    std::printf("  %-24s %ld of %ld faults noticed\n%s", subject.name, static_cast<long>(noticed),
                static_cast<long>(tried), missed.c_str());
    return tried > 0 && noticed == tried;
}

// Returns whether all that was wanted of this instruction set holds.
bool run(const InstructionSet &instruction_set, const Wanted &wanted) {
    std::printf("%s\n", instruction_set.name);
    if (!instruction_set.available) {
        std::printf("  not here: %s\n", instruction_set.why_not.c_str());
        return wanted.instruction_sets.empty();  // but who asks for this one must have it
    }
    const Kernels &kernels = *instruction_set.kernels;
    std::optional<Benchmark> benchmark;
    if (wanted.benchmark) {
        benchmark.emplace(kernels);
        std::printf("  at most %.1f GFLOP/s, of bfloat16 %.1f; %.1f GB/s\n", benchmark->peak * 1e-9,
                    benchmark->peak_mixed * 1e-9, benchmark->bandwidth * 1e-9);
        for (const Long kilobytes : {24, 384, 8 << 10, 256 << 10})
            std::printf("  copying within %6ld KiB: %.1f GB/s\n", static_cast<long>(kilobytes),
                        Benchmark::copied_a_second(kilobytes << 10) * 1e-9);
    }
    bool right = true;
    for (const auto family : families)
        for (const Subject &subject : family) {
            if (!among(wanted.kernels, subject.name)) continue;
            if (benchmark) benchmark->name = subject.name, subject.benchmark(kernels, *benchmark);
            else right &= wanted.faults ? check_faults(subject, kernels) : check(subject, kernels);
        }
    if (!wanted.benchmark && !wanted.faults && wanted.kernels.empty()) right &= check_program(kernels);
    return right;
}

bool known(const std::string &kernel) {
    for (const auto family : families)
        for (const Subject &subject : family)
            if (kernel == subject.name) return true;
    return false;
}

int complain(const std::string &about) {
    std::fprintf(stderr, "%s\n%s", about.c_str(), usage);
    return 2;
}

int main(std::span<char *> arguments) {
    Wanted wanted;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string argument = arguments[i];
        if (argument == "--help") return std::printf("%s", usage), 0;
        if (argument == "--benchmark") wanted.benchmark = true;
        else if (argument == "--break") wanted.faults = true;
        else if (argument == "--isa" && i + 1 < arguments.size()) wanted.instruction_sets.push_back(arguments[++i]);
        else if (known(argument)) wanted.kernels.push_back(argument);
        else return complain("no kernel is named " + argument);
    }
    bool right = true, any = false;
    for (const InstructionSet &each : instruction_sets()) {
        if (!among(wanted.instruction_sets, each.name)) continue;
        any = true;
        right &= run(each, wanted);
    }
    if (!any) return complain("no instruction set is named " + wanted.instruction_sets.front());
    return right ? 0 : 1;
}

}  // namespace groundup::checks

int main(int count, char **arguments) { return groundup::checks::main({arguments, static_cast<std::size_t>(count)}); }
