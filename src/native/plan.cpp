#include "plan.hpp"

#include <algorithm>

namespace groundup {

namespace {

constexpr Long wanted_chunks = 24;        // a batch: enough for every thread to have its share at the same time
constexpr Long largest_chunk = 16;        // pictures
constexpr Long cache_bytes = 128 * 1024;  // of what a thread has under way: a quarter of a small second-level cache

}  // namespace

Plan::Plan(Long capacity, int threads, bool keep)
    : capacity_(capacity),
      threads_(threads),
      keep_(keep),
      chunk_(std::clamp(divide_up(capacity, wanted_chunks), Long{1}, largest_chunk)) {}

Buffer *Plan::buffer(const Shape &shape) { return new_buffer(shape, shape.size() * static_cast<Long>(sizeof(float))); }

Buffer *Plan::new_buffer(const Shape &shape, Long picture_bytes) {
    return &buffers_.emplace_back(shape, picture_bytes);
}

void Plan::use(std::initializer_list<Buffer *> uses) {
    const Long phase = static_cast<Long>(phases_.size()) - 1;
    for (Buffer *buffer : uses) {
        if (buffer->first_phase_ < 0) buffer->first_phase_ = phase;
        buffer->last_phase_ = phase;
    }
}

void Plan::by_pictures(std::initializer_list<Buffer *> uses, ByPictures operation) {
    if (phases_.empty() || !phases_.back().tasks.empty()) phases_.emplace_back();
    phases_.back().pictures.push_back(std::move(operation));
    use(uses);
}

void Plan::by_tasks(std::initializer_list<Buffer *> uses, Count count, ByTask operation) {
    barrier();
    together(uses, std::move(count), std::move(operation));
}

void Plan::together(std::initializer_list<Buffer *> uses, Count count, ByTask operation) {
    if (phases_.empty() || !phases_.back().pictures.empty()) phases_.emplace_back();
    phases_.back().tasks.push_back({std::move(count), std::move(operation)});
    use(uses);
}

void Plan::finish() {
    std::vector<Long> bytes(phases_.size());
    for (Buffer &buffer : buffers_) {
        const auto phase = static_cast<std::size_t>(buffer.first_phase_);
        buffer.local_ = !keep_ && buffer.first_phase_ >= 0 && buffer.first_phase_ == buffer.last_phase_ &&
                        !phases_[phase].pictures.empty();
        if (buffer.local_) bytes[phase] += buffer.stride_;
    }
    for (std::size_t phase = 0; phase < phases_.size(); ++phase)
        phases_[phase].piece = std::clamp(cache_bytes / std::max(bytes[phase], Long{1}), Long{1}, chunk_);
    for (Buffer &buffer : buffers_) {
        if (buffer.local_) buffer.slots_ = phases_[static_cast<std::size_t>(buffer.first_phase_)].piece;
        buffer.memory_ = Array<std::uint8_t>((buffer.local_ ? threads_ * buffer.slots_ : capacity_) * buffer.stride_);
    }
}

void Plan::run(Threads &threads, Long pictures) {
    for (const Phase &phase : phases_) {
        if (phase.pictures.empty()) run_tasks(phase, threads);
        else run_pictures(phase, threads, pictures);
    }
}

void Plan::run_pictures(const Phase &phase, Threads &threads, Long pictures) const {
    threads.run(chunks(pictures), [&](Long chunk, int thread) {
        const Long begin = chunk * chunk_, end = std::min(begin + chunk_, pictures);
        for (Long first = begin; first < end; first += phase.piece) {
            const Pictures piece{first, std::min(phase.piece, end - first), chunk, first == begin, thread};
            for (const ByPictures &operation : phase.pictures) operation(piece);
        }
    });
}

void Plan::run_tasks(const Phase &phase, Threads &threads) const {
    std::vector<Long> ends;
    Long total = 0;
    for (const Tasks &tasks : phase.tasks) ends.push_back(total += tasks.count());
    threads.run(total, [&](Long task, int thread) {
        std::size_t which = 0;
        while (task >= ends[which]) ++which;
        phase.tasks[which].operation(which ? task - ends[which - 1] : task, thread);
    });
}

}  // namespace groundup
