// Losses: they add to the sums of the loss and of the right answers, and give the gradient by the outputs. All run on a
// single block: a batch's outputs are few, and adding up what several blocks find would take a second launch.
#pragma once
#include "common.cuh"

// The place of the first of the largest numbers, or of the first NaN, as NumPy has it.
template <int CLASSES>
__device__ int first_largest(const float *row /* (CLASSES) */) {
    int place = 0;
    float largest = row[0];
    for (int i = 1; i < CLASSES; ++i) {
        const bool larger = largest == largest && !(row[i] <= largest);
        place = larger ? i : place;
        largest = larger ? row[i] : largest;
    }
    return place;
}

// Calls of_example(n, label), which returns the loss, for every example; then adds what they came to.
template <int CLASSES, class OfExample>
__device__ void add_losses(double *loss, Bits *correct, const float *outputs /* (N, CLASSES) */, const Byte *labels,
                           const int *order, const Step *step, OfExample of_example) {
    double losses = 0;
    int right = 0;
    for (int n = static_cast<int>(threadIdx.x); n < step->examples; n += THREADS) {
        const int label = labels[order[step->first + n]];
        losses += static_cast<double>(of_example(n, label));
        right += first_largest<CLASSES>(outputs + n * CLASSES) == label;
    }
    losses = block_sum(losses);
    right = block_sum(right);
    if (threadIdx.x > 0) return;
    *loss += losses;
    *correct += static_cast<Bits>(right);
}

// Softmax cross-entropy. A target is `shared` everywhere and `whole` more at the label.
template <int CLASSES>
__device__ void cross_entropy(float *dlogits /* (N, CLASSES) */, double *loss, Bits *correct,
                              const float *logits /* (N, CLASSES) */, const Byte *labels /* (all) */,
                              const int *order /* (all) */, float whole, float shared, const Step *step) {
    add_losses<CLASSES>(loss, correct, logits, labels, order, step, [=](int n, int label) {
        const float *from = logits + n * CLASSES;
        const float largest = from[first_largest<CLASSES>(from)], count = static_cast<float>(step->examples);
        float powers[CLASSES], total = 0;
        for (int i = 0; i < CLASSES; ++i) total += powers[i] = expf(from[i] - largest);
        const float log_total = logf(total);
        float of_example = 0;
        for (int i = 0; i < CLASSES; ++i) {
            const float target = i == label ? whole + shared : shared;
            of_example -= target * (from[i] - largest - log_total);  // target 0 times infinity is NaN: no shortcut
            dlogits[n * CLASSES + i] = (powers[i] / total - target) / count;
        }
        return of_example;
    });
}

// The mean of (output - target)² over all outputs.
template <int CLASSES>
__device__ void mean_squared_error(float *doutputs /* (N, CLASSES) */, double *loss, Bits *correct,
                                   const float *outputs /* (N, CLASSES) */, const Byte *labels /* (all) */,
                                   const int *order /* (all) */, const Step *step) {
    add_losses<CLASSES>(loss, correct, outputs, labels, order, step, [=](int n, int label) {
        const float share = 2 / static_cast<float>(step->examples * CLASSES);
        float squares = 0;
        for (int i = 0; i < CLASSES; ++i) {
            const float difference = outputs[n * CLASSES + i] - (i == label ? 1.0f : 0.0f);
            squares += difference * difference;
            doutputs[n * CLASSES + i] = difference * share;
        }
        return squares / CLASSES;
    });
}
