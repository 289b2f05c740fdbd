"""The data sets that are published as four IDX files: where they can be had and how the true bytes are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from groundup.data.datasets import DIGITS


@dataclass(frozen=True)
class PublishedFile:
    """One file of a published data set.

    Parameters
    ----------
    name : str
        Its name on every mirror.
    sha256 : str or None
        The SHA-256 of the decompressed bytes, where it is known. It holds however a mirror compressed the file.
    md5 : str or None
        Where the SHA-256 is not known: the MD5 of the compressed file, as its publishers give it.
    """

    name: str
    sha256: str | None = None
    md5: str | None = None


@dataclass(frozen=True)
class Published:
    """A published data set.

    Parameters
    ----------
    name : str
        What ``--data`` calls it.
    mirrors : tuple of str
        Addresses of folders that hold the files, best first.
    files : tuple of PublishedFile
        Training images, training labels, test images, test labels.
    prefix : str
        What all file names begin with.
    class_names : tuple of str
        One name a class.
    installed : Path or None
        Where a system's package puts the files.
    """

    name: str
    mirrors: tuple[str, ...]
    files: tuple[PublishedFile, PublishedFile, PublishedFile, PublishedFile]
    prefix: str = ""
    class_names: tuple[str, ...] = DIGITS
    installed: Path | None = None


MNIST = Published(
    name="mnist",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ),
    files=(
        PublishedFile(
            "train-images-idx3-ubyte.gz", sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
        ),
        PublishedFile(
            "train-labels-idx1-ubyte.gz", sha256="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
        ),
        PublishedFile(
            "t10k-images-idx3-ubyte.gz", sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
        ),
        PublishedFile(
            "t10k-labels-idx1-ubyte.gz", sha256="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
        ),
    ),
)

# Decompressed bytes as in Debian's package dataset-fashion-mnist.
FASHION_MNIST = Published(
    name="fashion-mnist",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    files=(
        PublishedFile(
            "train-images-idx3-ubyte.gz", sha256="c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
        ),
        PublishedFile(
            "train-labels-idx1-ubyte.gz", sha256="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
        ),
        PublishedFile(
            "t10k-images-idx3-ubyte.gz", sha256="5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
        ),
        PublishedFile(
            "t10k-labels-idx1-ubyte.gz", sha256="0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
        ),
    ),
    class_names=(
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    installed=Path("/usr/share/datasets/fashion-mnist"),
)

KMNIST = Published(
    name="kmnist",
    mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    files=(
        PublishedFile("train-images-idx3-ubyte.gz", md5="bdb82020997e1d708af4cf47b453dcf7"),
        PublishedFile("train-labels-idx1-ubyte.gz", md5="e144d726b3acfaa3e44228e80efcd344"),
        PublishedFile("t10k-images-idx3-ubyte.gz", md5="5c965bf0a639b31b8f53240b1b52f4d7"),
        PublishedFile("t10k-labels-idx1-ubyte.gz", md5="7320c461ea6c1c855c0b718fb2a4b134"),
    ),
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
)

QMNIST = Published(
    name="qmnist",
    prefix="qmnist-",
    mirrors=("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
    files=(
        PublishedFile("qmnist-train-images-idx3-ubyte.gz", md5="ed72d4157d28c017586c42bc6afe6370"),
        PublishedFile("qmnist-train-labels-idx2-int.gz", md5="0058f8dd561b90ffdd0f734c6a30e5e4"),
        PublishedFile("qmnist-test-images-idx3-ubyte.gz", md5="1394631089c404de565df7b7aeaf9412"),
        PublishedFile("qmnist-test-labels-idx2-int.gz", md5="5b5b05890a5e13444e108efe57b788aa"),
    ),
)

PUBLISHED = {published.name: published for published in (MNIST, FASHION_MNIST, KMNIST, QMNIST)}
