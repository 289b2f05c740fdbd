// Losses and their gradients, with the count of right answers, which is known on the way.

// dlogits holds x - largest at first, then its exponential, then the gradient.
static double cross_entropy(float *dlogits, Long *correct, const float *logits, const std::uint8_t *labels,
                            float smoothing, float scale, Long rows, Long classes) {
    const float shared = smoothing / static_cast<float>(classes), whole = 1.0f - smoothing;
    double loss = 0.0;
    *correct = 0;
    shifted_powers(dlogits, logits, rows, classes);
    for (Long row = 0; row < rows; ++row, dlogits += classes, logits += classes) {
        const Long label = labels[row], place = first_largest(logits, classes);
        const float total = sum_of(dlogits, classes);
        const float largest = logits[place], logarithm = __builtin_logf(total);
        *correct += place == label;
        // -Σ target · log softmax(logits), the even share of the targets by itself
        double even = 0.0;
        for (Long c = 0; c < classes; ++c) even += logits[c] - largest - logarithm;
        loss -= whole * static_cast<double>(logits[label] - largest - logarithm) + shared * even;
        const float at_label = (dlogits[label] / total - (whole + shared)) * scale;
        for (Long c = 0; c < classes; ++c) dlogits[c] = (dlogits[c] / total - shared) * scale;
        dlogits[label] = at_label;
    }
    return loss;
}

static double squared_error(float *doutputs, Long *correct, const float *outputs, const std::uint8_t *labels,
                            float scale, Long rows, Long classes) {
    const float twice = 2.0f * scale / static_cast<float>(classes);
    double squares = 0.0;
    *correct = 0;
    for (Long row = 0; row < rows; ++row, doutputs += classes, outputs += classes) {
        const Long label = labels[row];
        *correct += first_largest(outputs, classes) == label;
        for (Long c = 0; c < classes; ++c) {
            const float difference = outputs[c] - (c == label ? 1.0f : 0.0f);
            squares += static_cast<double>(difference) * difference;
            doutputs[c] = difference * twice;
        }
    }
    return squares / static_cast<double>(classes);
}
