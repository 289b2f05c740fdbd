// groundup-check: every kernel beside a plain reference, over odd and real sizes; with --benchmark, how fast each is;
// with --break, whether the checks notice kernels that are broken on purpose.
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checks/activations.hpp"
#include "dispatch.hpp"

namespace groundup::checks {

constexpr std::span<const Subject> families[] = {activations};

struct Wanted {
    std::vector<std::string> instruction_sets, kernels;  // all, if empty
    bool benchmark = false, faults = false;

    static bool among(const std::vector<std::string> &names, const char *name) {
        return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
    }
};

// Returns whether the kernel is right.
bool check(const Subject &subject, const Kernels &kernels) {
    Checker checker(kernels);
    subject.check(checker);
    std::printf("  %-24s %s %5ld cases, errors up to %.2f of their bound\n", subject.name,
                checker.failures ? "WRONG" : "right", static_cast<long>(checker.cases), checker.worst);
    if (checker.failures) std::printf("    %s\n", checker.first_failure.c_str());
    return checker.failures == 0;
}

// Returns whether every fault that this kernel can have is noticed.
bool check_faults(const Subject &subject, const Kernels &kernels) {
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

bool run(const InstructionSet &instruction_set, const Wanted &wanted) {
    std::printf("%s", instruction_set.name);
    if (!instruction_set.available) return std::printf(": not here, %s\n", instruction_set.why_not.c_str()), true;
    const Kernels &kernels = *instruction_set.kernels;
    if (!wanted.benchmark) std::printf("\n");
    std::optional<Benchmark> benchmark;
    if (wanted.benchmark) {
        benchmark.emplace(kernels);
        std::printf(": at most %.1f GFLOP/s, %.1f of bfloat16; %.1f GB/s\n", benchmark->peak * 1e-9,
                    benchmark->peak_mixed * 1e-9, benchmark->bandwidth * 1e-9);
    }
    bool right = true;
    for (const auto family : families)
        for (const Subject &subject : family) {
            if (!Wanted::among(wanted.kernels, subject.name)) continue;
            if (benchmark) benchmark->name = subject.name, subject.benchmark(kernels, *benchmark);
            else right &= wanted.faults ? check_faults(subject, kernels) : check(subject, kernels);
        }
    return right;
}

}  // namespace groundup::checks

int main(int count, char **arguments) {
    using namespace groundup;
    checks::Wanted wanted;
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        if (argument == "--benchmark") wanted.benchmark = true;
        else if (argument == "--break") wanted.faults = true;
        else if (argument == "--isa" && i + 1 < count) wanted.instruction_sets.push_back(arguments[++i]);
        else wanted.kernels.push_back(argument);
    }
    bool right = true;
    for (const InstructionSet &each : instruction_sets())
        if (checks::Wanted::among(wanted.instruction_sets, each.name)) right &= checks::run(each, wanted);
    return right ? 0 : 1;
}
