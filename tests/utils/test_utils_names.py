"""One string where a list of names is needed is not taken for a list of letters."""
import pytest

from tensorpack import (
    FakeData,
    FeedInput,
    HDF5Serializer,
    PredictConfig,
    SelectComponent,
    remap_input_source,
    tfv1,
)
from tensorpack.dataflow.dataset import SVHNDigit
from tensorpack.input_source.input_source_base import get_sublist_by_names, get_tensors_inputs
from tensorpack.tfutils.common import get_tensors_by_names
from tensorpack.tfutils.tower import TowerContext, TowerFunc
from tensorpack.train.tower import TowerTrainer
from tensorpack.utils._arguments.names import list_of_names

SPEC = tfv1.TensorSpec([None, 2], tfv1.float32, "image")


def trainer_with_a_tower():
    trainer = TowerTrainer()
    trainer.tower_func = TowerFunc(lambda image: tfv1.reduce_sum(image, name="cost"), [SPEC])
    return trainer


def handle():
    function = TowerFunc(lambda image: tfv1.reduce_sum(image, name="cost"), [SPEC])
    with TowerContext("", is_training=False):
        function(tfv1.zeros([3, 2], name="zeros"))
    return function.towers[0]


def predict_config(**kwargs):
    return PredictConfig(tower_func=lambda image: image, input_signature=[SPEC], **kwargs)


@pytest.mark.parametrize("take", [
    lambda x: trainer_with_a_tower().get_predictor(x, ["cost"]),
    lambda x: trainer_with_a_tower().get_predictor(["image"], x),
    lambda x: handle().get_tensors(x), lambda x: handle().get_variables(x), get_tensors_by_names,
    lambda x: predict_config(input_names=x, output_names=["cost"]), lambda x: predict_config(output_names=x),
    lambda x: remap_input_source(FeedInput(FakeData([[1]])), x), lambda x: get_sublist_by_names([SPEC], x),
    lambda x: get_tensors_inputs([SPEC], [1], x), lambda x: HDF5Serializer.save(FakeData([[1]]), "no.h5", x),
    SVHNDigit.get_per_pixel_mean, lambda x: SelectComponent(FakeData([[1]]), x),
], ids=["get_predictor inputs", "get_predictor outputs", "get_tensors", "get_variables", "get_tensors_by_names",
        "PredictConfig inputs", "PredictConfig outputs", "remap_input_source", "get_sublist_by_names", "get_tensors_inputs",
        "HDF5Serializer", "SVHN", "SelectComponent"])
def test_a_string_is_refused_with_what_to_write(take):
    with tfv1.Graph().as_default(), pytest.raises(TypeError, match=r"must be a list of .*; write \['image'\]$"):
        take("image")


@pytest.mark.parametrize("names, words", [
    ([1], "names must hold strings; got 1"), (None, "names must be a list of names; got None"),
    (5, "names must be a list of names; got 5"),
    ([SPEC], "names must hold strings; got TensorSpec.*; pass its name"),
], ids=["number", "None", "5", "tensor"])
def test_what_holds_no_names_is_refused(names, words):
    with pytest.raises(TypeError, match="who: " + words):
        list_of_names("who", "names", names)


@pytest.mark.parametrize("names", [["a", "b"], ("a", "b"), dict(a=1, b=2).keys()])
def test_lists_of_names_are_taken(names):
    assert list_of_names("who", "names", names) == ["a", "b"]
