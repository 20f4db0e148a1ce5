"""From an inference graph with a session to a file: freezing, folding, converting.

`graph_def` edits GraphDefs, `freeze` and `fold_batch_norm` make constants of variables, `frozen_model` is the result with
its names, `convert` hands it to other runtimes. Pure functions on GraphDefs: nothing here knows trainers, predictors or
files of the library; `tfutils/export.py` is the door.
"""
