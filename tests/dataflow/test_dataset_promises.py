"""What all downloaded datasets promise as flows, checked on the small ones of `dataset_samples`."""
import inspect
import pickle

import numpy as np
import pytest
from dataset_samples import MAKERS, write_all

from tensorpack.dataflow import DataFlow, dataset
from tensorpack.utils import fix_rng_seed

TESTED_ELSEWHERE = {"Digits", "FashionMnist", "Mnist", "RNGDataFlow"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    directory = tmp_path_factory.mktemp("datasets")
    write_all(directory)
    return str(directory)


@pytest.fixture(params=sorted(MAKERS))
def make(request, root):
    return lambda: MAKERS[request.param](root)


def one_pass(df):
    return [tuple(c.tobytes() if isinstance(c, np.ndarray) else c for c in dp) for dp in df]


def test_every_dataset_is_here():
    values = {name: getattr(dataset, name) for name in dataset.__all__}
    flows = {name for name, value in values.items() if inspect.isclass(value) and issubclass(value, DataFlow)}
    assert flows - TESTED_ELSEWHERE == set(MAKERS)


def test_each_pass_has_every_datapoint_once(make):
    df = make()
    df.reset_state()
    first, second = one_pass(df), one_pass(df)
    assert sorted(first) == sorted(second) and len(first) == len(df) > 1


def test_shuffling_needs_a_reset_and_follows_the_seed(make):
    df = make()
    with pytest.raises(RuntimeError, match="reset_state"):
        next(iter(df))
    orders = []
    for _ in range(2):
        fix_rng_seed(3)
        df.reset_state()
        orders.append([one_pass(df), one_pass(df)])
    assert orders[0] == orders[1]


def test_a_pickled_copy_holds_the_same(make):
    df = make()
    df.shuffle = False
    assert one_pass(pickle.loads(pickle.dumps(df))) == one_pass(df)


def test_its_representation_names_the_part(make):
    df = make()
    assert repr(df).startswith(type(df).__name__ + "(") and "'train'" in repr(df)


def test_changing_a_datapoint_does_not_change_the_dataset(make):
    df = make()
    df.shuffle = False
    before = one_pass(df)
    for dp in df:
        for component in dp:
            if isinstance(component, np.ndarray):
                component[...] = 1
    assert one_pass(df) == before
