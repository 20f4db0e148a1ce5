"""What `report` is made of: reading what a run left, arranging its statistics, drawing them, and the page around the pictures.

`run` reads a log directory with the help of `history`, `log` and `events`; `arrange` decides which curves belong together and
is free of files and pictures; `charts` draws with Bokeh; `page` writes HTML; `serve` shows the page of a running training.
"""
