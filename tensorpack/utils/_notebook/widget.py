"""`WidgetBar`: tqdm's bar of a notebook; it needs the package ipywidgets."""
from __future__ import annotations

from tqdm.notebook import tqdm_notebook

from .._text.progress_bar import Bar


class WidgetBar(tqdm_notebook, Bar):  # type: ignore[misc,type-arg]  # the bases name the file of a bar differently
    """A `Bar` that is drawn by the browser."""
