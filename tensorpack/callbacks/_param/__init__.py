"""Hyper-parameters, and schedules of their values.

`hyper_param` reads and sets things with a value, `schedule` is arithmetic on epochs and steps; `callbacks/param.py` joins
the two into callbacks.
"""
