"""Figures: what is drawn, and how it is written."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from groundup import plots
from groundup.errors import ConfigurationError
from groundup.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from groundup.models.calibration import Bin, Coverage
from groundup.network import Network

HISTORY = [
    {
        "epoch": epoch,
        "train_loss": 0.5**epoch,
        "validation_loss": 0.1 + 0.5**epoch,
        "train_accuracy": 1 - 0.1 / epoch,
        "validation_accuracy": 0.98 - 0.1 / epoch,
        "learning_rate": 0.1 / epoch,
        "seconds": 3.0,
    }
    for epoch in range(1, 9)
]
CURVE = [Coverage(0.0, 1.0, 0.05), Coverage(0.6, 0.98, 0.02), Coverage(0.9, 0.9, 0.0)]
RANDOM = np.random.default_rng(0)
BINS = [Bin(0.3, 0.0, 1), Bin(0.75, 0.5, 10), Bin(0.99, 0.995, 989)]
NETWORK = Network([Conv2d(1, 24, 5), MaxPool2d(), ReLU(), Flatten(), Linear(3456, 10)], (1, 28, 28))
IMAGES = RANDOM.integers(0, 256, (7, 28, 28), dtype=np.uint8)


def texts(figure: Figure) -> set[str]:
    return {text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))}


def figures() -> dict[str, Figure]:
    return {
        "curves": plots.curves(HISTORY),
        "finder": plots.learning_rate_finder(np.geomspace(1e-4, 1, 20), np.linspace(2, 9, 20), 0.01),
        "confusion": plots.confusion(RANDOM.integers(0, 9, (10, 10)), [str(digit) for digit in range(10)]),
        "coverage": plots.coverage(CURVE, Coverage(0.7, 0.95, 0.01)),
        "sheet": plots.sheet(IMAGES, ["3 as 5\n99.1%"] * 7, 4),
        "weights": plots.weights(RANDOM.normal(size=(6, 5, 5)), "0.weight"),
        "activations": plots.activations(
            [("picture", RANDOM.random((1, 28, 28))), ("Linear", RANDOM.normal(size=300))]
        ),
        "calibration": plots.calibration(BINS),
        "coverage without a threshold": plots.coverage(CURVE),
        "robustness": plots.robustness({"noise": ("of full ink", [(0, 0.99), (0.5, 0.7), (1, 0.1)])}),
        "corruptions": plots.corruptions({"fog": 0.9, "glass_blur": 0.4}),
        "ladder": plots.ladder({"scalar": 0.4, "lists": 31, "numpy": 29000}, "pictures a second"),
        "gradients": plots.gradient_sizes({"0 Linear": 1e-5, "1 ReLU": 0.0, "2 Linear": 2e-2}),
        "histograms": plots.weight_histograms({f"{n}.weight": RANDOM.normal(size=(9, 9)) for n in range(4)}),
        "embedding": plots.embedding(RANDOM.normal(size=(40, 2)), np.arange(40) % 10, list("0123456789"), "a map"),
        "saliency": plots.saliency(IMAGES[0], RANDOM.normal(size=(28, 28)), "What speaks for 3"),
        "network": plots.network(NETWORK),
    }


@pytest.mark.parametrize("name", figures())
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_every_figure_is_written_and_can_be_read(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"figure.{suffix}"
    plots.save(figures()[name], path)
    if suffix == "svg":
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    else:
        pixels = np.asarray(Image.open(path).convert("L"))
        assert pixels.std() > 5
        assert pixels[0].min() == 255  # nothing sticks out over the upper edge
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_figure_gives_the_same_file(tmp_path: Path) -> None:
    for suffix in ("png", "svg"):
        for name in ("a", "b"):
            plots.save(plots.curves(HISTORY), tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_other_formats_are_refused(tmp_path: Path) -> None:
    for name in ("figure.jpg", "figure"):
        with pytest.raises(ConfigurationError, match=r"\.png or \.svg"):
            plots.save(plots.curves(HISTORY), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_curves_draw_what_there_is() -> None:
    assert len(plots.curves(HISTORY).axes) == 3
    figure = plots.curves(
        [{"epoch": 1, "train_loss": 0.3}, {"epoch": 2, "train_loss": 0.2, "validation_accuracy": 0.9}]
    )
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Loss", "Accuracy"]
    assert {"train 0.2", "validation 90.00%"} <= texts(figure)
    lines = plots.curves(HISTORY).axes[0].get_lines()
    assert lines[0].get_xdata().tolist() == list(range(1, 9))
    assert lines[0].get_ydata().tolist() == [row["train_loss"] for row in HISTORY]


@pytest.mark.parametrize("losses", [[float("nan")], [1.0, float("inf")], [0.0, 1.0], [-1.0, 2.0], []])
def test_curves_of_runs_that_went_wrong(tmp_path: Path, losses: list[float]) -> None:
    history = [{"epoch": epoch, "train_loss": loss} for epoch, loss in enumerate(losses, start=1)]
    plots.save(plots.curves(history), tmp_path / "curves.png")


def test_the_finder_marks_its_suggestion() -> None:
    losses = np.concatenate([np.linspace(2.3, 0.5, 30), [4, 80, np.inf, np.nan]])
    figure = plots.learning_rate_finder(np.geomspace(1e-4, 1, 34), losses, 0.02)
    assert "0.02" in texts(figure)
    assert figure.axes[0].get_ylim()[1] < 4  # the runaway end does not flatten the rest


def test_confusion_counts_and_shares() -> None:
    figure = plots.confusion(np.array([[1200, 300], [0, 0]]), ["cat", "dog"])
    axes = figure.axes[0]
    written = {text.get_position(): text.get_text() for text in axes.texts}  # by (column, row)
    assert written == {
        (0, 0): "1,200", (1, 0): "300", (2, 0): "80.0%",
        (0, 1): "·", (1, 1): "·", (2, 1): "-",
        (0, 2): "100.0%", (1, 2): "0.0%",
    }  # fmt: skip
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog", "recall"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "precision"]
    assert "80.00% correct, 1,200 of 1,500" in texts(figure)


def test_coverage_marks_the_threshold_in_use() -> None:
    assert "above 70.00%: 95.00% answered, 1.000% of these wrong" in texts(figures()["coverage"])


def test_a_sheet_has_every_caption_and_picture() -> None:
    captions = [f"number {index}" for index in range(7)]
    figure = plots.sheet(IMAGES, captions, 3)
    assert set(captions) <= texts(figure)
    drawn = figure.axes[0].get_images()
    assert all(np.array_equal(image.get_array(), pixels) for image, pixels in zip(drawn, IMAGES, strict=True))
    plots.sheet(IMAGES[:1], [""], 10)


def test_weights_are_on_a_symmetric_scale() -> None:
    figure = plots.weights(np.array([[[-1.0, 3.0]]]), "weights")
    assert figure.axes[0].get_images()[0].get_clim() == (-3, 3)
    plots.weights(np.zeros((1, 2, 2)), "nothing learned yet")


def test_activations_name_every_layer_and_number_the_answers() -> None:
    layers = [("0 Conv2d", RANDOM.normal(size=(40, 6, 6))), ("1 Linear", np.arange(10.0))]
    assert {"0 Conv2d", "1 Linear", *map(str, range(10))} <= texts(plots.activations(layers))


def test_calibration_marks_every_bin() -> None:
    figure = plots.calibration(BINS)
    above, below = figure.axes
    (points,) = [each for each in above.collections if each.get_offsets().shape == (3, 2)]
    assert points.get_offsets().tolist() == [[each.confidence, each.accuracy] for each in BINS]
    assert [patch.get_height() for patch in below.patches] == [1, 10, 989]
    assert above.get_title(loc="left") == "As sure as right? Calibration error 0.77%"
    plots.calibration([])


def test_a_map_draws_each_class_at_its_points() -> None:
    points, labels = RANDOM.normal(size=(30, 2)), np.arange(30) % 3
    for names in (["0", "1", "2"], ["T-shirt", "shoe", "bag"]):
        axes = plots.embedding(points, labels, names, "").axes[0]
        drawn = {each.get_label(): np.asarray(each.get_offsets()) for each in axes.collections}
        assert all(np.array_equal(drawn[name], points[labels == index]) for index, name in enumerate(names))
        assert (axes.get_legend() is None) == (names[0] == "0")


def test_magnitudes_have_bars_from_the_top_and_numbers() -> None:
    axes = plots.ladder({"scalar": 0.4, "numpy": 29000.0, "none": 0.0}, "pictures a second").axes[0]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["none", "numpy", "scalar"]
    assert {"0.4", "29,000"} <= texts(axes.figure)
    assert axes.get_xlabel() == "pictures a second"
    plots.gradient_sizes({"0": float("nan"), "1": 0.0})


def test_long_names_keep_beginning_and_end() -> None:
    name = f"11 Residual([{', '.join(['Conv2d(64, 64, 3, padding=1)'] * 4)}])  64 x 7 x 7"
    (label,) = plots.gradient_sizes({name: 0.1}).axes[0].get_yticklabels()
    assert label.get_text() == "11 Residual([Conv2d(64 … ng=1)])  64 x 7 x 7"
    (axes,) = plots.activations([(name, np.arange(3.0))]).axes
    assert axes.get_title(loc="left").startswith("11 Residual([Conv2d(64, 64, 3")
    assert axes.get_title(loc="left").endswith("64 x 7 x 7")


def test_histograms_leave_out_what_is_no_number() -> None:
    axes = plots.weight_histograms({"0.weight": np.array([1.0, np.nan, 3.0, np.inf])}).axes[0]
    assert sum(patch.get_height() for patch in axes.patches) == 2
    assert axes.get_xlabel() == "2 numbers, deviation 1"
    plots.weight_histograms({})


def test_robustness_has_a_panel_a_disturbance() -> None:
    curve = [(0.0, 0.99), (1.0, 0.1)]
    figure = plots.robustness(dict.fromkeys(("noise", "rotation", "blur", "size"), ("pixels", curve)))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Noise", "Rotation", "Blur", "Size"]
    assert figure.axes[3].get_lines()[0].get_xydata().tolist() == [list(point) for point in curve]


def test_saliency_is_on_a_symmetric_scale_over_the_digit() -> None:
    gradient = np.zeros((28, 28))
    gradient[3, 4] = -2
    left, right, _ = plots.saliency(IMAGES[0], gradient, "").axes
    assert np.array_equal(left.get_images()[0].get_array(), IMAGES[0])
    assert right.get_images()[0].get_clim() == (-2, 2)


def test_a_network_is_drawn_block_by_block() -> None:
    figure = plots.network(NETWORK)
    assert {"input", "Conv2d", "MaxPool2d", "Linear", "1x28x28", "24x12x12", "10"} <= texts(figure)
    assert len(figure.axes[0].patches) == 4  # ReLU and Flatten make no new numbers


def test_figures_as_html_are_svg_and_describe_themselves() -> None:
    written = plots.as_html(plots.curves(HISTORY), 'the "curves"')
    data = base64.b64decode(written.split("base64,")[1].split('"')[0])
    assert ElementTree.fromstring(data).tag.endswith("svg")
    assert 'alt="the &quot;curves&quot;"' in written
    assert written == plots.as_html(plots.curves(HISTORY), 'the "curves"')


def test_no_figure_is_kept_by_pyplot() -> None:
    code = "import sys; from groundup import plots; plots.curves([]); print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
