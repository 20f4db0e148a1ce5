"""`InputDesc` and the hooks and methods of models."""
import pickle

import numpy as np
import pytest

from tensorpack import InputDesc, InputVar, ModelDesc, OfflinePredictor, PredictConfig, TowerContext, gradproc, tfv1
from tensorpack.tfutils.tower import TowerFunc


def test_an_input_desc_is_a_tensor_spec_and_a_triple():
    desc = InputDesc(tfv1.float32, [None, 3], "image")
    assert isinstance(desc, tfv1.TensorSpec) and desc == tfv1.TensorSpec([None, 3], tfv1.float32, "image")
    assert (desc.type, desc.dtype, desc.name) == (tfv1.float32, tfv1.float32, "image")
    kind, shape, name = desc
    assert (kind, name) == (tfv1.float32, "image") and shape.as_list() == [None, 3]
    assert len([None] + list(desc.shape)) == 3 and str(desc.shape[0]) in ("None", "?")
    again = desc._replace(name="other")
    assert isinstance(again, InputDesc) and again.name == "other" and again.shape.as_list() == [None, 3]
    for copy in (pickle.loads(pickle.dumps(desc)), InputDesc.loads(desc.dumps())):
        assert isinstance(copy, InputDesc) and copy == desc
    assert TowerFunc(lambda image: image, [desc]).input_signature == [desc]


@pytest.mark.parametrize("kind", [np.float32, "float32", tfv1.float32, np.dtype("float32"), tfv1.as_dtype("float32")._as_ref])
def test_types_of_an_input(kind):
    assert InputDesc(kind, (), "x").type == tfv1.float32 and InputVar(kind, [], "x").shape.ndims == 0


def test_an_input_with_a_bad_name_or_a_sparse_one_is_refused():
    for name in ("x:0", "a/x", "a x"):
        with pytest.raises(ValueError, match="without ':', '/' and blanks"):
            InputDesc(tfv1.float32, [], name)
    with pytest.raises(NotImplementedError, match="instead: three inputs"):
        InputDesc(tfv1.float32, [3], "x", sparse=True)


def test_placeholders_of_an_input():
    desc = InputDesc(tfv1.int32, (None,), "x")
    with tfv1.name_scope("outer"):
        placeholder = desc.build_placeholder()
        assert placeholder.name == "x:0" and desc.build_placeholder_reuse() is placeholder
        assert desc.build_placeholder("pre-").name == "pre-x:0" and desc.build_placeholder().name == "x_1:0"
    assert InputDesc.from_placeholder(placeholder) == desc and InputDesc._from_placeholder(placeholder).type == tfv1.int32


class Old(ModelDesc):
    def _get_inputs(self):
        return [InputDesc(tfv1.float32, [None], "x"), InputDesc(tfv1.float32, [None], "y")]

    def _build_graph(self, inputs):
        assert isinstance(inputs, list)
        x, y = inputs
        self.out = tfv1.identity(x + y, "out")
        v = tfv1.get_variable("v", initializer=2.0)
        self.cost = tfv1.reduce_sum(self.out * v, name="cost")

    def _get_optimizer(self):
        return tfv1.train.GradientDescentOptimizer(1.0)


def test_the_methods_that_were_called_on_a_model():
    model = Old()
    assert [desc.type for desc in model.get_inputs_desc()] == [tfv1.float32] * 2
    assert [desc.name for desc in model.get_input_vars_desc()] == model.input_names == ["x", "y"]
    placeholders = model.get_reused_placehdrs()
    assert [p.name for p in placeholders] == ["x:0", "y:0"]
    for method in (model.get_input_vars, model.get_reuse_placehdrs, model.reuse_input_vars, model.get_placeholders):
        assert method() == placeholders
    assert [p.name for p in model.build_placeholders("p-")] == ["p-x:0", "p-y:0"]
    with TowerContext("", is_training=True):
        assert model.build_graph(placeholders) is None and model.get_cost() is model.cost
    (grad, variable), = model.get_cost_and_grad()[1]
    assert variable.op.name == "v" and grad.shape.ndims == 0


def test_the_graph_is_built_of_tensors_a_list_or_an_input_source():
    from tensorpack import PlaceholderInput

    for call in (lambda model, tensors: model.build_graph(*tensors), lambda model, tensors: model.build_graph(tensors),
                 lambda model, tensors: model.build_graph(tuple(tensors))):
        with tfv1.Graph().as_default(), TowerContext("", is_training=True):
            model = Old()
            call(model, model.get_input_vars())
            assert model.out.op.inputs[0].op.type.startswith("Add")
    with tfv1.Graph().as_default():
        source = PlaceholderInput()
        source.setup(Old().get_input_signature())
        with TowerContext("", is_training=True):
            Old().build_graph(source)


def test_the_cost_and_gradients_of_custom_trainers():
    with tfv1.Graph().as_default(), TowerContext("", is_training=True):
        model = Old()
        assert model._build_graph_get_cost(*model.get_input_vars()) is model.cost
    with tfv1.Graph().as_default(), TowerContext("", is_training=True):
        model = Old()
        (_, variable), = model._build_graph_get_grads(*model.get_input_vars())
        assert variable.op.name == "v"


def test_a_regulariser_is_added_to_the_cost_that_is_left_in_the_model(warnings):
    class Regularised(Old):
        def _build_graph(self, inputs):
            super()._build_graph(inputs)
            tfv1.add_to_collection(tfv1.GraphKeys.REGULARIZATION_LOSSES, tfv1.constant(3.0))

    with TowerContext("", is_training=True):
        model = Regularised()
        model.build_graph(*model.get_input_vars())
        cost = model.get_cost()
    assert cost.name == "cost_with_regularizer:0"
    with tfv1.Session() as sess:
        sess.run(tfv1.global_variables_initializer())
        assert sess.run(cost, {"x:0": [1.0], "y:0": [1.0]}) == 7
    assert sum("REGULARIZATION_LOSSES" in text for text in warnings()) == 1


def test_a_cost_of_its_own(log_dir):
    class Own(Old):
        def _get_cost(self):
            return self.cost * 2

    with TowerContext("", is_training=True):
        model = Own()
        model.build_graph(*model.get_input_vars())
        assert model.get_cost() is not model.cost


def test_inference_needs_no_cost():
    class Bare(ModelDesc):
        def _get_inputs(self):
            return [InputDesc(tfv1.float32, [None], "x")]

        def _build_graph(self, inputs):
            tfv1.identity(inputs[0] * 2, "out")

    with OfflinePredictor(PredictConfig(model=Bare(), output_names=["out"])) as predictor:
        assert predictor(np.ones(2, "float32"))[0].tolist() == [2, 2]


def test_one_parameter_for_several_inputs_gets_a_list(warnings):
    class Mine(Old):
        def build_graph(self, inputs):
            self._build_graph(inputs)
            return self.cost

    with TowerContext("", is_training=True):
        model = Mine()
        assert model.build_graph(*model.get_input_vars()) is model.cost
    assert any(text.startswith("build_graph(self, inputs) of a model with several inputs") for text in warnings())


@pytest.mark.parametrize("fail, error", [
    (lambda image: tfv1.reduce_mean(image.shape), AttributeError), (lambda image: image * 2.0, TypeError),
    (lambda image: {}[image[0].op.name], KeyError), (lambda image: tfv1.stack(image) + tfv1.ones([3, 7]), ValueError)],
    ids=["attribute", "type", "key", "value"])
def test_when_the_list_was_not_meant_the_error_says_how_many_inputs_there_are(fail, error):
    class Forgot(ModelDesc):
        def inputs(self):
            return [tfv1.TensorSpec([2], tfv1.float32, "image"), tfv1.TensorSpec([2], tfv1.float32, "label")]

        def build_graph(self, image):
            return fail(image)

    model = Forgot()
    with TowerContext("", is_training=True), pytest.raises(error) as info:
        model.build_graph(*model.get_input_vars())
    assert "the model has 2 inputs ['image', 'label'], and Forgot.build_graph(self, image) takes 1" in str(info.value)
    assert "write build_graph(self, image, label)" in str(info.value)


def test_an_error_with_other_arguments_stays_as_it_is_and_the_log_says_it(log_records):
    class Raises(ModelDesc):
        def inputs(self):
            return [tfv1.TensorSpec([2], tfv1.float32, "image"), tfv1.TensorSpec([2], tfv1.float32, "label")]

        def build_graph(self, image):
            raise OSError(3, "no such thing")

    model = Raises()
    with TowerContext("", is_training=True), pytest.raises(OSError) as info:
        model.build_graph(*model.get_input_vars())
    assert info.value.args == (3, "no such thing")
    assert any("the model has 2 inputs" in record.getMessage() for record in log_records)


def test_gradient_processors_of_the_model():
    class Processed(Old):
        def get_gradient_processor(self):
            return [gradproc.MapGradient(lambda grad: grad * 10)]

    class Today(Old):
        def optimizer(self):
            return tfv1.train.GradientDescentOptimizer(1.0)

        def _get_gradient_processor(self):
            return [gradproc.ScaleGradient(("v", 10), verbose=False)]

    for cls in (Processed, Today):
        with tfv1.Graph().as_default():
            model = cls()
            v = tfv1.get_variable("v", initializer=0.0)
            assert model.get_optimizer() is model.get_optimizer()
            step = model.get_optimizer().apply_gradients([(tfv1.constant(1.0), v)])
            with tfv1.Session() as sess:
                sess.run(tfv1.global_variables_initializer())
                sess.run(step)
                assert sess.run(v) == -10


def test_the_model_of_a_meta_graph_is_refused():
    from tensorpack import ModelFromMetaGraph

    with pytest.raises(NotImplementedError, match="import_meta_graph"):
        ModelFromMetaGraph("graph.meta")


@pytest.mark.parametrize("module", ["tensorpack.models.model_desc", "tensorpack.graph_builder.model_desc",
                                    "tensorpack.graph_builder", "tensorpack.models", "tensorpack.train.model_desc"])
def test_where_it_lived(module):
    import importlib

    assert importlib.import_module(module).InputDesc is InputDesc and importlib.import_module(module).ModelDesc is ModelDesc
