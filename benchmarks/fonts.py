"""Print the ten digits in every font of a folder, as pictures for `benchmarks/pictures.py`.

    python benchmarks/fonts.py FONTS FOLDER

FONTS is searched for .ttf and .otf files in all its folders. A font is left out whose name or whose digits' look
another has, and one that has only some of the ten. The kind of a picture is its digit: "printed 1".
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rich.progress import track

DIGITS = "0123456789"
SIZE = 160  # pixels of a font's line; a digit is about 115 high
SHEET = 320  # pixels a side


def print_digits(font: Path) -> list[Image.Image]:
    """Return a picture of each digit, black on white."""
    letters = ImageFont.truetype(str(font), SIZE)
    sheets = []
    for digit in DIGITS:
        sheet = Image.new("L", (SHEET, SHEET), 255)
        ImageDraw.Draw(sheet).text((SHEET // 4, SHEET // 5), digit, 0, letters)
        sheets.append(sheet)
    return sheets


def distinct(fonts: list[Path]) -> dict[str, list[Image.Image]]:
    """Return the pictures of the ten digits by font, of those fonts that have ten and are no other's copy."""
    kept: dict[str, list[Image.Image]] = {}
    seen = set()
    for font in track(fonts, description="Printing"):
        try:
            sheets = print_digits(font)
        except OSError:  # no font that can be read
            continue
        looks = tuple(sheet.tobytes() for sheet in sheets)
        if len(set(looks)) == len(DIGITS) and looks not in seen and font.stem not in kept:
            seen.add(looks)
            kept[font.stem] = sheets
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fonts", type=Path)
    parser.add_argument("folder", type=Path, help="where the pictures and labels.csv are written")
    options = parser.parse_args()
    fonts = sorted(path for path in options.fonts.rglob("*") if path.suffix.lower() in (".ttf", ".otf"))
    if not fonts:
        parser.error(f"{options.fonts}: there is no .ttf or .otf file")
    options.folder.mkdir(parents=True, exist_ok=True)
    with (options.folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("file", "label", "kind"))
        for name, sheets in distinct(fonts).items():
            for digit, sheet in zip(DIGITS, sheets, strict=True):
                sheet.save(options.folder / f"{name}_{digit}.png")
                table.writerow((f"{name}_{digit}.png", digit, f"printed {digit}"))


if __name__ == "__main__":
    main()
