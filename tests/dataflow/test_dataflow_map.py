"""Flows that change or drop single datapoints."""
import pickle

import numpy as np
import pytest

from tensorpack.dataflow import (
    AugmentImageComponent,
    AugmentImageComponents,
    AugmentImageCoordinates,
    BatchDataByShape,
    DataFromList,
    DecodeAndAugment,
    MapData,
    MapDataComponent,
    SelectComponent,
    imgaug,
)


def flow(*datapoints):
    return DataFromList(list(datapoints), shuffle=False)


def double(x):
    return x * 2


def drop_odd(x):
    return None if x % 2 else x


def test_map_data_gets_a_shallow_copy():
    original = [[1], 2]

    def clobber(dp):
        dp[1] = 3
        return dp

    df = MapData(flow(original), clobber)
    assert list(df) == [[[1], 3]]
    assert original == [[1], 2]
    assert df.func is clobber


def test_map_data_drops_none_and_keeps_the_length_hint():
    df = MapData(flow([1], [2], [3]), lambda dp: dp if dp[0] != 2 else None)
    assert [dp for dp in df] == [[1], [3]]
    assert len(df) == 3


@pytest.mark.parametrize("dp, index, expected", [
    ([1, 5], 0, [2, 5]),
    ([1, 5], 1, [1, 10]),
    ([1, 5], -1, [1, 10]),
    ((1, 5), 1, [1, 10]),
    ({"x": 1, "y": 5}, "y", {"x": 1, "y": 10}),
], ids=["list", "second", "last", "tuple becomes list", "dict"])
def test_map_component(dp, index, expected):
    before = pickle.loads(pickle.dumps(dp))
    df = MapDataComponent(flow(dp), double, index)
    assert list(df) == [expected]
    assert dp == before, "the original must not change"
    assert df.func(dp) == expected, "func maps whole datapoints"
    assert dp == before


def test_map_component_drops_none():
    df = MapDataComponent(flow([1, "a"], [2, "b"], [3, "c"]), drop_odd)
    assert [dp for dp in df] == [[2, "b"]]


class Augmented(AugmentImageComponent):
    """A class of a user."""


AN_IMAGE = np.zeros((8, 8, 3), "uint8")
PICKERS = {
    "SelectComponent: idxs": lambda df, k: SelectComponent(df, [0, k]),
    "MapDataComponent: index": lambda df, k: MapDataComponent(df, double, k),
    "AugmentImageComponent: index": lambda df, k: AugmentImageComponent(df, [imgaug.Identity()], k),
    "Augmented: index": lambda df, k: Augmented(df, [imgaug.Identity()], k),
    "AugmentImageCoordinates: the index of coordinates": lambda df, k: AugmentImageCoordinates(df, [imgaug.Identity()], 0, k),
    "AugmentImageComponents: the index of an image": lambda df, k: AugmentImageComponents(df, [imgaug.Identity()], [0, k]),
    "AugmentImageComponents: the index of a label map": lambda df, k: AugmentImageComponents(
        df, [imgaug.Identity()], [0], segmentation_index=[k]),
    "DecodeAndAugment: index": lambda df, k: DecodeAndAugment(df, [imgaug.Identity()], k),
    "BatchDataByShape: idx": lambda df, k: BatchDataByShape(df, 1, k),
}


@pytest.mark.parametrize("who", PICKERS)
@pytest.mark.parametrize("dp, index, error, what", [
    ([AN_IMAGE, 1], 2, IndexError, "got 2 for a datapoint of 2 components: list of 2"),
    ((AN_IMAGE, 1), "x", TypeError, "got 'x' for a datapoint of 2 components: .* of 2"),
    ({0: AN_IMAGE}, "x", KeyError, "got 'x' for a datapoint: dict of 1"),
], ids=["list", "tuple", "dict"])
def test_who_picks_components_names_itself_the_index_and_the_datapoint(who, dp, index, error, what):
    df = PICKERS[who](flow(dp), index)
    df.reset_state()
    with pytest.raises(error, match=who + " must name a component of the datapoint; " + what):
        list(df.__iter__())


@pytest.mark.parametrize("dp, index, error", [([1, 2], 2, IndexError), ({"x": 1}, "z", KeyError)], ids=["list", "dict"])
def test_map_component_names_a_wrong_index(dp, index, error):
    with pytest.raises(error, match="MapDataComponent: index must name a component of the datapoint; got"):
        list(MapDataComponent(flow(dp), double, index))


def test_errors_of_the_function_pass_unchanged():
    def fail(x):
        return {}[x]

    with pytest.raises(KeyError) as caught:
        list(MapDataComponent(flow([1]), fail))
    assert caught.value.args == (1,)


@pytest.mark.parametrize("dp", [["a", "b", "c"], ("a", "b", "c"), {0: "a", 2: "c"}], ids=["list", "tuple", "dict"])
def test_select_component_gives_a_list_in_the_given_order(dp):
    df = SelectComponent(flow(dp), [2, 0])
    assert isinstance(df, MapData)
    assert list(df) == [["c", "a"]]


@pytest.mark.parametrize("make", [
    lambda: SelectComponent(flow([1, 2]), [1]),
    lambda: MapDataComponent(flow([1, 2]), double),
], ids=["SelectComponent", "MapDataComponent"])
def test_no_closure_stands_in_the_way_of_pickle(make):
    assert list(pickle.loads(pickle.dumps(make()))) == list(make())


def test_repr_shows_the_function_once():
    df = MapDataComponent(flow([1]), double, 0)
    assert repr(df).count("double") == 1
    assert "index" not in repr(df), "it is the default"
    assert "index=1" in repr(MapDataComponent(flow([1]), double, 1))
    assert "[1, 0]" in repr(SelectComponent(flow([1, 2]), [1, 0]))
