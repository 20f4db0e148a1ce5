"""Arguments of flows of today that keywords alone do not tell: by position, of another kind, or kept for `len`."""
from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

from ...utils._text.keywords import telling
from ...utils._types import wraps
from .._spelling import on_subclass, warn_once


def adapt_positional_map(module: Any) -> None:
    """Maps in threads or processes: `buffer_size` and `strict` by position, after the function."""
    for name in ("MultiThreadMapData", "MultiProcessMapDataZMQ"):
        if name in vars(module):
            _by_position(getattr(module, name), 3, ("buffer_size", "strict"))


def _by_position(cls: Any, num_today: int, names: Sequence[str]) -> None:
    """Arguments after the first `num_today`, which are keywords today."""
    today: Callable[..., None] = cls.__init__

    @wraps(today)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        more = dict(zip(names, args[num_today:]))
        if more:
            warn_once("{}(..., {}), by position,".format(cls.__name__, ", ".join(more)), "keyword arguments")
        today(self, *args[:num_today], *args[num_today + len(names):], **more, **kwargs)

    cls.__init__ = __init__


def adapt_process_runner(module: Any) -> None:
    """`PrefetchData(ds, nr_prefetch)`: one process."""
    cls = module.MultiProcessRunner
    today = cls.__init__

    @wraps(today)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) < 3 and not {"num_proc", "nr_proc"} & kwargs.keys():
            warn_once("PrefetchData(ds, nr_prefetch)", "MultiProcessRunner(ds, num_prefetch, num_proc=1)")
            kwargs["num_proc"] = 1
        today(self, *args, **kwargs)

    cls.__init__ = __init__


def adapt_raw(module: Any) -> None:
    """`DataFromGenerator(gen, size)`: the size is the length."""
    cls = module.DataFromGenerator
    init, length = cls.__init__, cls.__len__

    @wraps(init)
    def __init__(self: Any, gen: Any, size: Optional[int] = None) -> None:
        init(self, gen)
        if size is not None:
            warn_once("DataFromGenerator(gen, size)", "FixedSizeData, or a DataFlow of your own with __len__")
            self._size = int(size)

    @wraps(length)
    def __len__(self: Any) -> int:
        return vars(self)["_size"] if "_size" in vars(self) else length(self)

    cls.__init__, cls.__len__ = telling(__init__), __len__


def adapt_format(module: Any) -> None:
    """`LMDBDataDecoder(path, decoder, shuffle)`: it opened the database itself."""
    cls = module.LMDBDataDecoder
    today = cls.__init__

    @wraps(today)
    def __init__(self: Any, lmdb_data: Any = None, decoder: Any = None, shuffle: bool = True, **kwargs: Any) -> None:
        lmdb_data = kwargs.pop("lmdb_dir", lmdb_data)
        if isinstance(lmdb_data, str):
            warn_once("LMDBDataDecoder(lmdb_dir, decoder, shuffle)", "LMDBDataDecoder(LMDBData(lmdb_dir, shuffle), decoder)")
            lmdb_data = module.LMDBData(lmdb_data, shuffle=shuffle)
        today(self, lmdb_data, decoder, **kwargs)

    cls.__init__ = telling(__init__)


def adapt_batch(module: Any) -> None:
    """Subclasses of BatchData may define how to batch by its old name."""
    base = module.BatchData
    base._aggregate_batch = staticmethod(base.aggregate_batch)

    def prepare(cls: Any) -> None:
        for ancestor in cls.__mro__[:cls.__mro__.index(base)]:
            if "_aggregate_batch" in vars(ancestor):
                warn_once("BatchData._aggregate_batch", "aggregate_batch")
                cls.aggregate_batch = vars(ancestor)["_aggregate_batch"]
                break
            if "aggregate_batch" in vars(ancestor):
                break

    on_subclass(base, prepare)
