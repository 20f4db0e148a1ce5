"""Statistics of an epoch as a table as wide as a terminal: value, change since the last one, best so far. Text only."""
from __future__ import annotations

import math
import unicodedata
from typing import Callable, Iterable, List, NamedTuple, Optional, Sequence, Tuple

__all__ = ["Best", "Entry", "lay_out", "shorten"]

_GAP = 3  # columns of the terminal between two entries side by side
# Names are shortened: to the first if no more fits, to the second to have more side by side, to the third so that the eye finds
# the value.
_SHORT_NAME, _LONG_NAME, _WIDEST_NAME = 12, 32, 48


class Best(NamedTuple):
    """The best value of a statistic so far, and the epoch that it is of."""

    value: float
    epoch: int


class Entry(NamedTuple):
    """A statistic: the value that it had before and the best one so far are None when unknown."""

    name: str
    value: float
    previous: Optional[float] = None
    best: Optional[Best] = None
    is_best: bool = False

    def cells(self) -> Tuple[str, ...]:
        """Value with its mark, change, best: `*` marks the best so far, `!` what is not finite."""
        mark = "!" if not math.isfinite(self.value) else "*" if self.is_best else " "
        best = "" if self.best is None else "{:.4g} ({})".format(*self.best)
        return "{:.5g} {}".format(self.value, mark), self._change(), best

    def _change(self) -> str:
        if self.previous is None or not math.isfinite(self.value - self.previous):
            return ""
        return "=" if self.value == self.previous else "{:+.2g}".format(self.value - self.previous)


_HEADS = "value  ", "change", "best (epoch)"  # the first ends above the digits
Paint = Callable[[str, str], str]


def lay_out(entries: Sequence[Entry], width: int, max_rows: int, paint: Paint = lambda text, color: text) -> List[str]:
    """The lines of a table in alphabetical order, column by column, each line narrower than `width`.

    Where not all entries fit, the best values are left out first, then the changes, then entries: finite ones of which no
    end is known to be better go first, and the last line tells how many.

    Args:
        paint: called with what is to be coloured and the name of the colour.
    """
    width -= 1  # some terminals begin a new line after the last column
    entries = sorted(entries, key=_name)
    for num_cells in (3, 2, 1):
        layout = _Layout(entries, width, num_cells)
        if layout.has_room_for_names and layout.num_rows <= max_rows:
            break
    if layout.num_rows <= max_rows:
        return layout.lines(paint)
    by_interest = sorted(entries, key=lambda entry: entry.best is None and math.isfinite(entry.value))
    shown = sorted(by_interest[:max_rows * layout.num_side_by_side], key=_name)
    lines = _Layout(shown, width, 1).lines(paint)
    return lines + [shorten("  {} more are not shown; ScalarPrinter(whitelist=...) chooses".format(
        len(entries) - len(shown)), width)]


def _name(entry: Entry) -> str:
    return entry.name


class _Layout:
    """How wide what is, when the names and the first `num_cells` of the cells are shown."""

    def __init__(self, entries: Sequence[Entry], width: int, num_cells: int):
        self._entries = entries
        self._rows = [entry.cells()[:num_cells] for entry in entries]
        used = [i for i in range(num_cells) if i == 0 or any(row[i] for row in self._rows)]
        self._rows = [tuple(row[i] for i in used) for row in self._rows]
        self._heads = [_HEADS[i] for i in used]
        self._widths = [max(map(len, column)) for column in zip(self._heads, *self._rows)]
        cells = sum(self._widths) + 2 * len(self._widths)
        longest = max(_width(_printable(entry.name)) for entry in entries)
        width -= 2
        name = max(_SHORT_NAME, min(longest, _LONG_NAME))
        self.num_side_by_side = min(len(entries), max(1, (width + _GAP) // (name + cells + _GAP)))
        self.num_rows = math.ceil(len(entries) / self.num_side_by_side)
        self.num_side_by_side = math.ceil(len(entries) / self.num_rows)
        room = (width + _GAP) // self.num_side_by_side - _GAP - cells
        self.has_room_for_names = room >= min(longest, _SHORT_NAME)
        self._name = max(4, min(longest, room, _WIDEST_NAME))

    def lines(self, paint: Paint) -> List[str]:
        blocks = [range(start, min(start + self.num_rows, len(self._rows)))
                  for start in range(0, len(self._rows), self.num_rows)]
        gap = " " * _GAP
        lines = ["  " + gap.join(paint(self._line("", self._heads), "cyan") for _ in blocks)]
        for i in range(self.num_rows):
            lines.append("  " + gap.join(self._entry(block[i], paint) for block in blocks if i < len(block)))
        return [line.rstrip() for line in lines]

    def _entry(self, index: int, paint: Paint) -> str:
        entry = self._entries[index]
        line = self._line(shorten(_printable(entry.name), self._name), self._rows[index])
        return paint(line, "red") if not math.isfinite(entry.value) else paint(line, "green") if entry.is_best else line

    def _line(self, name: str, cells: Iterable[str]) -> str:
        padding = " " * (self._name - _width(name))
        return name + padding + "".join("  {:>{}}".format(cell, width) for cell, width in zip(cells, self._widths))


def shorten(text: str, width: int) -> str:
    """`text`, with dots for its middle where it is wider than `width`.

    >>> shorten("tower-regularisation-cost", 12)
    'tower..-cost'
    """
    if _width(text) <= width:
        return text
    head, tail = text[:len(text) // 2], text[len(text) // 2:]
    while (head or tail) and _width(head) + 2 + _width(tail) > width:
        head, tail = (head[:-1], tail) if _width(head) >= _width(tail) else (head, tail[1:])
    return head + ".." + tail


def _width(text: str) -> int:
    """In columns of a terminal."""
    return sum(0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "FW" else 1
               for letter in text)


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)
