"""``groundup train``: its options, what it prints, how it ends."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from command_line import Outcome, groundup
from groundup import backends, plots
from groundup.augmentation import HANDWRITING, Augmentation
from groundup.checks import Checked
from groundup.layers import BatchNorm, Dropout, Linear, ReLU
from groundup.models import shipped
from groundup.models.configuration import FAMILIES
from groundup.models.model import Model
from groundup.network import Network
from small_data import PIXELS, data, folder

RICH = Network([Linear(PIXELS, 8), BatchNorm(8), ReLU(), Dropout(0.3), Linear(8, 10)])
DIGITS = data(60, 30)


@pytest.fixture(autouse=True)
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time of so small a run; one test draws all the same."""
    monkeypatch.setattr(plots, "curves", lambda history: None)
    monkeypatch.setattr(plots, "learning_rate_finder", lambda rates, losses, suggestion: None)
    monkeypatch.setattr(plots, "save", lambda figure, path: Path(path).write_bytes(b"a plot"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("pictures"), DIGITS)


@pytest.fixture
def train(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Outcome]]:
    """Train on small pictures, for two epochs unless told."""
    monkeypatch.chdir(tmp_path)

    def run(*options: object, network: str | None = "36-8-10", epochs: int = 2) -> Outcome:
        named = ["--network", network] if network else []
        return groundup("train", *named, "--data", source, "--epochs", epochs, *options)

    yield run
    assert not list(tmp_path.rglob(".*.partial*"))


def config(run: Path) -> dict[str, Any]:
    return tomllib.loads((run / "config.toml").read_text())


def test_json_is_one_object_with_the_promised_keys(train: Callable[..., Outcome], tmp_path: Path, source: Path) -> None:
    done = train("--out", "run", "--json", "--batch-size", 10)
    told = done.json
    assert done.code == 0
    assert {"run", "model", "backend", "network", "parameters", "history", "test_accuracy", "seconds"} <= set(told)
    assert (told["run"], told["model"]) == ("run", "run/model.safetensors")
    assert (told["network"], told["parameters"]) == ("36-8-10", 36 * 8 + 8 + 90)
    assert told["backend"] in backends.available()
    assert [record["epoch"] for record in told["history"]] == [1, 2]
    for record in told["history"]:
        assert {"epoch", "seconds", "train_loss", "train_accuracy", "validation_accuracy"} <= set(record)
        assert record["seconds"] > 0
    assert told["seconds"] == pytest.approx(sum(record["seconds"] for record in told["history"]))
    assert told["test_accuracy"] == Model.load(tmp_path / "run").evaluate(DIGITS.test).accuracy
    assert told["data"] == str(source)
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == told


def test_a_run_folder_has_what_was_promised(train: Callable[..., Outcome], tmp_path: Path) -> None:
    train("--out", "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "checkpoint.safetensors",
        "config.toml",
        "curves.png",
        "last.safetensors",
        "metrics.jsonl",
        "model.safetensors",
        "result.json",
    ]
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 2


def test_curves_are_a_picture(train: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert train("--out", "run").code == 0
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_words_say_where_the_run_is_even_with_brackets(train: Callable[..., Outcome], tmp_path: Path) -> None:
    long = tmp_path / ("[bold]" + "a very long name " * 9)
    done = train("--out", long)
    assert done.code == 0
    assert f"Kept in {long}: now try groundup evaluate {long}" in done.out
    assert "Test accuracy" in done.out
    assert "95% interval" in done.out
    assert "60 pictures to train on, 30 to test on" in done.err
    assert done.err.count("validation loss") == 2  # a line an epoch


def test_without_out_runs_are_kept_in_runs(train: Callable[..., Outcome], tmp_path: Path) -> None:
    runs = {train("--json").json["run"] for _ in range(2)}
    assert len(runs) == 2
    assert all((tmp_path / run / "model.safetensors").is_file() for run in runs)
    assert {Path(run).parent.name for run in runs} == {"runs"}


PLAIN_OPTIONS = {
    "epochs": 1,
    "batch_size": 7,
    "learning_rate": 0.37,
    "seed": 12345678901234567890,
    "validation": 0.37,
    "patience": 7,
    "select": "last",
    "precision": "float64",
    "backend": "numpy",
}


@pytest.mark.parametrize("name", PLAIN_OPTIONS)
def test_an_option_reaches_the_configuration(name: str, train: Callable[..., Outcome], tmp_path: Path) -> None:
    value = PLAIN_OPTIONS[name]
    backend = ["--backend", "numpy"] if name == "precision" else []
    done = train(f"--{name.replace('_', '-')}", value, *backend, "--out", "run")
    assert done.code == 0, done.err
    assert config(tmp_path / "run")[name] == value


def test_full_batch_and_normalisation(train: Callable[..., Outcome], tmp_path: Path) -> None:
    assert train("--batch-size", "full", "--normalization", "signed", "--out", "run").code == 0
    kept = config(tmp_path / "run")
    assert kept["batch_size"] == 0
    assert kept["network"]["normalization"] == {"mean": 127.5, "deviation": 127.5}
    assert train("--normalization", "standard", "--out", "other").code == 0
    kept = config(tmp_path / "other")["network"]["normalization"]
    assert kept["mean"] == pytest.approx(DIGITS.train.images.mean(), rel=1e-9)
    assert kept["deviation"] == pytest.approx(DIGITS.train.images.std(), rel=1e-9)


def other_value(name: str, kind: type[Checked], default: Any) -> Any:
    """Return a value of a hyperparameter that is not its default."""
    if isinstance(default, bool):
        return not default
    declared = next(each.metadata["range"] for each in fields(kind) if each.name == name)
    possible = [7] if isinstance(default, int) else [0.37, 1.5]
    return next(value for value in possible if value in declared and value != default)


MEMBERS = [(family, label) for family, kinds in FAMILIES.items() for label in kinds]


@pytest.mark.parametrize(("family", "label"), MEMBERS, ids=[f"{family} {label}" for family, label in MEMBERS])
def test_every_hyperparameter_reaches_the_configuration(
    family: str, label: str, train: Callable[..., Outcome], tmp_path: Path
) -> None:
    kind = FAMILIES[family][label]
    values = {each.name: other_value(each.name, kind, each.default) for each in fields(kind)}
    if label == "sgd":
        values["dampening"] = 0.0  # Nesterov's momentum wants none
    options: list[object] = [f"--{family}", label]
    for name, value in values.items():
        prefixed = family in ("schedule", "initializer") and name != "warmup_epochs"
        flag = (f"{family}_{name}" if prefixed else name).replace("_", "-")
        options += [f"--{flag}"] if value is True else [f"--{flag}", value]
    done = train(*options, "--out", "run", epochs=1)
    assert done.code in (0, 1), done.err
    assert config(tmp_path / "run")[family] == {"type": label} | values


def test_augmentation_reaches_the_configuration(train: Callable[..., Outcome], tmp_path: Path) -> None:
    values = dict.fromkeys(Augmentation().strengths, 0.37) | {"smoothness": 7.0}
    options = [word for name, value in values.items() for word in (f"--augmentation-{name}", value)]
    assert train(*options, "--out", "run", epochs=1).code == 0
    assert config(tmp_path / "run")["augmentation"] == values
    assert train("--augmentation", 0.5, "--augmentation-blur", 0.3, "--out", "half", epochs=1).code == 0
    usual = asdict(HANDWRITING.scaled(0.5)) | {"blur": 0.3}
    assert config(tmp_path / "half")["augmentation"] == usual
    again = groundup("train", "--config", tmp_path / "half" / "config.toml", "--augmentation", 2, "--out", "whole")
    assert again.code == 0
    assert config(tmp_path / "whole")["augmentation"] == asdict(HANDWRITING) | {"blur": 0.6}


def test_dampening_reaches_the_configuration(train: Callable[..., Outcome], tmp_path: Path) -> None:
    assert train("--dampening", 0.25, "--no-nesterov", "--out", "run").code == 0
    assert config(tmp_path / "run")["optimizer"]["dampening"] == 0.25


def repeatable(run: Path) -> dict[str, Any]:
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    files = {name: (run / name).read_bytes() for name in ("config.toml", "model.safetensors", "last.safetensors")}
    return files | {"metrics": [record | {"seconds": 0} for record in metrics]}


REPEATED = {
    "augmentation": ["--augmentation", "1"],
    "plain": [],
    "adam": ["--optimizer", "adam", "--amsgrad", "--learning-rate", "0.01", "--schedule", "one-cycle"],
    "no validation": ["--validation", "0", "--optimizer", "adamw", "--label-smoothing", "0.1"],
    "normal": ["--initializer", "normal", "--initializer-standard-deviation", "0.1", "--seed", "99"],
    "full": ["--batch-size", "full", "--normalization", "standard", "--precision", "float64", "--backend", "numpy"],
}


@pytest.mark.parametrize("name", REPEATED)
def test_a_configuration_repeats_its_run_bit_for_bit(
    name: str, train: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "network.toml").write_text(tomli_w.dumps(RICH.description()))
    assert train(*REPEATED[name], "--out", "run", network="network.toml").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    done = groundup("train", "--config", "../run/config.toml", "--out", "../other")
    assert done.code == 0, done.err
    assert repeatable(tmp_path / "other") == repeatable(tmp_path / "run")


def test_a_configuration_can_be_changed(train: Callable[..., Outcome], tmp_path: Path) -> None:
    assert train("--out", "run").code == 0
    assert groundup("train", "--config", "run/config.toml", "--seed", 5, "--out", "other").code == 0
    one, other = (config(tmp_path / name) for name in ("run", "other"))
    assert other == one | {"seed": 5}
    models = [Model.load(tmp_path / name).state["0.weight"] for name in ("run", "other")]
    assert not np.array_equal(*models)


def test_resuming_a_finished_run_says_the_same(train: Callable[..., Outcome], tmp_path: Path) -> None:
    first = train("--out", "run", "--json")
    before = repeatable(tmp_path / "run")
    assert groundup("train", "--resume", "run", "--json").json == first.json
    assert repeatable(tmp_path / "run") == before


def test_other_data_are_refused_on_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = folder(tmp_path / "pictures", DIGITS)
    assert groundup("train", "--network", "36-10", "--data", source, "--epochs", 1, "--out", "run").code == 0
    folder(source, data(61, 30))
    for command in (["--resume", "run"], ["--config", "run/config.toml"]):
        done = groundup("train", *command)
        assert (done.code, done.out) == (2, "")
        assert "the configuration was written for other training data" in done.err


def test_divergence_ends_with_1_and_says_so(train: Callable[..., Outcome]) -> None:
    for rate in (1e9, 1e38):
        done = train("--learning-rate", rate, "--json", "--out", f"run-{rate}")
        assert done.code == 1
        assert "diverged" in done.json["diagnosis"]
        assert "Warning" not in done.err
    done = train("--learning-rate", 1e38, "--out", "words")
    assert (done.code, "diverged" in done.out) == (1, True)


def test_starting_from_a_model(train: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert train("--out", "first").code == 0
    assert train("--init-from", "first", "--out", "second").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert groundup("train", "--config", "../second/config.toml", "--out", "../third").code == 0
    assert repeatable(tmp_path / "third") == repeatable(tmp_path / "second")


def test_starting_from_a_shipped_model(
    train: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train("--out", "first").code == 0
    Model.load(tmp_path / "first").save(tmp_path / "weights" / "tiny.safetensors")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "weights")
    assert train("--init-from", "tiny", "--out", "second").code == 0
    assert train("--init-from", "first", "--out", "third").code == 0
    assert config(tmp_path / "second")["init_from"] == "tiny"
    assert np.array_equal(*(Model.load(tmp_path / run).state["0.weight"] for run in ("second", "third")))


def test_cross_validation(train: Callable[..., Outcome], tmp_path: Path) -> None:
    told = train("--cross-validate", 3, "--json").json
    assert [fold["count"] for fold in told["folds"]] == [20, 20, 20]
    assert told["mean"] == pytest.approx(np.mean([fold["accuracy"] for fold in told["folds"]]))
    done = train("--cross-validate", 3)
    assert done.code == 0
    assert "fold 3:" in done.out
    assert f"mean {told['mean']:.2%}, standard deviation" in done.out
    assert list(tmp_path.iterdir()) == []


def test_the_finder(train: Callable[..., Outcome], tmp_path: Path) -> None:
    told = train("--find-learning-rate", "--json", "--out", "rates.png").json
    assert told["suggestion"] in told["rates"]
    assert (tmp_path / "rates.png").read_bytes() == b"a plot"
    assert "Suggested learning rate: " in train("--find-learning-rate").out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["learning-rate.png", "rates.png"]
    hopeless = train("--find-learning-rate", "--initializer", "constant", "--initializer-value", "1e38", "--json")
    assert hopeless.code == 0
    json.loads(hopeless.out)


WRONG: dict[str, tuple[list[str], str]] = {
    "network": (["--network", "mlpp"], "network 'mlpp' is unknown; there are mlp, mlp-800"),
    "network file": (["--network", "no.toml"], "no.toml: cannot be read: No such file"),
    "size": (["--network", "784-10"], r"the network takes inputs of shape (784,), but the pictures of"),
    "classes": (["--network", "36-9"], "ends in (9,) outputs"),
    "data": (["--network", "36-10", "--data", "nowhere"], "nowhere: no such file or folder"),
    "epochs": (["--network", "36-10", "--epochs", "0"], "epochs must be an integer at least 1, not 0"),
    "epochs text": (["--epochs", "many"], "'many' is not a valid integer"),
    "batch": (["--batch-size", "0"], "'0' is neither a number of pictures nor 'full'"),
    "rate": (["--network", "36-10", "--learning-rate", "nan"], "learning_rate must be a number above 0, not nan"),
    "momentum": (["--network", "36-10", "--momentum", "-1"], "momentum must be a number at least 0, not -1"),
    "validation": (["--network", "36-10", "--validation", "60"], "cannot hold out 60 of 60 pictures"),
    "none": (["--network", "36-10", "--validation", "0.001"], "is none"),
    "backend": (["--network", "36-10", "--backend", "abacus"], "backend 'abacus' is unknown; there are auto"),
    "precision": (
        ["--network", "36-10", "--backend", "numpy", "--precision", "int8"],
        "precisions float32 and float64, not int8",
    ),
    "optimizer": (["--optimizer", "sgdd"], "'sgdd' is not one of 'sgd', 'adam', 'adamw'"),
    "of another": (["--optimizer", "adam", "--nesterov"], "--nesterov: the optimizer adam has --clip-norm"),
    "of none": (["--initializer-gain", "2"], "say which --initializer, with --initializer-gain"),
    "both": (["--network", "mlp", "--config", "c.toml"], "--network and --config exclude each other"),
    "config": (["--config", "c.toml"], "c.toml: cannot be read: No such file"),
    "resume": (["--resume", "nowhere"], "nowhere is no run folder: it has no config.toml"),
    "resume and more": (["--resume", "nowhere", "--epochs", "3"], "goes on with the run's own configuration"),
    "folds": (["--cross-validate", "1"], "1 is not in the range x>=2"),
    "too many folds": (["--network", "36-10", "--cross-validate", "61"], "cannot make 61 folds of 60 pictures"),
    "start": (["--network", "36-10", "--init-from", "nowhere"], "nowhere: there is no such model file"),
    "out below a file": (["--network", "36-10", "--out", "/dev/null/run"], "/dev/null"),
    "out nameless": (["--network", "36-10", "--out", ".."], ".. cannot become a run folder"),
    "option": (["--momentun", "0.9"], "No such option"),
    "argument": (["mlp"], "unexpected extra argument (mlp)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_ends_with_2_and_one_message(name: str, source: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    options, because = WRONG[name]
    known = [] if {"--data", "--resume"} & set(options) else ["--data", source]
    done = groundup("train", *known, *options)
    assert (done.code, done.out) == (2, "")
    assert because in done.err.splitlines()[-1]
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(train: Callable[..., Outcome], tmp_path: Path) -> None:
    train("--out", "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    done = train("--out", "run")
    assert (done.code, done.out) == (2, "")
    assert "run is there already: choose another --out, or --resume run" in done.err
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_starting_from_another_network_is_refused(train: Callable[..., Outcome], tmp_path: Path) -> None:
    train("--out", "first")
    done = train("--init-from", "first", "--out", "second", network="36-9-10")
    assert done.code == 2
    assert "first is of another network" in done.err
    assert not (tmp_path / "second").exists()


def test_a_data_source_means_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from groundup.cli.train import _lasting

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    assert _lasting("mnist") == "mnist"
    assert _lasting("gzip/emnist-digits") == str(tmp_path / "gzip" / "emnist-digits")
