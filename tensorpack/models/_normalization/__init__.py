"""Behind BatchNorm and BatchRenorm: statistics of a batch, their averages over devices and over time.

Functions on tensors; `models/batch_norm.py` decides which one is used when.
"""
