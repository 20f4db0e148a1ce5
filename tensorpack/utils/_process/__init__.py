"""Processes and threads: starting, signals, how they end, and errors on their way between them.

`utils/concurrency.py` offers what is public; the parallel flows, predictors and trainers use the rest. Nothing here knows
data or TensorFlow, except that a thread may run under its creator's session.
"""
