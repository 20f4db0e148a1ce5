"""`look`: the first datapoints of a flow, as text, as pictures, and in notebooks."""
from __future__ import annotations

from contextlib import closing
from html import escape
from typing import Any, Generator, List, Optional, Sequence

from tabulate import tabulate

from ...utils._arguments.flags import true_or_false
from ...utils._arguments.numbers import whole_number
from ...utils._text.html import plain
from ...utils._text.keywords import keywords_told
from ...utils._viz.sheet import write_sheet
from ...utils.optional import optional_import
from .._flows.stages import StageClock, stage_table
from ..base import DataFlow, DataFlowTerminated, require_dataflow
from .card import length_in_words
from .component import HEADER
from .draw import Painter, Picture
from .seen import Seen

cv2 = optional_import("cv2", needed_by="look", pip="opencv-python-headless")


@keywords_told
def look(df: DataFlow, count: int = 16, *, rgb: bool = False, classes: Optional[Sequence[str]] = None) -> Look:
    """The first datapoints of a flow, to look at: in a notebook as pictures and tables, elsewhere as text.

    Images are drawn with what stands beside them: uint8 or float arrays HxW, HxWx1, HxWx3 or HxWx4, with 8 pixels at least on
    each side; also batches NxHxWxC, example by example. Floats are taken for values in [0, 1] if none is larger, else in
    [0, 255]; what has values beyond is stretched. The first whole number is the label, an array Nx4 is boxes (x1, y1, x2, y2)
    and a vector of N whole numbers their classes; arrays HxW or NxHxW of the image's size, bool or whole numbers, are masks.
    All else is described in words, and everything is without OpenCV.

    The flow is reset and iterated, with all that belongs to it, such as workers; make another one to train with. A flow
    that a notebook shows by itself is not read.

    Args:
        df: the flow.
        count: datapoints, or examples in batches, at most.
        rgb: whether images are RGB, not BGR.
        classes: names of the classes 0, 1, ...

    Raises:
        TypeError: `df` is no DataFlow.
        ValueError: the pass is empty.
        RuntimeError: the flow has failed; the message names the datapoint.
    """
    require_dataflow("look", "df", df)
    return Look(df, whole_number("look", "count", count, minimum=1), Painter(true_or_false("look", "rgb", rgb), classes))


class Look:
    """What `look` has seen.

    Attributes:
        datapoints: how many were taken.
        pictures: with `pixels`, uint8 HxWx3 in BGR, and `caption`.
        stages: the times of the flows that the flow is made of, as in `TestDataSpeed.stages`.
    """

    def __init__(self, df: DataFlow, count: int, painter: Painter):
        self.datapoints = 0
        self._flow, self._length = repr(df), length_in_words(df)
        self._seen = Seen(painter)
        self.pictures: List[Picture] = self._seen.pictures
        with StageClock(df) as clock:
            self._take(df, count)
            self.stages = clock.results()

    def _take(self, df: DataFlow, count: int) -> None:
        left = count
        with closing(_datapoints(df)) as datapoints:
            for dp in datapoints:
                self.datapoints += 1
                left -= max(1, self._seen.add(dp, left))
                if left <= 0:
                    break
        if not self.datapoints:
            raise ValueError("look: the DataFlow must have datapoints; got none in a pass")

    def write_sheet(self, filename: str) -> None:
        """Write all pictures with their captions as one.

        Raises:
            ValueError: there are none, or the file cannot be written.
            ImportError: OpenCV is not installed.
        """
        if not self.pictures:
            cv2.imwrite  # noqa: B018 - an error if there are none because of that
            raise ValueError("a sheet needs an image, a uint8 or float array HxW, HxWx1, HxWx3 or HxWx4; got the components {}"
                             .format("; ".join(" ".join(row[:3]) for row in self._seen.rows())))
        write_sheet("the sheet", filename, [picture.with_caption() for picture in self.pictures])

    def _words(self) -> str:
        seen = "{}; looked at {}".format(self._length, self.datapoints)
        return seen if self._seen.can_draw else seen + "; pictures need OpenCV: pip install opencv-python-headless"

    def __repr__(self) -> str:
        components = tabulate(self._seen.rows(), headers=HEADER, disable_numparse=True)
        return "\n\n".join([self._flow, self._words(), components, stage_table(self.stages)])

    def _repr_html_(self) -> str:
        return "<div>{}<p>{}</p>{}{}</div>".format(
            plain(self._flow), escape(self._words()), self._seen.html(), plain(stage_table(self.stages)))


def _datapoints(df: DataFlow) -> Generator[Any, None, None]:
    """A pass, whose errors name the datapoint."""
    what = "reset_state()"
    try:
        df.reset_state()
        what = "datapoint 0"
        for k, dp in enumerate(df):
            yield dp
            what = "datapoint {}".format(k + 1)
    except DataFlowTerminated:
        return
    except Exception as e:
        raise RuntimeError("look: the DataFlow must give its datapoints; {} has raised {}: {}".format(
            what, type(e).__name__, e)) from e

