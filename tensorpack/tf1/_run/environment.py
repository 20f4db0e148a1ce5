"""What Python, numpy, scipy and absl have lost since the days of TensorFlow 1."""
from __future__ import annotations


def restore_environment() -> None:
    """Give lost names back, in modules that are imported and in those that will be."""
