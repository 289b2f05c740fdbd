"""Whether a data set is, to the last bit, one that was published."""

from __future__ import annotations

from dataclasses import dataclass

from groundup.data import idx
from groundup.data.datasets import Data
from groundup.data.published import PUBLISHED, Published
from groundup.errors import DataError


@dataclass(frozen=True)
class Check:
    """One of a data set's four arrays, compared with what was published.

    Parameters
    ----------
    file : str
        The published file that holds the array.
    expected, found : str
        SHA-256 of the decompressed file: as published, and as this array would make it.
    """

    file: str
    expected: str
    found: str

    @property
    def holds(self) -> bool:
        """Whether the two are equal."""
        return self.expected == self.found


def verify(data: Data) -> tuple[Published, list[Check]]:
    """Compare a data set with the published one that it is most like; of equally like ones, MNIST.

    It is the arrays in memory that are compared, so it does not matter from what kind of file they came.

    Returns
    -------
    published : Published
        The published data set that it was compared with.
    checks : list of Check
        Training images, training labels, test images, test labels.

    Raises
    ------
    DataError
        If the data set is one for whose contents no SHA-256 is known.
    """
    named = PUBLISHED.get(data.name)
    if named and not all(file.sha256 for file in named.files):
        raise DataError(
            f"{data.name}: only the checksums of its compressed files are published; "
            "they were compared when it was downloaded, its contents cannot be verified now"
        )
    arrays = (data.train.images, data.train.labels, data.test.images, data.test.labels)
    found = [idx.sha256(array) for array in arrays]
    compared = [
        (
            published,
            [
                Check(file.name, file.sha256, sum_)
                for file, sum_ in zip(published.files, found, strict=True)
                if file.sha256
            ],
        )
        for published in PUBLISHED.values()
    ]
    return max(compared, key=lambda pair: sum(check.holds for check in pair[1]))
