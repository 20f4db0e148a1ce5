"""Pieces of HTML: everything that is not markup is escaped."""
from __future__ import annotations

from html import escape
from typing import Any, Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table, which screen readers read with the heads of its columns."""
    def line(start: str, cells: Iterable[Any]) -> str:  # end tags may be left out, and are a tenth of a long table
        return "<tr>" + "".join(start + escape(str(cell)) for cell in cells)

    return "<table>{}{}</table>".format(line('<th scope="col">', header), "".join(line("<td>", row) for row in rows))


def plain(text: str) -> str:
    """The text with its columns and lines, also in notebooks, which draw `<pre>` in a font without columns."""
    return '<pre style="font-family: monospace; white-space: pre-wrap; margin: 0">{}</pre>'.format(escape(text))


def whole_page(title: str, style: str, body: str, head: str = "", end: str = "") -> str:
    """A page that needs nothing but itself.

    Args:
        title: plain text, also the first heading.
        style: CSS.
        body: HTML below the heading.
        head, end: HTML before the title, and after all else.
    """
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n{head}<link rel="icon" href="data:,">\n'
            '<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n'
            '</main>\n{end}\n</body>\n</html>\n').format(head=head, title=escape(title), style=style, body=body, end=end)
