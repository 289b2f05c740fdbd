// Optimizers: one pass over a parameter, its gradient and its moments. A rule's settings are template arguments where
// they change what is computed, so that the loop holds no more than its own rule.

template <bool decays, bool has_velocity, bool looks_ahead>
static void update_sgd(float *__restrict parameter, float *__restrict velocity, const float *__restrict gradient,
                       const Rule &rule, Long count) {
    const auto rate = static_cast<float>(rule.learning_rate), decay = static_cast<float>(rule.weight_decay);
    const auto momentum = static_cast<float>(rule.momentum), share = static_cast<float>(1.0 - rule.dampening);
    for (Long i = 0; i < count; ++i) {
        float slope = gradient[i];
        if constexpr (decays) slope += decay * parameter[i];
        if constexpr (has_velocity) {
            const float moved = velocity[i] * momentum + share * slope;
            velocity[i] = moved;
            slope = looks_ahead ? slope + momentum * moved : moved;
        }
        parameter[i] -= rate * slope;
    }
}

template <bool decays, bool shrinks, bool amsgrad>
static void update_adam(float *__restrict parameter, float *const moments[3], const float *__restrict gradient,
                        const Rule &rule, Long count) {
    float *__restrict mean = moments[0], *__restrict square = moments[1], *__restrict largest = moments[2];
    const auto beta1 = static_cast<float>(rule.beta1), share1 = static_cast<float>(1.0 - rule.beta1);
    const auto beta2 = static_cast<float>(rule.beta2), share2 = static_cast<float>(1.0 - rule.beta2);
    const auto decay = static_cast<float>(rule.weight_decay), epsilon = static_cast<float>(rule.epsilon);
    const auto shrunk = static_cast<float>(1.0 - rule.learning_rate * rule.weight_decay);
    const auto rate = static_cast<float>(rule.learning_rate / rule.correction1);
    const auto correction = static_cast<float>(1.0 / rule.correction2);
    for (Long i = 0; i < count; ++i) {
        float slope = gradient[i], old = parameter[i];
        if constexpr (decays) slope += decay * old;
        if constexpr (shrinks) old *= shrunk;
        mean[i] = mean[i] * beta1 + share1 * slope;
        square[i] = square[i] * beta2 + share2 * (slope * slope);
        float under = square[i];
        if constexpr (amsgrad) under = largest[i] = largest[i] >= under ? largest[i] : under;
        parameter[i] = old - rate * mean[i] / (__builtin_sqrtf(under) * correction + epsilon);
    }
}

static void update(float *parameter, float *const moments[3], const float *gradient, const Rule &rule, Long count) {
    const bool decays = rule.weight_decay != 0.0, has_velocity = rule.momentum != 0.0;
    const auto sgd = [&]<bool decays, bool has_velocity, bool looks_ahead>() {
        update_sgd<decays, has_velocity, looks_ahead>(parameter, moments[0], gradient, rule, count);
    };
    const auto adam = [&]<bool decays, bool shrinks, bool amsgrad>() {
        update_adam<decays, shrinks, amsgrad>(parameter, moments, gradient, rule, count);
    };
    if (rule.kind == Rule::sgd) choose(sgd, decays, has_velocity, has_velocity && rule.nesterov);
    else choose(adam, rule.kind == Rule::adam && decays, rule.kind == Rule::adamw && decays, rule.amsgrad);
}
