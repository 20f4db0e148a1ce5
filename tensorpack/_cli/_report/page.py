"""The page of a report: one HTML file with all that it needs inside, which opens without a network."""
from __future__ import annotations

import base64
import time
from html import escape
from typing import Any, Dict, Sequence, Tuple

from ...utils._curves.arrange import best_of, direction, thinned
from ...utils._text.html import table, whole_page
from ...utils.optional import optional_import
from ...utils.utils import humanize_time_delta
from .charts import Painter, Picture, verdict_of
from .events import Image
from .run import Run

_document = optional_import("bokeh.document", needed_by="tensorpack-report", pip="bokeh")
_embed = optional_import("bokeh.embed", needed_by="tensorpack-report", pip="bokeh")
_resources = optional_import("bokeh.resources", needed_by="tensorpack-report", pip="bokeh")

_MAX_ROWS = 300  # of a table behind a picture
_IMAGE_BYTES = 250000  # of all images of a page

# Pictures are drawn for light pages; on dark ones they are inverted, with the hues turned back.
_STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --page: #ffffff; --line: #c8c8c8; }
@media (prefers-color-scheme: dark) {
  :root { --text: #ececec; --page: #141414; --line: #4a4a4a; }
  .chart { filter: invert(0.92) hue-rotate(180deg); }
}
body { color: var(--text); background: var(--page); font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem;
  max-width: 90rem; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 1.5rem; }
figure { margin: 0; min-width: 0; }
figcaption, summary { font-size: 0.9rem; }
.scroll { overflow: auto; max-height: 30rem; overflow-wrap: normal; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 0.15rem 0.8rem 0.15rem 0; text-align: left; vertical-align: top; }
pre { overflow: auto; font-size: 0.85rem; white-space: pre-wrap; }
.images img { image-rendering: pixelated; min-width: 8rem; max-width: 100%; }
.images { display: flex; flex-wrap: wrap; gap: 1rem; }
"""


def make_page(runs: Sequence[Run], weight: float, title: str) -> str:
    """The whole page.

    Args:
        runs: those that are shown, over each other.
        weight: of the moving averages, from 0 (none) up to but not including 1.
        title: of the page.
    """
    pictures = Painter(runs, weight).pictures()
    script, divs = _embedded([picture.figure for picture in pictures]) if pictures else ("", [])
    library = _resources.Resources(mode="inline", components=["bokeh"]).render_js() if pictures else ""
    body = "".join([_overview(runs), _charts(pictures, divs)] + [_details(run, len(runs) > 1) for run in runs])
    return whole_page(title, _STYLE, body, library, script)


def _embedded(figures: Sequence[Any]) -> Tuple[str, Sequence[str]]:
    """The script that draws the figures, and the element of each. Bokeh itself looks at all others again for each one."""
    document = _document.Document()
    with document.models.freeze():
        for figure in figures:
            document.add_root(figure)
    script, divs = _embed.components(figures)
    return script, divs


def _overview(runs: Sequence[Run]) -> str:
    facts = [_facts(run) for run in runs]
    keys = sorted({key for each in facts for key in each}, key=lambda key: (key not in facts[0], key.startswith("best ")))
    overview = table(["run"] + keys, [[run.name] + [each.get(key, "") for key in keys] for run, each in zip(runs, facts)])
    problems = "".join("<li>{}: {}</li>".format(escape(run.name), escape(problem))
                       for run in runs for problem in run.problems)
    return "<p>Made {} from {} log director{}.</p>{}{}".format(
        time.strftime("%Y-%m-%d %H:%M:%S"), len(runs), "y" if len(runs) == 1 else "ies",
        "<h2>What could not be read</h2><ul>{}</ul>".format(problems) if problems else "",
        _section("Overview", '<div class="scroll">{}</div>'.format(overview)))


def _facts(run: Run) -> Dict[str, str]:
    history = run.history
    facts = {"epochs": str(history.epochs[-1])} if history.epochs else {}
    if history.steps and history.steps[-1] is not None:
        facts["global step"] = str(history.steps[-1])
    if run.log.seconds:
        facts["time in steps"] = humanize_time_delta(sum(run.log.seconds.values()))
    facts["restarts"] = str(sum(mark.kind == "restart" for mark in run.log.marks))
    verdict = verdict_of(run)
    if verdict:
        facts["slower part"] = verdict
    for name, (epochs, _, values) in history.series.items():
        best = best_of(values, direction(name, run.log.best))
        if best is not None and (name in run.log.best or name.startswith(("val", "test"))):
            facts["best " + name] = "{:.5g} (epoch {})".format(values[best], epochs[best])
    return facts


def _charts(pictures: Sequence[Picture], divs: Sequence[str]) -> str:
    if not pictures:
        return _section("Curves", "<p>There are no statistics.</p>")
    figures = "".join(
        '<figure><div class="chart" role="img" aria-label="{label}">{div}</div><figcaption>{caption}</figcaption>{table}'
        '</figure>'
        .format(label=escape("{} by epoch. {}".format(picture.title, picture.caption)), div=div,
                caption=escape(picture.caption), table=_table_behind(picture)) for picture, div in zip(pictures, divs))
    return _section("Curves", '<p>A click on a name below a picture hides its curve. All pictures show the same epochs.</p>'
                              '<div class="charts">{}</div>'.format(figures))


def _table_behind(picture: Picture) -> str:
    epochs = sorted({epoch for _, values in picture.columns for epoch in values})
    shown = [epochs[i] for i in thinned(len(epochs), _MAX_ROWS)]
    rows = [[str(epoch)] + ["{:.6g}".format(values[epoch]) if epoch in values else "" for _, values in picture.columns]
            for epoch in shown]
    left_out = " ({} of {} epochs)".format(len(shown), len(epochs)) if len(shown) < len(epochs) else ""
    return '<details><summary>{} as a table{}</summary><div class="scroll">{}</div></details>'.format(
        escape(picture.title), left_out, table(["epoch"] + [label for label, _ in picture.columns], rows))


def _details(run: Run, is_named: bool) -> str:
    of_run = " of {}".format(run.name) if is_named else ""
    marks = [["{} {} epoch {}".format(mark.kind, "before" if mark.kind == "restart" else "in", mark.epoch), mark.text]
             for mark in run.log.marks]
    verdicts = [[str(epoch), queue, text] for epoch, (queue, text) in sorted(run.log.verdicts.items())]
    sections = [("Restarts and stalls", marks and table(["what", "as the log says"], marks)),
                ("Data or model", verdicts and _folded(table(["epoch", "queue", "in the log"], verdicts[-_MAX_ROWS:]))),
                ("Arguments", "".join("<pre>{}</pre>".format(escape(words)) for words in run.log.arguments[-1:])),
                ("Versions", "<p>{}</p>".format(escape(run.log.versions)) if run.log.versions else ""),
                ("Variables", run.log.variables and _folded("<pre>{}</pre>".format(escape("\n".join(run.log.variables))))),
                ("Images", _images(run.images)),
                ("Last warnings and errors", run.log.messages and table(["level", "message"], run.log.messages))]
    return "".join(_section(title + of_run, content) for title, content in sections if content)


def _images(images: Sequence[Image]) -> str:
    shown, left = [], _IMAGE_BYTES
    for image in images:
        if len(image.content) <= left:
            left -= len(image.content)
            caption = escape("{}, step {}".format(image.tag, image.step))
            content = base64.b64encode(image.content).decode("ascii")
            shown.append('<figure><img alt="{alt}" src="data:image/{kind};base64,{data}"><figcaption>{alt}</figcaption>'
                         '</figure>'.format(alt=caption, kind=image.kind, data=content))
    note = "<p>{} of {} images are shown, since the page would become too big.</p>".format(len(shown), len(images))
    return '{}<div class="images">{}</div>'.format(note if len(shown) < len(images) else "", "".join(shown)) if images else ""


def _section(title: str, content: str) -> str:
    return "<section><h2>{}</h2>{}</section>\n".format(escape(title), content)


def _folded(content: str) -> str:
    return "<details><summary>Show</summary>{}</details>".format(content)
