"""`colored`: that of termcolor, also in notebooks, whose cells show colours although they are no terminals."""
from __future__ import annotations

import os
from typing import Any

import termcolor

from .._notebook.kernel import in_notebook


def colored(text: str, *arguments: Any, **options: Any) -> str:
    """The text with the marks of its colour, for `print` and the logger; see `termcolor.colored`."""
    if in_notebook() and "NO_COLOR" not in os.environ:
        try:
            return termcolor.colored(text, *arguments, **{**options, "force_color": True})
        except TypeError:  # before termcolor 2.2
            pass
    return termcolor.colored(text, *arguments, **options)
