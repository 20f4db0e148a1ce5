"""Datapoints as named components, for formats whose files have columns."""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from ...utils._text.spec import describe


def named_components(who: str, dp: Any, columns: Optional[Sequence[str]], number: int) -> Dict[str, Any]:
    """The components of a datapoint by name, those of `columns` in their order; of a dict all, without `columns`.

    Args:
        who: what saves it, for errors.
        number: which datapoint it is.

    Raises:
        ValueError: it has not these components, or is a list and there are no names.
    """
    if isinstance(dp, dict):
        missing = [name for name in columns or () if name not in dp]
        if not missing:
            return dict(dp) if columns is None else {name: dp[name] for name in columns}
    elif columns is not None and isinstance(dp, (list, tuple)) and len(dp) == len(columns):
        return dict(zip(columns, dp))
    wanted = "dicts, or lists with columns= for their names" if columns is None else \
        "dicts with the keys {}, or lists of {} components".format(list(columns), len(columns))
    raise ValueError("{}: datapoints must be {}; got datapoint {}, {}".format(who, wanted, number, describe(dp)))


def columns_of(who: str, datapoints: Sequence[Any], columns: Optional[Sequence[str]], first: int) -> Dict[str, List[Any]]:
    """Name -> values of several datapoints, of which the first has the number `first`; all have the names of the first."""
    rows = [named_components(who, dp, columns, first + k) for k, dp in enumerate(datapoints)]
    for k, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            raise ValueError("{}: all datapoints must have the same components; got {} in datapoint {}, {} in others".format(
                who, sorted(row), first + k, sorted(rows[0])))
    return {name: [row[name] for row in rows] for name in rows[0]}
