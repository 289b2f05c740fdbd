// The door to Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <optional>
#include <tuple>

#include "dispatch.hpp"
#include "program.hpp"

namespace nb = nanobind;
using namespace groundup;

namespace {

template <class Number>
using Numbers = nb::ndarray<Number, nb::c_contig, nb::device::cpu>;
using Pixels = Numbers<const std::uint8_t>;
using Floats = Numbers<const float>;
using MaskKeys = Numbers<const std::uint64_t>;
using NewFloats = nb::ndarray<nb::numpy, float>;
using FixedPoint = std::array<std::int32_t, 11>;
using ProgressTuple = std::tuple<Long, Long, double, Long>;

// A Refusal becomes Python's ParameterError, which the command line prints without a traceback.
void translate(const std::exception_ptr &pointer, void *) {
    try {
        std::rethrow_exception(pointer);
    } catch (const Refusal &refusal) {
        PyErr_SetString(nb::module_::import_("groundup.errors").attr("ParameterError").ptr(), refusal.what());
    }
}

template <class Number>
Number item(const nb::tuple &description, std::size_t index) {
    return nb::cast<Number>(description[index]);
}

// A layer from a tuple: its kind, its parameters' prefix where it has any, and its settings.
std::unique_ptr<Layer> layer_of(Setting &setting, const nb::tuple &it) {
    const auto kind = item<std::string>(it, 0);
    if (kind == "Linear")
        return make_linear(setting, item<std::string>(it, 1), item<Long>(it, 2), item<Long>(it, 3), item<bool>(it, 4));
    if (kind == "Conv2d")
        return make_convolution(setting, item<std::string>(it, 1), item<Long>(it, 2), item<Long>(it, 3),
                                item<Long>(it, 4), item<Long>(it, 5), item<Long>(it, 6), item<bool>(it, 7));
    if (kind == "BatchNorm")
        return make_batch_norm(setting, item<std::string>(it, 1), item<Long>(it, 2), item<float>(it, 3),
                               item<float>(it, 4));
    if (kind == "ReLU") return make_relu(setting);
    if (kind == "LeakyReLU") return make_leaky_relu(setting, item<float>(it, 1));
    if (kind == "Sigmoid") return make_sigmoid(setting);
    if (kind == "Tanh") return make_tanh(setting);
    if (kind == "Softmax") return make_softmax(setting);
    if (kind == "MaxPool2d") return make_max_pool(setting, item<Long>(it, 1), item<Long>(it, 2));
    if (kind == "AvgPool2d") return make_average_pool(setting, item<Long>(it, 1), item<Long>(it, 2));
    if (kind == "GlobalAvgPool") return make_global_average(setting);
    if (kind == "Flatten") return make_flatten(setting);
    if (kind == "Dropout") return make_dropout(setting, item<float>(it, 1), item<Long>(it, 2));
    if (kind == "Residual") {
        Program::Layers inner;
        for (const nb::handle each : item<nb::list>(it, 1))
            inner.push_back(layer_of(setting, nb::cast<nb::tuple>(each)));
        return make_residual(setting, std::move(inner));
    }
    throw Refusal("there is no layer called " + kind);
}

// groundup/augmentation/settings.py has the same numbers in the same order.
Augmentation augmentation_of(const FixedPoint &it) {
    return {it[0], it[1], it[2], it[3], it[4], it[5], it[6], it[7], it[8], it[9], it[10]};
}

// Python owns what it points to.
Program *program_of(const nb::list &layers, const std::tuple<Long, Long, Long> &shape, bool flat, float scale,
                    float shift, Long classes, const nb::tuple &loss, const nb::dict &optimizer,
                    const std::optional<FixedPoint> &augmentation, Long augmentation_key, Long batch_size, bool mixed,
                    int threads) {
    const auto number = [&](const char *key) { return nb::cast<double>(optimizer[key]); };
    const auto flag = [&](const char *key) { return nb::cast<bool>(optimizer[key]); };
    const OptimizerSetting setting_of_optimizer{static_cast<Rule::Kind>(nb::cast<int>(optimizer["kind"])),
                                                nb::cast<int>(optimizer["moments"]),
                                                number("momentum"),
                                                number("dampening"),
                                                flag("nesterov"),
                                                number("beta1"),
                                                number("beta2"),
                                                number("epsilon"),
                                                number("weight_decay"),
                                                flag("amsgrad"),
                                                number("clip_norm")};
    auto setting =
        std::make_unique<Setting>(Setting{chosen_instruction_set().kernels, mixed, setting_of_optimizer.moments, {}});
    Program::Layers made;
    for (const nb::handle each : layers) made.push_back(layer_of(*setting, nb::cast<nb::tuple>(each)));
    std::optional<AugmentationStage> stage;
    if (augmentation) stage = {augmentation_of(*augmentation), augmentation_key};
    const auto [channels, height, width] = shape;
    return new Program(std::move(setting), std::move(made), Inputs{{height, width, channels}, scale, shift, flat},
                       classes, Loss{static_cast<Loss::Kind>(item<int>(loss, 0)), item<float>(loss, 1)},
                       setting_of_optimizer, stage, batch_size, threads);
}

NewFloats new_floats(std::initializer_list<std::size_t> shape, const std::function<float(Long)> &at) {
    std::size_t count = 1;
    for (const std::size_t side : shape) count *= side;
    auto *numbers = new float[count];
    nb::capsule owner(numbers, [](void *pointer) noexcept { delete[] static_cast<float *>(pointer); });
    for (std::size_t i = 0; i < count; ++i) numbers[i] = at(static_cast<Long>(i));
    return NewFloats(numbers, shape, owner);
}

// (N, channels, height, width), or (N, features), as everyone else has it.
NewFloats channels_first(const Buffer &buffer, Long count) {
    const Shape shape = buffer.shape;
    const float *from = buffer.all();
    const auto size = [](Long value) { return static_cast<std::size_t>(value); };
    if (shape.area() == 1) return new_floats({size(count), size(shape.channels)}, [=](Long i) { return from[i]; });
    return new_floats({size(count), size(shape.channels), size(shape.height), size(shape.width)}, [=](Long i) {
        const Long place = i % shape.size(), pixel = place % shape.area(), channel = place / shape.area();
        return from[i / shape.size() * shape.size() + pixel * shape.channels + channel];
    });
}

Parameter &parameter_of(const Program &program, const std::string &name) {
    for (Parameter *parameter : program.parameters())
        if (parameter->name == name) return *parameter;
    throw Refusal("there is no parameter called " + name);
}

constexpr int own_values = -1, own_gradient = 3;  // besides the moments 0, 1, 2

Array<float> &part_of(Parameter &parameter, int part) {
    if (part == own_values) return parameter.values;
    return part == own_gradient ? parameter.gradient : parameter.moments[part];
}

NewFloats get(const Program &program, const std::string &name, int part) {
    Parameter &parameter = parameter_of(program, name);
    const float *from = part_of(parameter, part).data();
    return new_floats({static_cast<std::size_t>(parameter.count)},
                      [&parameter, from](Long i) { return from[parameter.place(i)]; });
}

void set(const Program &program, const std::string &name, int part, const Floats &values) {
    Parameter &parameter = parameter_of(program, name);
    float *to = part_of(parameter, part).data();
    for (Long i = 0; i < parameter.count; ++i) to[parameter.place(i)] = values.data()[i];
}

ProgressTuple as_tuple(const Progress &progress) {
    return {progress.steps, progress.examples, progress.loss, progress.correct};
}

// Of a picture; where they are not told, it is a row of pixels.
std::pair<Long, Long> sides(const Pixels &pixels) {
    if (pixels.ndim() == 3) return {static_cast<Long>(pixels.shape(1)), static_cast<Long>(pixels.shape(2))};
    return {1, pixels.shape(0) ? static_cast<Long>(pixels.size() / pixels.shape(0)) : 0};
}

Program::Examples first_examples(const Pixels &pixels, const Pixels &labels) {
    const auto [height, width] = sides(pixels);
    return {pixels.data(), labels.data(), nullptr, static_cast<Long>(labels.size()), height, width};
}

void bind_program(nb::module_ &module) {
    module.def("new_program", &program_of, nb::rv_policy::take_ownership);
    nb::class_<Program>(module, "Program", "A compiled network; groundup.backends.native says what the arguments are.")
        .def("kernels", [](const Program &program) { return std::string(program.kernels().name); })
        .def("get", &get)
        .def("set", &set)
        .def("refresh", &Program::refresh, nb::call_guard<nb::gil_scoped_release>())
        .def("step",
             [](Program &program, const Pixels &pixels, const Pixels &labels, double learning_rate, Long step,
                const MaskKeys &keys) {
                 const nb::gil_scoped_release release;
                 return as_tuple(program.train(first_examples(pixels, labels), learning_rate, step, keys.data()));
             })
        .def("trace",
             [](Program &program, const Pixels &pixels, const Pixels &labels, double learning_rate, Long step,
                const MaskKeys &keys) {
                 const Progress done = program.trace(first_examples(pixels, labels), learning_rate, step, keys.data());
                 std::vector<NewFloats> outputs;
                 for (const Buffer *buffer : program.outputs())
                     outputs.push_back(channels_first(*buffer, done.examples));
                 return std::tuple(as_tuple(done), channels_first(*program.inputs(), done.examples), outputs);
             })
        .def("epoch",
             [](Program &program, const Pixels &pixels, const Pixels &labels, const Numbers<const std::int64_t> &order,
                const std::vector<double> &learning_rates, Long first_step, const MaskKeys &keys, Long keys_a_step,
                double report_every, const std::function<bool(ProgressTuple)> &observe) {
                 const nb::gil_scoped_release release;
                 const auto [height, width] = sides(pixels);
                 program.epoch(
                     {pixels.data(), labels.data(), order.data(), static_cast<Long>(order.size()), height, width},
                     learning_rates, first_step, keys.data(), keys_a_step, report_every, [&](const Progress &progress) {
                         const nb::gil_scoped_acquire acquire;
                         return observe(as_tuple(progress));
                     });
             })
        .def("predict", [](Program &program, Numbers<float> outputs, const Pixels &pixels) {
            const nb::gil_scoped_release release;
            program.predict(outputs.data(), pixels.data(), static_cast<Long>(outputs.shape(0)));
        });
}

void augment(Numbers<std::uint8_t> augmented, const Pixels &pixels, const FixedPoint &settings, std::uint64_t key,
             const std::string &instruction_set) {
    const nb::gil_scoped_release release;
    const auto [height, width] = sides(pixels);
    const Augmentation it = augmentation_of(settings);
    for (const InstructionSet &each : instruction_sets()) {
        if (each.name != instruction_set || !each.available) continue;
        const Array<std::uint8_t> room(each.kernels->augmentation_room(it, height, width));
        for (Long n = 0; n < static_cast<Long>(pixels.shape(0)); ++n)
            each.kernels->augment(augmented.data() + n * height * width, pixels.data() + n * height * width,
                                  room.data(), it, key, n, height, width);
    }
}

void bind_instruction_sets(nb::module_ &module) {
    module.def(
        "instruction_sets",
        [] {
            std::vector<std::tuple<std::string, bool, std::string>> found;
            for (const InstructionSet &each : instruction_sets())
                found.emplace_back(each.name, each.available, each.why_not);
            return found;
        },
        "Return (name, available, why not) of every instruction set, the fastest last.");
    module.def(
        "chosen", [] { return std::string(chosen_instruction_set().name); },
        "Return the instruction set that GROUNDUP_ISA names, or the fastest. Raises ParameterError.");
    module.def(
        "bfloat16_in_hardware", [] { return chosen_instruction_set().bfloat16_in_hardware; },
        "Return whether the chosen instruction set multiplies bfloat16 numbers in hardware. Raises ParameterError.");
}

}  // namespace

NB_MODULE(_native, module) {
    nb::set_leak_warnings(false);  // a program that lives until Python ends is no leak, and no news for a user
    nb::register_exception_translator(translate);
    bind_instruction_sets(module);
    bind_program(module);
    module.def("augment", &augment, "Augment pictures by the kernel of one instruction set, for the tests.");
}
