"""What `report` is made of: reading what a run left, drawing its statistics, and the page around the pictures.

`run` reads a log directory with the help of `history`, `log` and `events`; `charts` draws with Bokeh what `utils._curves` has
arranged; `page` writes HTML; `serve` shows the page of a running training.
"""
