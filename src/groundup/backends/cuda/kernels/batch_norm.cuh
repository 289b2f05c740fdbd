// Batch normalisation. An example has CHANNELS channels of AREA numbers each; features are channels of one number.
//
// Statistics are over all numbers of a channel in the batch. They are cut into PARTS, each of which one block adds up;
// whoever needs a channel's statistics puts the parts together again. So that threads that are neighbours read numbers
// that are neighbours, a block takes one channel where channels are wide, and COLUMNS channels where they are narrow.
// `Then` is what else is done to each number of the result: see elementwise.cuh.
#pragma once
#include "common.cuh"

// Who does what in a grid of (CHANNELS / COLUMNS rounded up, PARTS) blocks.
template <int CHANNELS, int AREA, int PARTS, int COLUMNS>
struct Channel {
    static constexpr int WORKERS = THREADS / COLUMNS;  // of one channel in a block

    int channel, worker, total, each;

    __device__ Channel(const Step *step)
        : channel(static_cast<int>(blockIdx.x * COLUMNS + threadIdx.x % COLUMNS)),
          worker(static_cast<int>(threadIdx.x) / COLUMNS),
          total(step->examples * AREA),
          each((total + PARTS - 1) / PARTS) {}

    __device__ bool exists() const { return channel < CHANNELS; }

    // How many numbers of the channel a part has.
    __device__ int count(int part) const { return max(0, min(each, total - part * each)); }

    // The sum of of_place(place) over the numbers of this block's part, each with its place in the batch.
    template <class OfPlace>
    __device__ float sum(OfPlace of_place) const {
        const int part = static_cast<int>(blockIdx.y);
        float own = 0;
        if (exists())
            for_each_place(part * each, part * each + count(part), [&](int place) { own += of_place(place); });
        return block_sum<COLUMNS>(own);
    }

    // Calls each_place(place) for this thread's share of the channel's numbers from `begin` to before `end`.
    template <class Each>
    __device__ void for_each_place(int begin, int end, Each each_place) const {
        for (int i = begin + worker; i < end; i += WORKERS)
            each_place((i / AREA * CHANNELS + channel) * AREA + i % AREA);
    }

    // The sum of of_part(part) over all parts.
    template <class OfPart>
    __device__ float sum_of_parts(OfPart of_part) const {
        float own = 0;
        if (exists())
            for (int part = worker; part < PARTS; part += WORKERS) own += of_part(part);
        return block_sum<COLUMNS>(own);
    }
};

// -- training: grid (CHANNELS / COLUMNS rounded up, PARTS) for all -------------------------------------------------

// Each part's mean, and its squared distances from that mean, added up.
template <int CHANNELS, int AREA, int PARTS, int COLUMNS>
__device__ void batch_norm_parts(float *means /* (PARTS, CHANNELS) */, float *squares /* (PARTS, CHANNELS) */,
                                 const float *x /* (N, CHANNELS, AREA) */, const Step *step) {
    const Channel<CHANNELS, AREA, PARTS, COLUMNS> own(step);
    const int part = static_cast<int>(blockIdx.y);
    const float mean = own.sum([=](int i) { return x[i]; }) / static_cast<float>(max(own.count(part), 1));
    const float square = own.sum([=](int i) { return (x[i] - mean) * (x[i] - mean); });
    if (!own.exists() || own.worker > 0) return;
    means[part * CHANNELS + own.channel] = mean;
    squares[part * CHANNELS + own.channel] = square;
}

// y = (x - mean) * scale * weight + bias, where scale is 1 / √(variance + epsilon). Keeps mean and scale, and moves the
// running averages by `momentum` towards the batch's mean and unbiased variance.
template <int CHANNELS, int AREA, int PARTS, int COLUMNS, class Then, class... Arguments>
__device__ void batch_norm_forward(float *y /* (N, CHANNELS, AREA) */, float *means /* (CHANNELS) */,
                                   float *scales /* (CHANNELS) */, float *running_mean /* (CHANNELS) */,
                                   float *running_variance /* (CHANNELS) */, const float *x /* (N, CHANNELS, AREA) */,
                                   const float *part_means /* (PARTS, CHANNELS) */,
                                   const float *part_squares /* (PARTS, CHANNELS) */,
                                   const float *weight /* (CHANNELS) */, const float *bias /* (CHANNELS) */,
                                   float momentum, float epsilon, const Step *step, Arguments... arguments) {
    const Channel<CHANNELS, AREA, PARTS, COLUMNS> own(step);
    const int channel = own.channel, part = static_cast<int>(blockIdx.y);
    const float total = static_cast<float>(own.total);
    const float mean = own.sum_of_parts([=](int each) {
        return static_cast<float>(own.count(each)) * part_means[each * CHANNELS + channel];
    }) / total;
    const float variance = own.sum_of_parts([=](int each) {
        const float distance = part_means[each * CHANNELS + channel] - mean;
        return part_squares[each * CHANNELS + channel] + static_cast<float>(own.count(each)) * distance * distance;
    }) / total;
    if (!own.exists()) return;
    const float scale = 1 / sqrtf(variance + epsilon);
    const Then then{arguments...};
    own.for_each_place(part * own.each, part * own.each + own.count(part), [=](int i) {
        const float number = (x[i] - mean) * scale * weight[channel] + bias[channel];
        y[i] = number;
        then(i, number);
    });
    if (part > 0 || own.worker > 0) return;
    means[channel] = mean;
    scales[channel] = scale;
    const float unbiased = variance * (total / static_cast<float>(max(own.total - 1, 1)));
    running_mean[channel] = (1 - momentum) * running_mean[channel] + momentum * mean;
    running_variance[channel] = (1 - momentum) * running_variance[channel] + momentum * unbiased;
}

// Each part's sums of dy, and of dy times the normalised x.
template <int CHANNELS, int AREA, int PARTS, int COLUMNS>
__device__ void batch_norm_backward_parts(float *sums /* (PARTS, CHANNELS) */, float *alongs /* (PARTS, CHANNELS) */,
                                          const float *dy /* (N, CHANNELS, AREA) */,
                                          const float *x /* (N, CHANNELS, AREA) */, const float *means /* (CHANNELS) */,
                                          const float *scales /* (CHANNELS) */, const Step *step) {
    const Channel<CHANNELS, AREA, PARTS, COLUMNS> own(step);
    const int channel = own.channel, place = static_cast<int>(blockIdx.y) * CHANNELS + channel;
    const float sum = own.sum([=](int i) { return dy[i]; });
    const float along = own.sum([=](int i) { return dy[i] * ((x[i] - means[channel]) * scales[channel]); });
    if (!own.exists() || own.worker > 0) return;
    sums[place] = sum;
    alongs[place] = along;
}

// The gradients by weight and bias, and, unless dx is null, by x: mean and variance, too, depend on x.
template <int CHANNELS, int AREA, int PARTS, int COLUMNS, class Then, class... Arguments>
__device__ void batch_norm_backward(float *dx /* (N, CHANNELS, AREA) */, float *dweight /* (CHANNELS) */,
                                    float *dbias /* (CHANNELS) */, const float *dy /* (N, CHANNELS, AREA) */,
                                    const float *x /* (N, CHANNELS, AREA) */, const float *sums /* (PARTS, CHANNELS) */,
                                    const float *alongs /* (PARTS, CHANNELS) */, const float *means /* (CHANNELS) */,
                                    const float *scales /* (CHANNELS) */, const float *weight /* (CHANNELS) */,
                                    const Step *step, Arguments... arguments) {
    const Channel<CHANNELS, AREA, PARTS, COLUMNS> own(step);
    const int channel = own.channel, part = static_cast<int>(blockIdx.y);
    const float sum = own.sum_of_parts([=](int each) { return sums[each * CHANNELS + channel]; });
    const float along = own.sum_of_parts([=](int each) { return alongs[each * CHANNELS + channel]; });
    if (!own.exists()) return;
    if (part == 0 && own.worker == 0) {
        dweight[channel] = along;
        dbias[channel] = sum;
    }
    if (!dx) return;
    const Then then{arguments...};
    const float mean = means[channel], scale = scales[channel], total = static_cast<float>(own.total);
    own.for_each_place(part * own.each, part * own.each + own.count(part), [=](int i) {
        const float normalized = (x[i] - mean) * scale;
        const float slope = (dy[i] - sum / total - normalized * (along / total)) * weight[channel] * scale;
        dx[i] = slope;
        then(i, slope);
    });
}

// -- prediction ----------------------------------------------------------------------------------------------------

// The same with the running averages. A thread a number: grid blocks(batch size * CHANNELS * AREA).
template <int CHANNELS, int AREA, class Then, class... Arguments>
__device__ void batch_norm_inference(float *y /* (N, CHANNELS, AREA) */, const float *x /* (N, CHANNELS, AREA) */,
                                     const float *running_mean /* (CHANNELS) */,
                                     const float *running_variance /* (CHANNELS) */,
                                     const float *weight /* (CHANNELS) */, const float *bias /* (CHANNELS) */,
                                     float epsilon, const Step *step, Arguments... arguments) {
    const Then then{arguments...};
    for_each_number<CHANNELS * AREA>(step, [=](int i) {
        const int channel = i / AREA % CHANNELS;
        const float scale = 1 / sqrtf(running_variance[channel] + epsilon);
        const float number = (x[i] - running_mean[channel]) * scale * weight[channel] + bias[channel];
        y[i] = number;
        then(i, number);
    });
}
