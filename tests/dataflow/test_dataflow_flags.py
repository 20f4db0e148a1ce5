"""Options that are on or off: text, lists and other numbers are refused by name; bools of numpy, 0, 1 and None are taken."""
import inspect

import numpy as np
import pytest
from parallel_flows import Count, double

from tensorpack import dataflow
from tensorpack._legacy._tables import TABLE
from tensorpack.dataflow import BatchData, DataFromList, FixedSizeData, adapters, dataset, imgaug, serialize
from tensorpack.dataflow.format import DiskCacheData
from tensorpack.utils._arguments.flags import true_or_false

# what is given to each parameter that has no default; nothing is read, since options are looked at first
VALUES = {
    "ds": Count(40), "df": Count(40), "num_proc": 1, "num_thread": 1, "map_func": double, "batch_size": 2, "size": 3, "rank": 0,
    "lst": [[1]], "shapes": [[2]], "files": ["nowhere.png"], "augmentors": [imgaug.Identity()], "name": "train",
    "train_or_test": "train", "root": "nowhere", "filename": "nowhere", "lmdb_path": "nowhere", "path": "nowhere",
    "paths": "nowhere", "data_paths": ["x"], "columns": {"x": ()}, "addr": "ipc://nowhere", "addr1": "ipc://nowhere",
    "signature": None, "delta": 5, "range": (1, 2), "factor_range": (1, 2), "mode": 6,
    "std": 1, "eigval": [1, 1, 1], "eigvec": np.eye(3), "h": 3, "w": 3, "dir": ".",
}

# given, though they have a default: needed with the option, or what would ask PyTorch and JAX, which no fork may come after
EXPLICIT = ("num_proc", "num_thread", "map_func", "size", "rank")


def callables():
    """{name: what the package offers with that name and takes arguments}"""
    found = {"DiskCacheData": DiskCacheData}
    for module in (dataflow, dataset, adapters, imgaug, serialize):
        old = TABLE.star.get(module.__name__, ())
        found.update((name, getattr(module, name)) for name in module.__all__ if name not in old)
    for name in serialize.__all__:
        found[name + ".load"] = found.pop(name).load
    return {name: value for name, value in found.items()
            if callable(value) and not (inspect.isclass(value) and issubclass(value, BaseException))}


def options():
    for name, make in sorted(callables().items()):
        for parameter in inspect.signature(make).parameters.values():
            if isinstance(parameter.default, bool) or "bool" in str(parameter.annotation):
                yield pytest.param(make, parameter.name, id="{} {}".format(name, parameter.name))


OPTIONS = list(options())


def given(make, **others):
    required = [p.name for p in inspect.signature(make).parameters.values()
                if p.default is p.empty and p.kind != p.VAR_KEYWORD or p.name in EXPLICIT]
    return make(**dict({name: VALUES[name] for name in required}, **others))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """For what looks whether its directory is there."""
    (tmp_path / "train").mkdir()
    monkeypatch.chdir(tmp_path)


def test_all_are_here():
    assert len(OPTIONS) > 80 and {"shuffle", "allow_pickle", "strict", "clip", "copy"} <= {each.values[1] for each in OPTIONS}


@pytest.mark.parametrize("make, option", OPTIONS)
def test_what_is_neither_true_nor_false_is_refused_by_name(make, option):
    if make is adapters.as_tf_dataset:
        pytest.importorskip("tensorflow")
    who = make.__qualname__.partition(".")[0]
    for value, text in (("no", "'no'"), ([1], r"\[1\]"), (2, "2")):
        with pytest.raises(TypeError, match=r"\w*: {} must be True or False; got {}".format(option, text)) as caught:
            given(make, **{option: value})
        assert who in str(caught.value) or make.__qualname__ in ALIASES


# made by a class of another name, which is what the error tells
ALIASES = {"CaffeLMDB", "HDF5Serializer.load", "LMDBSerializer.load", "DiskCacheSerializer.load", "ArrowSerializer.load",
           "ParquetSerializer.load", "TFExampleSerializer.load", "TarSerializer.load", "ZarrSerializer.load"}


@pytest.mark.parametrize("value", [True, np.bool_(True), 1, np.int64(1), 1.0, np.array(True), False, np.bool_(False), 0, None])
def test_these_are_taken_as_they_are(value):
    assert true_or_false("x", "y", value) is value
    df = DataFromList([[k] for k in range(50)], shuffle=value)
    df.reset_state()
    assert ([dp[0] for dp in df] != list(range(50))) == bool(value)
    assert len(BatchData(Count(5), 2, remainder=value)) == 2 + bool(value)
    assert FixedSizeData(Count(5), 3, keep_state=value)._keep_state is value
