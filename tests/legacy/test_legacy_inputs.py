"""Input sources, graph builders, Keras models, tower functions and the environment by their old spellings."""
import importlib
import inspect

import pytest

import tensorpack
from tensorpack import FakeData, PlaceholderInput, QueueInput, StagingInput, ZMQInput, tfv1
from tensorpack.tfutils.tower import TowerFunc
from tensorpack.utils import develop


def queue():
    return QueueInput(FakeData([[2]], 10))


@pytest.mark.parametrize("make, stages", [
    (lambda: StagingInput(queue(), [0, 1]), 1),
    (lambda: StagingInput(queue(), [0, 1], 3), 3),
    (lambda: StagingInput(queue(), 2), 2),
    (lambda: StagingInput(queue(), towers=[0], nr_stage=4), 4),
    (lambda: StagingInput(queue(), devices=["/gpu:0"]), 1),
    (lambda: tensorpack.StagingInputWrapper(queue(), ["/gpu:0"]), 5),
    (lambda: tensorpack.StagingInputWrapper(queue(), [0], 2), 2)])
def test_towers_of_a_staging_input(make, stages):
    source = make()
    assert type(source) is StagingInput and source._nr_stage == stages


def test_arguments_of_other_inputs(warnings):
    source = ZMQInput(endpoint="ipc://x")
    assert (source._end_point, source._hwm) == ("ipc://x", 50) and ZMQInput("ipc://x", 3)._hwm == 3
    PlaceholderInput(prefix="x").setup([tfv1.TensorSpec([], tfv1.float32, "a")])
    assert tfv1.get_default_graph().get_tensor_by_name("a:0") is not None
    assert any("placeholders have the names of the inputs" in text for text in warnings())


@pytest.mark.parametrize("module", ["train.input_data", "train.input_source", "graph_builder.input_source"])
def test_modules_that_had_the_inputs(module):
    old = importlib.import_module("tensorpack." + module)
    assert old.QueueInput is QueueInput and "QueueInput" in old.__all__


def test_bases_and_functions_of_inputs():
    from tensorpack.train.input_data import InputData

    from tensorpack.graph_builder.model_desc import build_or_reuse_placeholder

    assert InputData is tensorpack.InputSource
    spec = tfv1.TensorSpec([], tfv1.float32, "a")
    assert build_or_reuse_placeholder(spec) is build_or_reuse_placeholder(spec)
    with pytest.raises(NotImplementedError, match="QueueInput"):
        tensorpack.DataParallelFeedInput(FakeData([[2]], 10), ["tower0"])


def test_gradients_are_averaged_by_default():
    from tensorpack.graph_builder import allreduce_grads

    grads = []
    for k in range(2):
        with tfv1.device("/cpu:{}".format(k)):
            grads.append([tfv1.constant(2.0 + 2 * k)])
    mean, total = allreduce_grads(grads, mode="collective"), allreduce_grads(grads, False, mode="collective")
    with tfv1.Session(config=tfv1.ConfigProto(device_count={"CPU": 2})) as sess:
        assert sess.run([each[0] for each in mean + total]) == [3, 3, 6, 6]


def test_builders_by_their_old_arguments():
    builder = tensorpack.graph_builder.SyncMultiGPUReplicatedBuilder
    assert builder([0, 1], True, use_nccl=True).mode == "nccl" and builder([0, 1], True, use_nccl=False).mode == "cpu"
    assert tensorpack.graph_builder.override_to_local_variable is importlib.import_module(
        "tensorpack.tfutils.varreplace").override_to_local_variable


@pytest.mark.parametrize("name", ["SyncMultiGPUParameterServerBuilder", "AsyncMultiGPUBuilder"])
def test_a_builder_calls_the_function_of_the_gradients(name, warnings):
    def get_grad_fn():
        v = tfv1.get_variable("v", initializer=1.0)
        return [(tfv1.constant(2.0), v)]

    builder = getattr(tensorpack.graph_builder, name)([0])
    op = builder.build(get_grad_fn, lambda: tfv1.train.GradientDescentOptimizer(0.5))
    with tfv1.Session(config=tfv1.ConfigProto(allow_soft_placement=True)) as sess:
        sess.run(tfv1.global_variables_initializer())
        sess.run(op)
        assert sess.run("v:0" if name.startswith("Sync") else "v/read:0") == 0
    assert any(".build(get_grad_fn, get_opt_fn)" in text for text in warnings())


@pytest.mark.parametrize("name", ["KerasModel", "setup_keras_trainer"])
def test_signatures_of_keras_models(name):
    keras = importlib.import_module("tensorpack.contrib.keras")
    called = getattr(keras, name)
    assert {"input_signature", "target_signature", "get_model"} <= set(inspect.signature(called).parameters)
    with pytest.raises(TypeError, match="'inputs_desc' is the old spelling of 'input_signature'; got both"):
        called(inputs_desc=1, input_signature=2)
    with pytest.raises(TypeError, match="'targets_desc' is the old spelling of 'target_signature'; got both"):
        called(targets_desc=1, target_signature=2)


def test_the_signature_of_a_tower_function(warnings):
    spec = tfv1.TensorSpec([], tfv1.float32, "x")
    function = TowerFunc(lambda x: x, [spec])
    assert function.inputs_desc == [spec] and any("TowerFunc.inputs_desc" in text for text in warnings())
    with tensorpack.TowerContext("", is_training=False) as context:
        from tensorpack.tfutils.tower import TowerTensorHandle

        x = tfv1.placeholder(tfv1.float32, [], "x")
        assert TowerTensorHandle(context, [x], None, inputs_desc=[spec]).get_tensor("x") is x


def test_documentation_is_built_by_the_old_variable(monkeypatch):
    assert not develop.building_rtfd()
    monkeypatch.setenv("TENSORPACK_DOC_BUILDING", "1")
    assert develop.building_rtfd()


def test_a_spec_from_the_time_before_tensor_spec():
    from tensorpack.compat import backport_tensor_spec

    assert backport_tensor_spec() is tfv1.TensorSpec
