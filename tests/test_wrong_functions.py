"""Functions of users that the library calls: how many arguments they take is known when they are given."""
import functools

import numpy as np
import pytest

from tensorpack import (
    CallbackFactory,
    DataFromGenerator,
    DataFromList,
    EnableCallbackIf,
    HyperParamSetterWithFunc,
    MapData,
    MapDataComponent,
    ModelSaver,
    MultiProcessMapAndBatchData,
    MultiProcessMapData,
    MultiThreadMapData,
    ProcessTensors,
    RunOp,
    StatMonitorParamSetter,
    imgaug,
)
from tensorpack.models import l2_regularizer, regularize_cost
from tensorpack.tfutils.sesscreate import NewSessionCreator, SessionCreatorAdapter
from tensorpack.tfutils.varreplace import remap_variables
from tensorpack.utils._arguments.functions import check_function

DS = DataFromList([[1, 2]] * 4)


def no_argument():
    return 1


def one(x):
    return x


def two(x, y):
    return x


# who takes the function, what it says of it, a function that fits, functions that do not
TAKERS = [
    (lambda f: MapData(DS, f), "MapData: func .*the whole datapoint, one", one, [two, no_argument]),
    (lambda f: MapDataComponent(DS, f), "MapDataComponent: func .*the component, one", one, [two, no_argument]),
    (lambda f: MultiThreadMapData(DS, 1, f), "MultiThreadMapData: map_func .*the whole data", one, [two, no_argument]),
    (lambda f: MultiProcessMapData(DS, 1, f), "MultiProcessMapDataZMQ: map_func .*the whole", one, [two, no_argument]),
    (lambda f: MultiProcessMapAndBatchData(DS, 1, f, 2), "map_func .*the whole datapoint", one, [two, no_argument]),
    (lambda f: DataFromGenerator(f), "DataFromGenerator: gen .*without an argument", no_argument, [one, two]),
    (lambda f: imgaug.MapImage(f), "MapImage: func .*an array, one", one, [two, no_argument]),
    (lambda f: imgaug.MapImage(one, f), "MapImage: coord_func .*an array, one", one, [two, no_argument]),
    (lambda f: CallbackFactory(trigger=f), "CallbackFactory: trigger .*the callback, one", one, [two, no_argument]),
    (lambda f: EnableCallbackIf(ModelSaver(), f), "EnableCallbackIf: pred .*the callback, one", one, [two, no_argument]),
    (lambda f: HyperParamSetterWithFunc("x", f), r"HyperParamSetterWithFunc: func .*\(epoch_num, current value\)", two, [one]),
    (lambda f: StatMonitorParamSetter("x", "s", f, 0, 1), "value_func .*the current value, one", one, [two, no_argument]),
    (lambda f: RunOp(f), "RunOp: op .*without an argument", no_argument, [one, two]),
    (lambda f: ProcessTensors(["a", "b"], f), r"ProcessTensors: fn .*the values of \['a', 'b'\]", two, [one, no_argument]),
    (lambda f: SessionCreatorAdapter(NewSessionCreator(), f), "func .*a session, one", one, [two, no_argument]),
    (lambda f: remap_variables(f), "remap_variables: fn .*a variable, one", one, [two, no_argument]),
]


@pytest.mark.parametrize("take, words, good, bad", TAKERS, ids=[str(k) for k in range(len(TAKERS))])
def test_how_many_arguments_a_function_takes_is_told_at_once(take, words, good, bad):
    take(good)
    for function in bad + [functools.partial(two), lambda a, b, c: a] * (good is one):
        name = getattr(function, "__name__", "partial")
        with pytest.raises(TypeError, match=words + ".*; got {}\\(.*(missing|too many)".format(name)):
            take(function)


def test_weight_decay_takes_a_function_of_a_variable():
    for function in (1e-4, two):
        with pytest.raises(TypeError, match="regularize_cost: func must be a function of a variable, .*l2_regularizer"):
            regularize_cost("W", function)
    with pytest.raises(TypeError, match="l2_regularizer: x must be given"):
        l2_regularizer()


def passed_on(function):
    @functools.wraps(function)
    def wrapper(dp):
        return function(dp, 1)

    return wrapper


class Stateful:
    def __call__(self, x):
        return x

    def method(self, x):
        return x


@pytest.mark.parametrize("function", [
    passed_on(two), functools.partial(two, y=1), lambda *args: args, lambda x, y=1: x, Stateful(), Stateful().method, str,
    np.sqrt, list, functools.lru_cache()(one),
], ids=["decorated", "partial", "star", "default", "object", "method", "class", "ufunc", "list", "cache"])
def test_whatever_can_be_called_with_one_argument_is_taken(function):
    check_function("who", "func", function, "of a thing")
    assert MapData(DS, function).func is function
