"""What was seen of some datapoints: their components as a table, and the pictures of their examples."""
from __future__ import annotations

import base64
from html import escape
from typing import Any, Dict, Hashable, List

from ...utils._text.html import table
from ...utils.optional import optional_import
from .component import HEADER, Component
from .draw import Painter, Picture, pixel_range, usable_boxes
from .roles import Components, batch_size, components_of, examples_of, roles_of

cv2 = optional_import("cv2", needed_by="look", pip="opencv-python-headless")


class Seen:
    """Takes datapoints one after the other, and keeps pictures of them.

    Attributes:
        pictures: those drawn so far.
        can_draw: whether OpenCV is there.
    """

    def __init__(self, painter: Painter):
        self.pictures: List[Picture] = []
        self.can_draw = _can_draw()
        self._painter = painter
        self._components: Dict[Hashable, Component] = {}

    def add(self, dp: Any, most: int) -> int:
        """Take a datapoint and draw at most so many of its examples; returns how many there were."""
        components = components_of(dp)
        for key, value in components.items():
            self._components.setdefault(key, Component(key)).add(value)
        examples = examples_of(components)[:most]
        size = batch_size(components)
        of_batch = "" if size is None else ", batch of {}".format(size)
        for example in examples:
            roles = roles_of(example)
            for key in roles:
                self._components[key].note(_in_words(example, key, roles) + of_batch)
            if self.can_draw:
                number = len(self.pictures)
                self.pictures += [picture._replace(caption=picture.caption or str(number + k))
                                  for k, picture in enumerate(self._painter.draw(example, roles))]
        return len(examples)

    def rows(self) -> List[List[str]]:
        """The cells of a table under `HEADER`, a row for each component."""
        return [component.row() for component in self._components.values()]

    def html(self) -> str:
        """The table and the pictures."""
        pictures = "".join(map(_figure, self.pictures))
        return table(HEADER, self.rows()) + (
            '<div style="display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.5rem 0">{}</div>'.format(pictures))


def _in_words(example: Components, key: Hashable, roles: Dict[Hashable, str]) -> str:
    role, value = roles[key], example[key]
    if role == "image" and value.dtype.kind == "f":
        low, high = pixel_range(value)
        return "image in [0, {:g}]".format(high) if low == 0 and high in (1, 255) else "image, stretched"
    if role == "boxes":
        image = next(example[each] for each in roles if roles[each] == "image")
        return role if usable_boxes(value, image.shape).all() else "boxes, some not in the image"
    return role


def _can_draw() -> bool:
    try:
        return bool(cv2.__version__)
    except ImportError:
        return False


def _figure(picture: Picture) -> str:
    png = cv2.imencode(".png", picture.pixels)[1].tobytes()
    return ('<figure style="margin: 0"><img alt="{0}" style="display: block" src="data:image/png;base64,{1}">'
            '<figcaption>{0}</figcaption></figure>').format(escape(picture.caption), base64.b64encode(png).decode("ascii"))
