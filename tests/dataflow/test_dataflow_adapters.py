"""Flows in eager TensorFlow, Keras 3 and JAX, in processes of their own; and what the adapters import and say without them."""
import importlib.util
import itertools
import json
import os
import subprocess
import sys

import pytest

from tensorpack.dataflow import (
    DataFromList,
    FixedSizeData,
    LocallyShuffleData,
    MapDataComponent,
    MultiThreadMapData,
    RepeatedData,
)
from tensorpack.dataflow.adapters._passes import Passes

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))


def run(arguments, **variables):
    environment = dict(os.environ, PYTHONPATH=ROOT, **variables)
    environment.pop("TENSORPACK_EAGER_IMPORT", None)
    result = subprocess.run([sys.executable] + arguments, env=environment, stdin=subprocess.DEVNULL,
                            capture_output=True, encoding="utf-8", timeout=240)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout.splitlines()[-1], result.stderr


def program(name):
    return json.loads(run([os.path.join(FOLDER, "adapter_programs.py"), name])[0])


@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="needs Keras 3")
def test_keras_and_eager_tensorflow():
    found = program("keras")
    assert found["eager"] and found["accuracy"] > 0.85
    check(found)
    assert found["dict"] == [0, 1, 2]
    assert "generator` yielded an element of shape" in found["shape"]
    assert found["signature"].startswith("TypeError: as_tf_dataset: signature must have a tf.TensorSpec for each component")


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
def test_jax():
    found = program("jax")
    assert found["accuracy"] > 0.85 and found["count"] == 297 and found["length"] == 30
    check(found)
    assert found["types"] == [True, "float32", "text", True, 3]
    assert found["is_zero_copy"]


def check(found):
    assert [sorted(each) for each in found["passes"]] == [list(range(11))] * 2 and found["passes"][0] != found["passes"][1]
    assert found["parts"] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]
    assert "RuntimeError" in found["twice"] and "This DataFlow is not reentrant!" in found["twice"]
    assert "df must be a DataFlow; got list" in found["flow"]
    assert found["kept"] == [[4 * k, 4 * k + 3] for k in range(12)]


def test_tensorflow_1_has_datasets_of_flows_too(session_of_v1):
    tf, session = session_of_v1
    from tensorpack.dataflow import DataFromList
    from tensorpack.dataflow.adapters import as_tf_dataset

    data = as_tf_dataset(DataFromList([[k, [k]] for k in range(3)], shuffle=False),
                         [tf.TensorSpec((), "int32"), [tf.TensorSpec((), "float32")]])
    value = tf.data.make_one_shot_iterator(data).get_next() if hasattr(tf.data, "make_one_shot_iterator") else \
        data.make_one_shot_iterator().get_next()
    assert [session.run(value) for _ in range(3)] == [(k, (float(k),)) for k in range(3)]
    with pytest.raises(tf.errors.OutOfRangeError):
        session.run(value)


@pytest.mark.parametrize("make, name", [
    (lambda: LocallyShuffleData(numbers(), 5), "LocallyShuffleData"),
    (lambda: MapDataComponent(MultiThreadMapData(numbers(), 1, list), int), "MultiThreadMapData"),
], ids=["LocallyShuffleData", "below a map"])
def test_an_endless_flow_with_a_length_is_told_when_it_goes_on(make, name, log_records):
    passes = Passes("as_tf_dataset", make(), 1, 0, True)
    assert len(list(itertools.islice(passes, 12))) == 12 and not log_records
    for _ in range(2):
        assert len(list(itertools.islice(passes, 30))) == 30
    told = [record.getMessage() for record in log_records if record.levelname == "WARNING"]
    assert len(told) == 1 and told[0].startswith(
        "[as_tf_dataset] an iteration has had the 12 datapoints of its length and goes on, since {} never ends: ".format(name))


@pytest.mark.parametrize("make", [
    lambda: numbers(), lambda: RepeatedData(numbers(), -1), lambda: FixedSizeData(LocallyShuffleData(numbers(), 5), 12)],
    ids=["ends", "is asked for", "cut"])
def test_others_are_not_told(make, log_records):
    passes = Passes("as_tf_dataset", make(), 1, 0, True)
    assert len(list(itertools.islice(passes, 30))) in (12, 30) and not log_records


def numbers():
    return DataFromList([[k] for k in range(12)], shuffle=False)


@pytest.fixture
def session_of_v1():
    tf = pytest.importorskip("tensorpack.compat").tfv1
    with tf.Session() as session:
        yield tf, session


WITHOUT = """
import sys
for name in ("torch", "jax", "tensorflow"):
    sys.modules[name] = None
from tensorpack.dataflow import DataFromList
from tensorpack.dataflow.adapters import *
df = DataFromList([[1]])
for use in (lambda: as_torch(df), lambda: as_jax(df), lambda: as_tf_dataset(df, None)):
    try:
        use()
    except ImportError as e:
        print(e, file=sys.stderr)
print()
"""


def test_a_framework_that_is_missing_is_named():
    lines = [line for line in run(["-c", WITHOUT])[1].splitlines() if "needs the package" in line]
    assert [line.split()[0] for line in lines] == ["as_torch", "as_jax", "as_tf_dataset"]
    assert all("pip install" in line for line in lines)


def test_no_framework_is_imported_before_it_is_needed():
    code = "import sys, tensorpack.dataflow.adapters; print(sorted({'torch', 'jax', 'tensorflow', 'keras'} & set(sys.modules)))"
    assert run(["-c", code])[0] == "[]"
