"""The monitors: what scalars, images, summaries and events of a training run are sent to.

`base` is the interface, each other file one monitor or the text format behind it; `callbacks/monitor.py` offers them and
hands values around. A monitor sees values, not the graph.
"""
