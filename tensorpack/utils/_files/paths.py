"""Path arithmetic that the logger needs too; `fs` offers it to the public."""
from __future__ import annotations

import os


def is_remote(path: str) -> bool:
    """Whether `path` is a URL such as `gs://bucket/run`, which only TensorFlow's own file functions understand."""
    return "://" in path


def normpath(path: str) -> str:
    """`os.path.normpath` for local paths; a URL is returned as it is."""
    return path if is_remote(path) else os.path.normpath(path)
