"""`WidgetBar`: tqdm's bar of a notebook; it needs the package ipywidgets."""
from __future__ import annotations

from tqdm.notebook import tqdm_notebook

from .._text.progress_bar import Bar


class WidgetBar(tqdm_notebook, Bar):  # type: ignore[type-arg]  # it takes none when the program runs
    """A `Bar` that is drawn by the browser."""
