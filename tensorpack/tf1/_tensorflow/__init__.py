"""What TensorFlow 2 lacks of the names of TensorFlow 1; the path below this package is the path in TensorFlow 1."""
from __future__ import annotations
