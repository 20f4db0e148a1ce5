"""Readers of files under random changes: read, or a documented error. `scripts/fuzz` tries more of them, for longer."""
import os
import pickle
import time

import numpy as np
import pytest
from fuzz_format import Format
from fuzz_formats import FORMATS
from fuzz_runner import DIED, HUNG, OTHER, OUTSIDE, READ, REFUSED, changed, run
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_tests import few_on

from tensorpack.utils.serialize import dumps, loads

# Hypothesis says it of NumPy's generators, which it registers itself, when they are loaded in the midst of a test.
pytestmark = pytest.mark.filterwarnings("ignore:It looks like `register_random`")
COUNT = 40  # of each format
FEW = {"log directory": 10, "checkpoint, data": 10}  # which take a second or more to read
_KEYS = st.one_of(st.integers(), st.text(), st.binary(), st.booleans(), st.none())
_ARRAYS = st.sampled_from(["u1", "i8", "f4", ">f8", "c8", "b1", "S3", "U2", "M8[s]"]).flatmap(
    lambda name: st.lists(st.integers(0, 3), max_size=3).map(lambda shape: np.zeros(shape, name)))
_PLAIN = st.recursive(
    st.one_of(_KEYS, st.floats(), st.complex_numbers(), _ARRAYS, st.sets(st.integers())),
    lambda inner: st.one_of(st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(_KEYS, inner)), max_leaves=20)
_IN_TIME = settings(max_examples=50, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize("name", few_on(1, sorted(FORMATS), 4))
def test_changed_inputs_are_read_or_refused(name):
    form = FORMATS[name]
    for module in form.needs:
        pytest.importorskip(module)
    count = FEW.get(name, COUNT)
    result = run(form, count, seed=os.environ.get("TENSORPACK_FUZZ_SEED", 0))
    assert sum(result.counts.values()) == count and result.counts[READ] + result.counts[REFUSED] > count // 2
    assert not result.counts[OTHER] and not result.counts[OUTSIDE] and not result.counts[HUNG], result.words
    assert form.native or not result.counts[DIED], result.words  # others' code in C is theirs


@_IN_TIME
@given(_PLAIN)
def test_plain_data_survive(value):
    assert repr(loads(dumps(value))) == repr(pickle.loads(dumps(value)))


@_IN_TIME
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x80\x02", b"\x80\x04", b"\x80\x05", b"\x93"]))
def test_any_bytes_are_read_or_refused(data, start):
    try:
        loads(start + data)
    except ValueError:
        pass


@_IN_TIME
@given(_PLAIN, st.integers(2, pickle.HIGHEST_PROTOCOL), st.randoms(use_true_random=False))
def test_changed_pickles_are_read_or_refused(value, protocol, rng):
    try:
        loads(changed(rng, pickle.dumps(value, protocol)))
    except ValueError:
        pass


def _dies(data, folder, rng):
    os.abort()


def _waits(data, folder, rng):
    time.sleep(1000)


def _leaves(data, folder, rng):
    open(os.path.join(folder, "..", "left"), "w").close()


def _asks(data, folder, rng):
    bytearray(3 << 30)


def _fails(data, folder, rng):
    raise KeyError("x")


@pytest.mark.parametrize("read, outcome", [
    (_dies, DIED), (_waits, HUNG), (_leaves, OUTSIDE), (_asks, OTHER), (_fails, OTHER), (lambda data, folder, rng: None, READ),
], ids=["dies", "waits", "leaves", "asks for memory", "fails", "reads"])
def test_the_harness_sees_what_goes_wrong(read, outcome, monkeypatch):
    monkeypatch.setattr("fuzz_runner.SECONDS", 3)
    form = Format(lambda folder: [b"sample"], read)
    monkeypatch.setattr(form, "prepare", form.samples)
    result = run(form, 2)
    assert result.counts[outcome] in (1, 2)
    assert result.is_well == (outcome == READ)
