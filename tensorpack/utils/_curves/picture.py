"""What a notebook shows of statistics: a table of all, and a picture of their curves drawn with matplotlib."""
from __future__ import annotations

import base64
import io
import math
from html import escape
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from .._text.html import table
from ..optional import optional_import
from .arrange import COLOURS, Chart, best_of, charts_of, direction, finite_of, in_words, scale_of, settings_of, thinned

_figures = optional_import("matplotlib.figure", needed_by="curves in a notebook", pip="matplotlib")

_MAX_CHARTS = 24
_MAX_POINTS = 500  # of a curve: the picture is part of the notebook
_SIZE = (5, 2.6)  # of a chart, in inches
_COLUMNS = 2
_STYLE = "max-height: 20rem; overflow: auto; display: inline-block"

History = Dict[str, List[Tuple[int, float]]]


def statistics_html(history: History) -> str:
    """The table and the curves.

    Args:
        history: the (global step, value) of each statistic, oldest first.
    """
    history = {name: list(points) for name, points in sorted(history.items()) if points}
    if not history:
        return "<p>There are no statistics yet.</p>"
    rows = [_row(name, points) for name, points in history.items()]
    statistics = table(("statistic", "values", "last", "best", "at global step"), rows)
    return '<div style="{}">{}</div>{}'.format(_STYLE, statistics, _curves(history))


def _row(name: str, points: Sequence[Tuple[int, float]]) -> List[str]:
    best = _best(name, points)
    return [name, str(len(points)), "{:.5g}".format(points[-1][1])] + (
        ["", ""] if best is None else ["{:.5g}".format(points[best][1]), str(points[best][0])])


def _best(name: str, points: Sequence[Tuple[int, float]]) -> Any:
    """Where the best value is, or None where nobody can tell."""
    return best_of(_values(points), direction(name, {}))


def _values(points: Sequence[Tuple[int, float]]) -> List[float]:
    return [value if math.isfinite(value) else math.nan for _, value in points]


def _curves(history: History) -> str:
    drawn = {name: points for name, points in history.items() if finite_of([value for _, value in points])}
    settings = settings_of(drawn, set())
    charts = charts_of(set(drawn) - set(settings)) + [Chart(name, {"": name}) for name in settings]
    if not charts:
        return ""
    left_out = "<p>The first {} of {} pictures are drawn.</p>".format(_MAX_CHARTS, len(charts))
    try:
        svg = _draw(charts[:_MAX_CHARTS], drawn, settings)
    except ImportError:
        return "<p>Curves need matplotlib: <code>pip install matplotlib</code></p>"
    return '<div><img alt="{}" src="data:image/svg+xml;base64,{}"></div>{}'.format(
        escape("; ".join(_words(chart, drawn) for chart in charts[:_MAX_CHARTS])), base64.b64encode(svg).decode("ascii"),
        left_out if len(charts) > _MAX_CHARTS else "")


def _words(chart: Chart, history: History) -> str:
    curves = []
    for part, name in chart.names.items():
        best = _best(name, history[name])
        words = None if best is None else "{1:.5g} at global step {0}".format(*history[name][best])
        curves.append("{} {}".format(part, in_words(_values(history[name]), words)).strip())
    return "{}: {}".format(chart.title, ", ".join(curves))


def _draw(charts: Sequence[Chart], history: History, settings: Sequence[str]) -> bytes:
    columns = min(_COLUMNS, len(charts))
    rows = math.ceil(len(charts) / columns)
    figure = _figures.Figure(figsize=(_SIZE[0] * columns, _SIZE[1] * rows), facecolor="white")
    for position, chart in enumerate(charts, 1):
        axes = figure.add_subplot(rows, columns, position)
        axes.set_title(_plain(chart.title), fontsize="medium")
        axes.grid(alpha=0.3)
        for number, (part, name) in enumerate(chart.names.items()):
            _draw_curve(axes, name, part, history[name], COLOURS[number % len(COLOURS)], name in settings)
        if any(chart.names):
            axes.legend(fontsize="small")
        if position > len(charts) - columns:
            axes.set_xlabel("global step")
    file = io.BytesIO()
    with np.errstate(all="ignore"):  # of the ticks of huge values
        figure.tight_layout()
        figure.savefig(file, format="svg")
    return file.getvalue()


def _draw_curve(axes: Any, name: str, label: str, points: Sequence[Tuple[int, float]], colour: str, is_setting: bool) -> None:
    finite = [(step, value) for step, value in points if math.isfinite(value)]
    if is_setting:
        axes.set_yscale(scale_of(_values(finite)))
    steps, values = zip(*[finite[i] for i in thinned(len(finite), _MAX_POINTS)])
    axes.plot(steps, values, color=colour, label=_plain(label), drawstyle="steps-pre" if is_setting else "default",
              marker="." if len(steps) < 3 else None)
    best = _best(name, points)
    if best is not None and not is_setting:
        axes.plot([points[best][0]], [points[best][1]], marker="*", markersize=9, color=colour)


def _plain(text: str) -> str:
    return text.replace("$", r"\$")  # which begins a formula
