"""Reads MATLAB files."""
from __future__ import annotations

from typing import Any, Dict, Sequence

from ...utils.optional import optional_import

scipy_io = optional_import("scipy.io", needed_by="A dataset in MATLAB files (SVHNDigit, Caltech101Silhouettes, BSDS500)",
                           pip="scipy")


def read_mat(path: str, names: Sequence[str]) -> Dict[str, Any]:
    """The variables `names` of a MATLAB file.

    Raises:
        ValueError: the file is damaged, incomplete, or has no such variables.
    """
    load = scipy_io.loadmat
    with open(path, "rb") as f:
        try:
            content = load(f, variable_names=list(names))
            return {name: content[name] for name in names}
        except Exception as e:  # scipy meets a damaged file with errors of many kinds
            if isinstance(e, MemoryError) or getattr(e, "errno", None) is not None:
                raise
            raise ValueError("{}: must be a complete MATLAB file with the variables {}; got {!r}; delete the file, so that it "
                             "is downloaded again, or replace it".format(path, ", ".join(names), e)) from e
