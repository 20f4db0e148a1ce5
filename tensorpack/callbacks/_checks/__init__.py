"""What is told of callbacks that are used otherwise than meant: refused when they are made, or warned of in the training.

`arguments` checks what several of them are given, `of_keras` knows those of another library, `statistic` watches the names
that they look at; `methods`, `odd` and `never` look at the whole list before a training. They may use `callbacks/base.py`; but
for `odd` and `never` no callback.
"""
