#include "threads.hpp"

#include <unistd.h>

#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace groundup {

namespace {

constexpr auto spin_time = std::chrono::microseconds(100);

inline void pause() {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Returns whether `done` came true while spinning: sleeping and waking take longer than most phases of a step.
template <class Condition>
bool spin(Condition done) {
    const auto end = std::chrono::steady_clock::now() + spin_time;
    do {
        for (int i = 0; i < 64; ++i) {
            if (done()) return true;
            pause();
        }
        std::this_thread::
            yield();  // where there are more threads than processors, the one waited for may need this one
    } while (std::chrono::steady_clock::now() < end);
    return done();
}

#if defined(__x86_64__)
constexpr std::uint64_t zero_bits = 0x8040;  // flush to zero, denormals are zero
std::uint64_t control() { return _mm_getcsr(); }
void set_control(std::uint64_t value) { _mm_setcsr(static_cast<unsigned>(value)); }
#elif defined(__aarch64__)
constexpr std::uint64_t zero_bits = 1u << 24;
std::uint64_t control() {
    std::uint64_t value;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
}
void set_control(std::uint64_t value) { asm volatile("msr fpcr, %0" ::"r"(value)); }
#else
constexpr std::uint64_t zero_bits = 0;
std::uint64_t control() { return 0; }
void set_control(std::uint64_t) {}
#endif

}  // namespace

SubnormalsAreZero::SubnormalsAreZero() : before_(control()) { set_control(before_ | zero_bits); }
SubnormalsAreZero::~SubnormalsAreZero() { set_control(before_); }

Threads::Threads(int count) : count_(count) {}

Threads::~Threads() {
    if (workers_.empty()) return;
    if (forked()) {  // neither join nor detach may be called for a thread that is not there: forget them
        new std::vector<std::thread>(std::move(workers_));
        return;
    }
    stop_ = true;
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    for (auto &worker : workers_) worker.join();
}

bool Threads::forked() const { return process_ && process_ != getpid(); }

void Threads::start() {
    process_ = getpid();
    for (int thread = 1; thread < count_; ++thread)
        workers_.emplace_back([this, thread, seen = round_.load()] { work(thread, seen); });
}

void Threads::share(Long tasks, Call call, void *context) {
    if (workers_.empty()) start();
    call_ = call;
    context_ = context;
    tasks_ = tasks;
    next_.store(0, std::memory_order_relaxed);
    open_.store(true);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    take_tasks(0);
    open_.store(false);
    const auto done = [this] { return working_.load() == 0; };
    while (!spin(done)) {
        const int still = working_.load();
        if (still) working_.wait(still);
    }
}

// Whoever comes too late, perhaps because it was asleep, finds the round closed, and nobody has waited for it.
void Threads::work(int thread, unsigned seen) {
    const SubnormalsAreZero zero;
    while (true) {
        const auto called = [this, seen] { return round_.load(std::memory_order_acquire) != seen; };
        if (!spin(called)) round_.wait(seen, std::memory_order_acquire);
        if (stop_.load()) return;
        seen = round_.load(std::memory_order_acquire);
        working_.fetch_add(1);
        if (open_.load()) take_tasks(thread);
        if (working_.fetch_sub(1) == 1) working_.notify_one();
    }
}

void Threads::take_tasks(int thread) {
    for (Long task; (task = next_.fetch_add(1, std::memory_order_relaxed)) < tasks_;) call_(context_, task, thread);
}

}  // namespace groundup
