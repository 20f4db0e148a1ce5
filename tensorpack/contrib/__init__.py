"""What stands on top of the library: `contrib.rnn` (recurrent cells and loops), `contrib.keras` (Keras models) and
`contrib.ray` (batch prediction on many machines).

Nothing is imported here; import the modules themselves.
"""
from __future__ import annotations

from typing import List

__all__: List[str] = []
