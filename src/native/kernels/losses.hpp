// Losses and their gradients, with the count of right answers, which is known on the way.

// Where softmax begins: dlogits = logits - largest. Returns what these add to the loss, -Σ target · (logit - largest).
static double begin_cross_entropy(float *dlogits, Long *correct, const float *logits, const std::uint8_t *labels,
                                  float whole, float shared, Long rows, Long classes) {
    double at_labels = 0.0;
    *correct = 0;
    for (Long row = 0; row < rows; ++row) {
        const float *from = logits + row * classes;
        float *to = dlogits + row * classes;
        const Long place = first_largest(from, classes);
        const float largest = from[place];
        for (Long c = 0; c < classes; ++c) to[c] = from[c] - largest;
        at_labels += to[labels[row]];
        *correct += place == labels[row];
    }
    // Even if nothing is shared out evenly: then an infinite logit, times 0, is NaN, as in the formula.
    const double all = sum_of(dlogits, rows * classes, [](double shifted) { return shifted; });
    return -(whole * at_labels + shared * all);
}

// A target is `shared` everywhere and `whole` more at the label. Σ target = 1, so log(total) counts once a row.
static double cross_entropy(float *dlogits, Long *correct, const float *logits, const std::uint8_t *labels,
                            float smoothing, float scale, Long rows, Long classes) {
    const float shared = smoothing / static_cast<float>(classes), whole = 1.0f - smoothing;
    double loss = begin_cross_entropy(dlogits, correct, logits, labels, whole, shared, rows, classes);
    exponentials(dlogits, rows * classes);
    for (Long row = 0; row < rows; ++row, dlogits += classes) {
        const float total = row_sum(dlogits, classes);
        const float at_label = (dlogits[labels[row]] / total - (whole + shared)) * scale;
        loss += static_cast<double>(__builtin_logf(total));
        for (Long c = 0; c < classes; ++c) dlogits[c] = (dlogits[c] / total - shared) * scale;
        dlogits[labels[row]] = at_label;
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
