"""The error for a name of TensorFlow 1 that is not provided."""
from __future__ import annotations

import os
import sys
from typing import Optional

_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class NotProvided(AttributeError):
    """A name of TensorFlow 1 that neither TensorFlow nor this library has."""


def not_provided(name: str) -> NotProvided:
    """The error to raise for a name such as `tf.contrib.layers.foo`, with the place in the program that uses it."""
    place = place_of_use()
    return NotProvided("{}{} is not provided".format(place + ": " if place else "", name))


def place_of_use() -> Optional[str]:
    """`file:line` of the innermost frame that is neither of this package nor of the import system."""
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((_OWN_FOLDER, "<frozen")):
            return "{}:{}".format(path, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return None
