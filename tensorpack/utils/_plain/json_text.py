"""JSON that others may have written: reading it ends with a value, or with a ValueError."""
from __future__ import annotations

import json
from typing import Any, Union


def parse_json(text: Union[str, bytes]) -> Any:
    """The value of a text.

    Raises:
        ValueError: it is no JSON, or is nested deeper than this interpreter can follow.
    """
    try:
        return json.loads(text)
    except RecursionError as e:
        raise ValueError("the JSON is nested too deeply") from e


def read_json(path: str) -> Any:
    """The value in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: see `parse_json`; or it is no UTF-8.
    """
    with open(path, encoding="utf-8") as f:
        return parse_json(f.read())
