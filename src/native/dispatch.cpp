#include "dispatch.hpp"

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#ifdef __x86_64__
#include <cpuid.h>
#endif
#ifdef __linux__
#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace groundup {

namespace portable {
extern const Kernels kernels;
}
namespace avx2 {
extern const Kernels kernels;
}
namespace avx512 {
extern const Kernels kernels;
}
namespace avx512bf16 {
extern const Kernels kernels;
}
namespace amx {
extern const Kernels kernels;
}

namespace {

// Where the instruction cpuid tells of a feature, and the registers, as bits of XCR0, that the operating system must
// save for it when it switches between threads.
struct Feature {
    const char *name;
    unsigned leaf, subleaf;
    enum { eax, ebx, ecx, edx } word;
    unsigned bit;
    std::uint64_t registers;
};

constexpr std::uint64_t ymm = 0x6, zmm = 0xe6, tiles = 0x60000;
constexpr Feature fma{"FMA", 1, 0, Feature::ecx, 12, ymm};
constexpr Feature avx2_itself{"AVX2", 7, 0, Feature::ebx, 5, ymm};
constexpr Feature avx512f{"AVX512F", 7, 0, Feature::ebx, 16, zmm};
constexpr Feature avx512dq{"AVX512DQ", 7, 0, Feature::ebx, 17, zmm};
constexpr Feature avx512bw{"AVX512BW", 7, 0, Feature::ebx, 30, zmm};
constexpr Feature avx512vl{"AVX512VL", 7, 0, Feature::ebx, 31, zmm};
constexpr Feature bfloat16{"AVX512-BF16", 7, 1, Feature::eax, 5, zmm};
constexpr Feature amx_tile{"AMX-TILE", 7, 0, Feature::edx, 24, tiles};
constexpr Feature amx_bf16{"AMX-BF16", 7, 0, Feature::edx, 22, tiles};

#ifdef __x86_64__
bool processor_has(const Feature &feature) {
    unsigned words[4];
    if (!__get_cpuid_count(feature.leaf, feature.subleaf, &words[0], &words[1], &words[2], &words[3])) return false;
    return words[feature.word] >> feature.bit & 1;
}

bool system_saves(std::uint64_t registers) {
    constexpr Feature osxsave{"OSXSAVE", 1, 0, Feature::ecx, 27, 0};
    if (!processor_has(osxsave)) return false;  // xgetbv would be an illegal instruction
    std::uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & registers) == registers;
}
#else
bool processor_has(const Feature &) { return false; }
bool system_saves(std::uint64_t) { return false; }
#endif

std::string what_is_missing(std::initializer_list<Feature> features) {
    std::string names;
    for (const Feature &feature : features)
        if (!processor_has(feature)) names += (names.empty() ? "" : ", ") + std::string(feature.name);
    if (!names.empty()) return "the processor lacks " + names;
    for (const Feature &feature : features)
        if (!system_saves(feature.registers))
            return "the operating system does not save the registers of " + std::string(feature.name);
    return "";
}

// Linux saves the tiles only of a process that has asked: they would make every thread's switch 8 KiB longer.
std::string what_forbids_tiles() {
#if defined(__linux__) && defined(__x86_64__)
    constexpr long ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18;
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0) return "";
    return std::string("Linux does not permit it (arch_prctl: ") + std::strerror(errno) + ")";
#else
    return "groundup knows only how Linux permits it";
#endif
}

InstructionSet instruction_set(const char *name, const Kernels &kernels, std::string why_not, bool bfloat16) {
    if (!kernels.name) why_not = "it was not built: the compiler does not know it";
    const bool available = why_not.empty();
    return {name, available ? &kernels : nullptr, available, why_not, available && bfloat16};
}

}  // namespace

std::vector<InstructionSet> instruction_sets() {
    const std::string no_avx512 = what_is_missing({avx512f, avx512bw, avx512dq, avx512vl, fma});
    std::string no_amx = what_is_missing({avx512f, avx512bw, avx512dq, avx512vl, fma, bfloat16, amx_tile, amx_bf16});
    if (no_amx.empty()) no_amx = what_forbids_tiles();
    const bool products = avx512bf16::kernels.name && what_is_missing({bfloat16}).empty();
    return {
        instruction_set("portable", portable::kernels, "", false),
        instruction_set("avx2", avx2::kernels, what_is_missing({avx2_itself, fma}), false),
        instruction_set("avx512", products ? avx512bf16::kernels : avx512::kernels, no_avx512, products),
        instruction_set("amx", amx::kernels, no_amx, true),
    };
}

InstructionSet chosen_instruction_set() {
    const auto sets = instruction_sets();
    const char *wanted = std::getenv("GROUNDUP_ISA");
    if (!wanted || !*wanted) {
        InstructionSet fastest = sets.front();
        for (const InstructionSet &each : sets)
            if (each.available) fastest = each;
        return fastest;
    }
    std::string names;
    for (const InstructionSet &each : sets) {
        if (std::strcmp(each.name, wanted) == 0) {
            if (each.available) return each;
            throw Refusal(std::string("GROUNDUP_ISA=") + wanted + " cannot run here: " + each.why_not);
        }
        names += (names.empty() ? "" : ", ") + std::string(each.name);
    }
    throw Refusal(std::string("GROUNDUP_ISA=") + wanted + " is unknown; there are " + names);
}

}  // namespace groundup
