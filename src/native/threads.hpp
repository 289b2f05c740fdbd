// A pool of threads that share tasks. Whoever is free takes the next one, so no result may depend on who did it.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "kernels.hpp"

namespace groundup {

class Threads {
  public:
    explicit Threads(int count);
    ~Threads();
    Threads(const Threads &) = delete;
    Threads &operator=(const Threads &) = delete;

    int count() const { return count_; }

    // Calls body(task, thread) for every task from 0 to tasks - 1, and returns when all are done.
    template <class Body>
    void run(Long tasks, Body &&body) {
        if (tasks > 1 && count_ > 1 && !forked()) {
            share(
                tasks, [](void *context, Long task, int thread) { (*static_cast<Body *>(context))(task, thread); },
                const_cast<void *>(static_cast<const void *>(&body)));
            return;
        }
        for (Long task = 0; task < tasks; ++task) body(task, 0);
    }

  private:
    using Call = void (*)(void *context, Long task, int thread);

    // Whether this is a child of the process that started the threads: it has none of them.
    bool forked() const;
    void start();
    void share(Long tasks, Call call, void *context);
    void work(int thread, unsigned seen);
    void take_tasks(int thread);

    int count_;
    long process_ = 0;  // that started the workers
    std::vector<std::thread> workers_;
    Call call_ = nullptr;
    void *context_ = nullptr;
    Long tasks_ = 0;
    std::atomic<bool> stop_ = false;
    // Each on a cache line of its own: they are written by all.
    alignas(64) std::atomic<unsigned> round_ = 0;
    alignas(64) std::atomic<Long> next_ = 0;
    alignas(64) std::atomic<int> working_ = 0;  // how many have come to this round and are not done
    alignas(64) std::atomic<bool> open_ = false;
};

// While it lives, this thread takes numbers too small for a normal float as zero. The velocity of a pixel that is
// rarely lit decays into such numbers, and the processor needs a hundred times as long for each.
class SubnormalsAreZero {
  public:
    SubnormalsAreZero();
    ~SubnormalsAreZero();
    SubnormalsAreZero(const SubnormalsAreZero &) = delete;
    SubnormalsAreZero &operator=(const SubnormalsAreZero &) = delete;

  private:
    std::uint64_t before_;
};

}  // namespace groundup
