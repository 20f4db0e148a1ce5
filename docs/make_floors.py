#!/usr/bin/env python
"""Draw `docs/floors.svg`: the packages of the library on their floors, and who imports whom, read from the source.

Usage: make_floors.py [OUTPUT.svg]
"""
import os
import sys
from collections import Counter

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(FOLDER), "tests"))

from floors import FILES, imports, place  # noqa: E402

WIDTH, ROW, BOX_HEIGHT, BOX_WIDTH = 920, 76, 42, 158  # pixels
NAMES = {"": "tensorpack"}  # the package that is the root
WORDS = {
    "libinfo": "version", "_exports": "lazy tables", "utils": "numpy, files, processes", "dataflow": "data without TensorFlow",
    "compat": "the TensorFlow in use", "tfutils": "sessions, towers, files", "models": "layers",
    "graph_builder": "towers, gradients", "callbacks": "what runs beside steps", "input_source": "from data to tensors",
    "predict": "from model to answers", "train": "the loop", "contrib": "Keras, recurrent cells", "_cli": "commands",
    "_legacy": "older spellings", "tf1": "programs of TF 1", "launch": "local workers", "": "all public names",
}


def packages():
    """{package: (floor, files, lines)}."""
    found = {}
    for module, path in FILES.items():
        floor, package = place(module)
        with open(path, encoding="utf-8") as f:
            lines = sum(1 for _ in f)
        lowest, files, total = found.get(package, (floor, 0, 0))
        found[package] = min(lowest, floor), files + 1, total + lines
    return found


def arrows():
    """{(package, package that it imports): number of import statements}.

    Left out: the root's table of names, which refers to everything, and `utils`, which everything uses.
    """
    found = Counter()
    for module, path in FILES.items():
        package = place(module)[1]
        for imported, relative, _ in imports(module, path):
            other = place(imported)[1] if relative else package
            if other != package and package and other not in ("_exports", "utils", "libinfo"):
                found[package, other] += 1
    return found


def positions(boxes):
    """{package: (x, y) of the middle of its box}; each floor is centred, the lowest one is at the bottom."""
    highest = max(floor for floor, _, _ in boxes.values())
    found = {}
    for level in range(highest + 1):
        row = sorted((package for package, (floor, _, _) in boxes.items() if floor == level), key=lambda p: (-boxes[p][2], p))
        step = WIDTH / (len(row) + 1)
        for place_in_row, package in enumerate(row, 1):
            # a single box stands aside of the one below it, so that arrows past it can be seen
            shift = 0 if len(row) > 1 else (level % 3 - 1) * 250
            found[package] = step * place_in_row + shift, (highest - level) * ROW + 44
    return found


def draw():
    """The picture as text."""
    boxes, lines = packages(), arrows()
    where = positions(boxes)
    height = max(y for _, y in where.values()) + 60
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" font-family="sans-serif" role="img">'.format(
        WIDTH, height), "<title>Packages of tensorpack: a package imports from lower floors only</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>']
    for (package, other), count in sorted(lines.items(), key=lambda item: item[1]):
        (x0, y0), (x1, y1) = where[package], where[other]
        bend = (y1 - y0) / 2
        parts.append('<path d="M{:.0f},{:.0f} C{:.0f},{:.0f} {:.0f},{:.0f} {:.0f},{:.0f}" fill="none" stroke="#4a6fa5" '
                     'stroke-width="{:.1f}" stroke-opacity="{:.2f}"><title>{} imports {}: {} times</title></path>'.format(
                         x0, y0 + BOX_HEIGHT / 2, x0, y0 + bend, x1, y1 - bend, x1, y1 - BOX_HEIGHT / 2,
                         1 + min(4, count / 12), min(0.8, 0.25 + count / 60), package, other, count))
    for package, (x, y) in sorted(where.items()):
        _, files, total = boxes[package]
        left, top = x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2
        parts.append('<rect x="{:.0f}" y="{:.0f}" width="{}" height="{}" rx="6" fill="#f4f7fb" stroke="#2d4a73"/>'.format(
            left, top, BOX_WIDTH, BOX_HEIGHT))
        parts.append('<text x="{:.0f}" y="{:.0f}" text-anchor="middle" font-size="13" font-weight="bold" fill="#1d2f4a">{}'
                     '<title>{} files, {} lines</title></text>'.format(x, y - 2, NAMES.get(package, package), files, total))
        parts.append('<text x="{:.0f}" y="{:.0f}" text-anchor="middle" font-size="11" fill="#44546a">{}</text>'.format(
            x, y + 14, WORDS[package]))
    return "\n".join(parts + ["</svg>"]) + "\n"


def main():
    output = sys.argv[1] if len(sys.argv) > 1 else os.path.join(FOLDER, "floors.svg")
    with open(output, "w", encoding="utf-8") as f:
        f.write(draw())


if __name__ == "__main__":
    main()
