"""Flows through plasma, the object store that pyarrow had up to version 11: scripts can import their names."""
from __future__ import annotations

from ..base import DataFlow, ProxyDataFlow


class PlasmaPutData(ProxyDataFlow):
    """Cannot be made any more; MultiProcessRunnerZMQ hands big arrays over in shared memory.

    Args:
        ds: the flow.
        socket: the address of the store.

    Raises:
        ImportError: always.
    """

    def __init__(self, ds: DataFlow, socket: str = "/tmp/plasma"):
        raise _unavailable(self)


class PlasmaGetData(ProxyDataFlow):
    """Cannot be made any more; see PlasmaPutData."""

    def __init__(self, ds: DataFlow, socket: str = "/tmp/plasma"):
        raise _unavailable(self)


def _unavailable(flow: DataFlow) -> ImportError:
    return ImportError("{}: needs plasma, which pyarrow has had up to version 11 only; leave out PlasmaPutData and "
                       "PlasmaGetData and use MultiProcessRunnerZMQ, which hands big arrays over in shared memory".format(
                           type(flow).__name__))
