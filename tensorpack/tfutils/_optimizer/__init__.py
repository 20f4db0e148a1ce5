"""Optimizers around optimizers, and sums of gradients of either kind.

`proxy` is the base, each other file is one optimizer; `tfutils/optimizer.py` offers them. They touch TensorFlow's
optimizers and nothing of the library above `tfutils`.
"""
