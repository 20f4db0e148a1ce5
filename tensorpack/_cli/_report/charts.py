"""The pictures of a report, drawn with Bokeh: one for each group of statistics, all over the same epochs."""
from __future__ import annotations

import math
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ...utils._curves.arrange import (
    COLOURS,
    Chart,
    best_of,
    charts_of,
    direction,
    in_words,
    isolated_of,
    scale_of,
    settings_of,
    smooth,
    thinned,
)
from ...utils.optional import optional_import
from .run import Run

_plotting = optional_import("bokeh.plotting", needed_by="tensorpack-report", pip="bokeh")
_models = optional_import("bokeh.models", needed_by="tensorpack-report", pip="bokeh")

_DASHES = ("solid", "dashed", "dotted", "dotdash")
_MARKS = {"restart": ("dashed", "#767676"), "stall": ("dotted", "#d55e00")}
_VERDICTS = {"compute-bound": ("circle", "#009e73"), "data-bound": ("triangle", "#d55e00")}
_LARGEST = 1e300  # that is drawn: Bokeh computes with differences of values
_HEIGHT = 300  # pixels
_LEGEND_LINE = 40  # letters that fit below a picture on a phone
_LEGEND_HEIGHT = 23  # pixels of each further line


class Picture(NamedTuple):
    """A drawn chart.

    Attributes:
        title: what it shows.
        caption: the same in words, for those who do not see it.
        figure: of Bokeh.
        columns: the table behind it: the run and the statistic of each column, and {epoch: value}.
    """

    title: str
    caption: str
    figure: Any
    columns: List[Tuple[str, Dict[int, float]]]


class _Columns(NamedTuple):
    """Of a statistic in a source of Bokeh: `raw` and `smooth` are names of columns; (positions, values) that no line shows."""

    source: Any
    raw: str
    smooth: str
    isolated: Tuple[Any, Any]


class Painter:
    """Draws the charts of some runs.

    Args:
        runs: those that are laid over each other.
        weight: of the moving averages, from 0 (none) up to but not including 1.
    """

    def __init__(self, runs: Sequence[Run], weight: float):
        self._runs = runs
        self._weight = weight
        self._range = _models.DataRange1d()
        self._sources: Dict[Tuple[int, Tuple[float, ...]], Any] = {}

    def pictures(self) -> List[Picture]:
        """All pictures: the statistics by name, then the hyper-parameters, then the speed."""
        names = {name for run in self._runs for name in run.history.series}
        settings = settings_of(names, {name for run in self._runs for name in run.log.settings})
        drawn = [self._curves(chart) for chart in charts_of(names - set(settings))]
        drawn += [self._steps(name) for name in settings]
        return drawn + [self._speed()] * any(run.log.seconds for run in self._runs)

    def _columns(self, number: int, name: str) -> _Columns:
        """Statistics of the same moments share a source, which makes the page smaller."""
        series = self._runs[number].history.series[name]
        rows = thinned(len(series.values))
        positions = np.asarray(series.positions)[rows]
        source = self._sources.setdefault((number, tuple(series.positions)), _plotting.ColumnDataSource({"epoch": positions}))
        raw, average = _drawable([series.values, smooth(series.values, self._weight)])[:, rows]
        isolated = isolated_of(raw)
        return _Columns(source, source.add(raw, "raw {}".format(len(source.data))),
                        source.add(average, "smooth {}".format(len(source.data))), (positions[isolated], raw[isolated]))

    def _figure(self, title: str, **options: Any) -> Any:
        figure = _plotting.figure(title=title, height=_HEIGHT, x_range=self._range, sizing_mode="stretch_width",
                                  x_axis_label="epoch", tools="pan,box_zoom,reset,save", active_drag=None, **options)
        figure.toolbar.logo = None
        figure.xaxis.ticker = _models.BasicTicker(min_interval=1)
        for number, run in enumerate(self._runs):
            for mark in run.log.marks:
                dash, colour = _MARKS[mark.kind]
                colour = _colour(number) if len(self._runs) > 1 else colour
                figure.add_layout(_models.Span(location=mark.epoch - 0.5, dimension="height", line_dash=dash,
                                               line_color=colour))
        return figure

    def _curves(self, chart: Chart) -> Picture:
        figure, words, columns = self._figure(chart.title), [], []
        for number, run in enumerate(self._runs):
            for position, (part, name) in enumerate(chart.names.items()):
                if name not in run.history.series:
                    continue
                label = self._label(run, part or name)
                colour = _colour(number if len(self._runs) > 1 else position)
                dash = _DASHES[position % len(_DASHES)] if len(self._runs) > 1 else "solid"
                style = dict(line_color=colour, line_dash=dash, legend_label=label)
                of = self._columns(number, name)
                if self._weight:
                    figure.line("epoch", of.raw, source=of.source, name="raw", line_alpha=0.3, **style)
                line = figure.line("epoch", of.smooth, source=of.source, name="curve", line_width=2, **style)
                figure.add_tools(_models.HoverTool(renderers=[line], mode="vline", tooltips=[
                    (label, "@{{{}}}".format(of.raw)), ("epoch", "@epoch{0.[00]}")]))
                _draw_points(figure, of.isolated, colour, label)
                columns.append((label, _by_epoch(run, name)))
                words.append("{}: {}".format(label, self._mark_best(figure, run, name, style)))
        return self._finished(chart.title, figure, words, columns)

    def _mark_best(self, figure: Any, run: Run, name: str, style: Dict[str, Any]) -> str:
        """Draw the best value, if it can be known which is; what happened to the statistic in words."""
        epochs, positions, values = run.history.series[name]
        best = best_of(values, direction(name, run.log.best))
        if best is None:
            return in_words(values)
        figure.scatter([positions[best]], _drawable([values[best]]), size=9, name="best", marker="star",
                       color=style["line_color"], legend_label=style["legend_label"])
        return in_words(values, "{:.5g} in epoch {}".format(values[best], epochs[best]))

    def _steps(self, name: str) -> Picture:
        values = [value for run in self._runs if name in run.history.series for value in run.history.series[name].values]
        figure, words, columns = self._figure(name, y_axis_type=scale_of(values)), [], []
        for number, run in enumerate(self._runs):
            if name not in run.history.series:
                continue
            label, of = self._label(run, name), self._columns(number, name)
            figure.step("epoch", of.raw, source=of.source, name="curve", mode="before", line_width=2,
                        line_color=_colour(number), legend_label=label)
            _draw_points(figure, of.isolated, _colour(number), label)
            columns.append((label, _by_epoch(run, name)))
            words.append("{}: {}".format(label, in_words(run.history.series[name].values)))
        return self._finished(name, figure, words, columns)

    def _speed(self) -> Picture:
        title = "steps per second"
        figure, words, columns = self._figure(title), [], []
        for number, run in enumerate(self._runs):
            speed = speed_of(run)
            epochs = [list(speed)[i] for i in thinned(len(speed))]
            if not speed:
                continue
            label = self._label(run, title)
            figure.line(epochs, [speed[epoch] for epoch in epochs], name="curve", line_color=_colour(number),
                        legend_label=label)
            texts = {epoch: run.log.verdicts.get(epoch, ("", ""))[1] for epoch in epochs}
            bound = {kind: [epoch for epoch in epochs if kind in texts[epoch]] for kind in _VERDICTS}
            for kind, (marker, colour) in _VERDICTS.items():
                if bound[kind]:
                    figure.scatter(bound[kind], [speed[epoch] for epoch in bound[kind]], size=7, marker=marker, color=colour,
                                   name="verdict", legend_label=self._label(run, kind))
            columns.append((label, speed))
            words.append("; ".join(["{}: {:.3g} on average".format(label, sum(speed.values()) / len(speed))] + [
                "{} in {} of {} epochs".format(kind, len(at), len(epochs)) for kind, at in bound.items() if at]))
        return self._finished(title, figure, words, columns)

    def _label(self, run: Run, name: str) -> str:
        return "{}: {}".format(run.name, name) if len(self._runs) > 1 else name

    def _finished(self, title: str, figure: Any, words: List[str], columns: List[Tuple[str, Dict[int, float]]]) -> Picture:
        if figure.legend:
            figure.add_layout(figure.legend[0], "below")
            figure.legend.click_policy = "hide"
            words_below = "".join(_text_of(item.label) for item in figure.legend[0].items)
            if len(words_below) < _LEGEND_LINE:
                figure.legend.orientation = "horizontal"
            else:
                figure.height = _HEIGHT + _LEGEND_HEIGHT * (len(figure.legend[0].items) - 1)
            figure.legend.border_line_alpha = 0
        return Picture(title, "; ".join(words), figure, columns)


def _text_of(label: Any) -> str:
    return str(label["value"] if isinstance(label, dict) else label.value)  # Bokeh 2: a dict


def _drawable(values: Any) -> np.ndarray:
    return np.clip(values, -_LARGEST, _LARGEST)


def _draw_points(figure: Any, points: Tuple[Any, Any], colour: str, label: str) -> None:
    if len(points[0]):
        figure.scatter(*points, size=5, name="point", color=colour, legend_label=label)


def speed_of(run: Run) -> Dict[int, float]:
    """{epoch: steps per second}, as the log says."""
    steps, seconds = run.log.steps, run.log.seconds
    before = {epoch: steps.get(epoch - 1, 0 if epoch == 1 else None) for epoch in steps}
    return {epoch: (steps[epoch] - start) / seconds[epoch] for epoch, start in sorted(before.items())
            if start is not None and steps[epoch] > start and seconds[epoch] > 0}


def _by_epoch(run: Run, name: str) -> Dict[int, float]:
    epochs, _, values = run.history.series[name]
    return {epoch: value for epoch, value in zip(epochs, values) if not math.isnan(value)}


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def verdict_of(run: Run) -> Optional[str]:
    """Which was the slower one, data or model, in the epochs about which the log says it, in words."""
    texts = [text for _, text in run.log.verdicts.values()]
    counts = {kind: sum(kind in text for text in texts) for kind in _VERDICTS}
    return ", ".join("{} in {} of {} epochs".format(kind, count, len(texts)) for kind, count in counts.items() if count) or None
