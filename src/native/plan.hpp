// A plan: what a step does, in phases. All threads work on one phase until it is done, then on the next.
//
// A phase is shared either by pictures or by tasks. By pictures, some pictures at a time run through all its
// operations, so that what one writes, the next finds in the cache. A buffer that lives within one such phase needs
// no room for the whole batch, only for the pictures that a thread has under way.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "memory.hpp"
#include "threads.hpp"

namespace groundup {

// Some pictures of the batch, on their way through a phase.
struct Pictures {
    Long first, count;
    Long chunk;  // the batch falls into chunks in the same way whatever the number of threads
    bool opens;  // whether these are the first of their chunk
    int thread;
};

struct Shape {
    Long height, width, channels;  // (1, 1, features) for a row of features
    Long area() const { return height * width; }
    Long size() const { return area() * channels; }
};

// Numbers (N, height, width, channels): of the whole batch, or of the pictures that a thread has under way.
class Buffer {
  public:
    Buffer(const Shape &of_shape, Long picture_bytes) : shape(of_shape), stride_(picture_bytes) {}

    template <class Number = float>
    Number *at(const Pictures &pictures) const {
        return reinterpret_cast<Number *>(memory_.data() +
                                          (local_ ? pictures.thread * slots_ : pictures.first) * stride_);
    }
    template <class Number = float>
    Number *all() const {
        return reinterpret_cast<Number *>(memory_.data());
    }

    // How many numbers a picture has here.
    template <class Number = float>
    Long numbers() const {
        return stride_ / static_cast<Long>(sizeof(Number));
    }

    const Shape shape;
    bool kept = false;  // somebody needs it as it is: nothing may be computed in its place

  private:
    friend class Plan;
    const Long stride_;  // bytes
    Long first_phase_ = -1, last_phase_ = -1;
    bool local_ = false;
    Long slots_ = 0;  // pictures that a thread has under way
    Array<std::uint8_t> memory_;
};

class Plan {
  public:
    using ByPictures = std::function<void(const Pictures &)>;
    using Count = std::function<Long()>;
    using ByTask = std::function<void(Long task, int thread)>;

    // At most `capacity` pictures a batch. Whoever wants to look at every value afterwards asks to `keep` them all.
    Plan(Long capacity, int threads, bool keep);

    Buffer *buffer(const Shape &shape);
    template <class Number>
    Buffer *bytes_for(Long numbers) {  // per picture
        return new_buffer({1, 1, numbers}, numbers * static_cast<Long>(sizeof(Number)));
    }
    // For the result of an operation that may be computed in place.
    Buffer *in_place_of(Buffer *x) { return x->kept || keep_ ? buffer(x->shape) : x; }

    // The operation reads or writes these buffers; it runs after all operations before.
    void by_pictures(std::initializer_list<Buffer *> uses, ByPictures operation);
    void by_tasks(std::initializer_list<Buffer *> uses, Count count, ByTask operation);
    // As by_tasks, but at the same time as the tasks just before, unless there is a barrier.
    void together(std::initializer_list<Buffer *> uses, Count count, ByTask operation);

    // What is added from here on waits for everything before.
    void barrier() { phases_.emplace_back(); }

    // Finds room for the buffers; call it when all operations are there.
    void finish();

    void run(Threads &threads, Long pictures);

    Long chunks(Long pictures) const { return divide_up(pictures, chunk_); }
    Long capacity() const { return capacity_; }
    int threads() const { return threads_; }
    bool keeps() const { return keep_; }

  private:
    struct Tasks {
        Count count;
        ByTask operation;
    };
    struct Phase {
        std::vector<ByPictures> pictures;
        std::vector<Tasks> tasks;
        Long piece = 1;  // pictures at a time
        bool empty() const { return pictures.empty() && tasks.empty(); }
    };

    Buffer *new_buffer(const Shape &shape, Long picture_bytes);
    void use(std::initializer_list<Buffer *> uses);
    void run_pictures(const Phase &phase, Threads &threads, Long pictures) const;
    void run_tasks(const Phase &phase, Threads &threads) const;

    const Long capacity_;
    const int threads_;
    const bool keep_;
    Long chunk_;
    std::deque<Buffer> buffers_;
    std::vector<Phase> phases_;
};

}  // namespace groundup
