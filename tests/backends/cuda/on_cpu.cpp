// The scheduler: runs one block after another, and a block's threads in turn, each until it waits or has ended.
#include "on_cpu.hpp"

#include <csetjmp>
#include <csignal>
#include <cstring>
#include <link.h>
#include <numeric>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

Index threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr unsigned MOST_THREADS = 1024;
constexpr std::size_t STACK = 64 * 1024;

enum class State { ready, at_barrier, handing_over, ended };

struct Fiber {
    jmp_buf place;
    Index index;
    State state;
    int line;       // of the barrier at which it waits
    unsigned slot;  // 0 or 1: where it hands over next
    bool made = false;
};

Fiber fibers[MOST_THREADS];
alignas(16) char stacks[MOST_THREADS][STACK];
// A lane that writes for the second next time can't disturb: all have read by then, for all have written once more.
alignas(HANDED) char handed[2][MOST_THREADS][HANDED];
jmp_buf scheduler;
unsigned running;
void (*body)(void *);
void *argument;

sigjmp_buf fault;
int fault_signal;
std::size_t fault_address;

void yield(State state) {
    fibers[running].state = state;
    if (!_setjmp(fibers[running].place)) _longjmp(scheduler, 1);
}

// What a fiber does from first to last: one thread of a block after another.
void live() {
    for (;;) {
        body(argument);
        yield(State::ended);
    }
}

void make(unsigned number) {
    ucontext_t begin, here;
    getcontext(&begin);
    begin.uc_stack.ss_sp = stacks[number];
    begin.uc_stack.ss_size = STACK;
    begin.uc_link = nullptr;
    makecontext(&begin, live, 0);
    fibers[number].made = true;
    swapcontext(&here, &begin);  // never comes back here: the fiber yields to `scheduler`
}

void resume(unsigned number) {
    running = number;
    threadIdx = fibers[number].index;
    if (_setjmp(scheduler)) return;
    if (fibers[number].made) _longjmp(fibers[number].place, 1);
    make(number);
}

// A permutation of 0 to count - 1 that is another one each time: who counts on an order among threads is found out.
struct Order {
    unsigned count, begin, stride;

    explicit Order(unsigned count) : count(count) {
        static unsigned random = 1;
        random = random * 1664525 + 1013904223;
        begin = (random >> 8) % count;
        stride = (random >> 16) % count + 1;
        while (std::gcd(stride, count) != 1) ++stride;
    }
    unsigned operator[](unsigned number) const {
        return (begin + static_cast<unsigned long long>(number) * stride) % count;
    }
};

unsigned in_state(State state, unsigned first, unsigned last) {
    unsigned count = 0;
    for (unsigned number = first; number < last; ++number) count += fibers[number].state == state;
    return count;
}

void release(unsigned first, unsigned last) {
    for (unsigned number = first; number < last; ++number) fibers[number].state = State::ready;
}

// Lets warps go whose lanes have all handed over; nullptr, or what went wrong.
const char *release_warps(unsigned threads, bool &released) {
    for (unsigned first = 0; first < threads; first += warpSize) {
        unsigned last = min(first + warpSize, threads), waiting = in_state(State::handing_over, first, last);
        if (waiting && waiting < last - first) {
            running = first;
            return "a warp's lanes hand over (shuffle, tensor core), but not all of them";
        }
        if (waiting) {
            release(first, last);
            released = true;
        }
    }
    return nullptr;
}

const char *release_block(unsigned threads) {
    if (in_state(State::at_barrier, 0, threads) < threads) return "a barrier that not all threads of the block reach";
    for (running = 1; running < threads; ++running)
        if (fibers[running].line != fibers[0].line) return "threads of one block wait at different barriers";
    release(0, threads);
    return nullptr;
}

const char *run_block(unsigned threads) {
    for (unsigned number = 0; number < threads; ++number) {
        Fiber &fiber = fibers[number];
        fiber.index = {number % blockDim.x, number / blockDim.x % blockDim.y, number / blockDim.x / blockDim.y};
        fiber.state = State::ready;
        fiber.slot = 0;
    }
    for (;;) {
        Order order(threads);
        for (unsigned number = 0; number < threads; ++number)
            if (fibers[order[number]].state == State::ready) resume(order[number]);
        if (in_state(State::ended, 0, threads) == threads) return nullptr;
        bool released = false;
        const char *wrong = release_warps(threads, released);
        if (!wrong && !released) wrong = release_block(threads);
        if (wrong) return wrong;
    }
}

const char *run_grid(unsigned threads) {
    unsigned blocks = gridDim.x * gridDim.y * gridDim.z;
    Order order(blocks);
    for (unsigned number = 0; number < blocks; ++number) {
        unsigned block = order[number];
        blockIdx = {block % gridDim.x, block / gridDim.x % gridDim.y, block / gridDim.x / gridDim.y};
        if (const char *wrong = run_block(threads)) return wrong;
    }
    return nullptr;
}

void caught(int signal, siginfo_t *info, void *) {
    fault_signal = signal;
    fault_address = reinterpret_cast<std::size_t>(info->si_addr);
    siglongjmp(fault, 1);
}

const char *meaning(int signal) {
    if (signal == SIGILL) return "an index beyond an array, or a vector that is not aligned";
    return signal == SIGFPE ? "an integer divided by zero" : "reads or writes beyond a buffer";
}

// Catches the signals of kernels that go astray, as long as it lives.
class Watch {
  public:
    Watch() {
        static char stack[64 * 1024];
        stack_t own{stack, 0, sizeof stack};
        sigaltstack(&own, &stack_before);
        struct sigaction action{};
        action.sa_sigaction = caught;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        for (int i = 0; i < 4; ++i) sigaction(signals[i], &action, &before[i]);
    }
    ~Watch() {
        for (int i = 0; i < 4; ++i) sigaction(signals[i], &before[i], nullptr);
        sigaltstack(&stack_before, nullptr);
    }

  private:
    static constexpr int signals[4] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction before[4];
    stack_t stack_before;
};

int fill_thread_locals(dl_phdr_info *module, std::size_t, void *wanted) {
    auto address = reinterpret_cast<std::size_t>(wanted);
    bool found = false;
    std::size_t bytes = 0;
    for (int i = 0; i < module->dlpi_phnum; ++i) {
        const auto &part = module->dlpi_phdr[i];
        std::size_t begin = module->dlpi_addr + part.p_vaddr;
        if (part.p_type == PT_LOAD && begin <= address && address < begin + part.p_memsz) found = true;
        if (part.p_type == PT_TLS) bytes = part.p_memsz;
    }
    if (found && bytes && module->dlpi_tls_data) memset(module->dlpi_tls_data, 0xff, bytes);
    return found;
}

}  // namespace

void wait_for_block(int line) {
    fibers[running].line = line;
    yield(State::at_barrier);
}

const void *hand_over(const void *value, std::size_t bytes) {
    auto &slots = handed[fibers[running].slot ^= 1];
    memcpy(slots[running], value, bytes);
    yield(State::handing_over);
    return slots[running / warpSize * warpSize];
}

// Fills the shared variables of the library that `anything_static` is in: with NaN, where they are numbers.
void forget_shared_memory(const void *anything_static) {
    dl_iterate_phdr(fill_thread_locals, const_cast<void *>(anything_static));
}

Failure run_blocks(Index grid, Index block, void (*new_body)(void *), void *new_argument) {
    gridDim = grid, blockDim = block, body = new_body, argument = new_argument;
    Watch watch;
    const char *wrong;
    std::size_t address = 0;
    if (sigsetjmp(fault, 1) == 0) {
        wrong = run_grid(block.x * block.y * block.z);
    } else {
        wrong = meaning(fault_signal);
        address = fault_signal == SIGSEGV || fault_signal == SIGBUS ? fault_address : 0;
    }
    if (wrong)
        for (Fiber &fiber : fibers) fiber.made = false;  // they stand in the middle of something
    return {wrong, blockIdx, fibers[running].index, address};
}

// Whole pages between two that the processor lets nobody touch.
extern "C" char *allocate(std::size_t bytes) {
    std::size_t page = sysconf(_SC_PAGESIZE);
    void *all = mmap(nullptr, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) return nullptr;
    char *first = static_cast<char *>(all) + page;
    mprotect(first, bytes, PROT_READ | PROT_WRITE);
    return first;
}

extern "C" void release_memory(char *first, std::size_t bytes) {
    std::size_t page = sysconf(_SC_PAGESIZE);
    munmap(first - page, bytes + 2 * page);
}

// -- what is PTX on a GPU -----------------------------------------------------------------------------------------

namespace {

// Rounds to nearest, ties to even.
unsigned bfloat16(float value) {
    unsigned bits = __float_as_uint(value);
    return isnan(value) ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

float half_of(unsigned pair, int which) { return __uint_as_float(which ? pair & 0xffff0000 : pair << 16); }

struct Fragments {
    unsigned left[4], right[2];
};

}  // namespace

// cvt.rn.bf16x2.f32
unsigned bfloat16_pair(float low, float high) { return bfloat16(high) << 16 | bfloat16(low); }

// mma.sync.m16n8k16: sums (16, 8) += left (16, 16) · right (16, 8). Which lane has which numbers in which register is
// said in PTX ISA, "Matrix Fragments for mma.m16n8k16".
void tensor_core(float (&sums)[4], const unsigned (&left)[4], const unsigned (&right)[2]) {
    const Lanes<Fragments> all = lanes(Fragments{{left[0], left[1], left[2], left[3]}, {right[0], right[1]}});
    const int row = lane_number() / 4;
    for (int number = 0; number < 4; ++number) {
        const int lower = number / 2, column = lane_number() % 4 * 2 + number % 2;  // `lower`: row + 8
        for (int k = 0; k < 16; ++k) {
            const unsigned a = all[row * 4 + k % 8 / 2].left[lower + k / 8 * 2];
            const unsigned b = all[column * 4 + k % 8 / 2].right[k / 8];
            sums[number] += half_of(a, k % 2) * half_of(b, k % 2);
        }
    }
}
