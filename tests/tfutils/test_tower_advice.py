"""Habits of TensorFlow 2 in functions that build a graph: the error says what to write instead."""
import re

import numpy as np
import pytest
import tensorflow
from told import notes

from tensorpack.compat import VERSION
from tensorpack.compat import tfv1 as tf
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.models.fc import FullyConnected
from tensorpack.tfutils.tower import TowerContext, TowerFunc


def layer(x):
    return FullyConnected("fc", x, 2)


def one_variable(x):
    return x * tf.get_variable("w", [])


def doubled_if_positive(x):
    if tf.reduce_sum(x) > 0:
        x = x * 2
    return x


def sum_of_rows(x):
    return sum(row for row in x)


def by_tape(x):
    w = tf.get_variable("w", [])
    with tensorflow.GradientTape() as tape:
        y = w * x
    return tape.gradient(y, [w])


def with_changed_row(x):
    x[0] = 1
    return x


HABITS = {
    "numpy": (lambda x: x.numpy(), "tensors have no values while the graph is built"),
    "float": (lambda x: float(tf.reduce_sum(x)), "see values by tf.print"),
    "int": (lambda x: int(tf.reduce_sum(x)), "see values by tf.print"),
    "function of numpy": (lambda x: np.log(x), r"tf\.log\(x\) for np\.log\(x\)"),
    "if": (doubled_if_positive, r"write tf\.cond or tf\.where"),
    "for": (sum_of_rows, r"write tf\.unstack\(x\)"),
    "tape": (by_tape, r"write tf\.gradients\(y, xs\)"),
    "item": (with_changed_row, "tensors do not change"),
    "function with a layer": (lambda x: tensorflow.function(layer)(x), r"leave out tf\.function"),
    "function with a variable": (lambda x: tensorflow.function(one_variable)(x), r"leave out tf\.function"),
}


@pytest.mark.parametrize("name", HABITS)
def test_the_error_of_a_habit_says_what_to_write(name, log_records):
    build, words = HABITS[name]
    build.__qualname__ = "Model.build_graph"
    with TowerContext("", is_training=True), pytest.raises(Exception) as e:
        TowerFunc(build, [tf.TensorSpec([3, 2], tf.float32, "x")])(tf.ones([3, 2]))
    (note,) = notes(e.value, log_records)
    assert note.startswith("Model.build_graph: ")
    assert re.search(words, note), note


def test_a_layer_in_a_function_is_told_from_two_layers_of_one_name():
    with TowerContext("", is_training=True), pytest.raises(ValueError, match="'fc': a layer must be made in the graph that is "
                                                                             "trained; got a tf.function"):
        tensorflow.function(layer)(tf.ones([3, 2]))
    with TowerContext("other", is_training=False), pytest.raises(ValueError, match="each layer must have a name of its own"):
        layer(layer(tf.ones([3, 2])))


def test_a_function_without_variables_and_errors_of_other_kinds_are_let_be(log_records):
    def fail(x):
        raise ValueError("own words")

    signature = [tf.TensorSpec([3, 2], tf.float32, "x")]
    with TowerContext("", is_training=True):
        y = TowerFunc(lambda x: tensorflow.function(lambda x: 2 * x)(x), signature)(tf.ones([3, 2]))
        with pytest.raises(ValueError, match="^own words$") as e:
            TowerFunc(fail, signature)(tf.ones([3, 2]))
    assert notes(e.value, log_records) == []
    with tf.Session() as sess:
        assert sess.run(y).tolist() == [[2, 2]] * 3


@pytest.mark.skipif(VERSION < (2, 0), reason="there `tf` has the names of TensorFlow 1")
def test_an_optimizer_of_another_module_is_told_where_the_names_are(log_records):
    class Model(ModelDesc):
        def optimizer(self):
            return tensorflow.train.AdamOptimizer(0.1)

    with pytest.raises(AttributeError, match="AdamOptimizer") as e:
        Model().get_optimizer()
    (note,) = notes(e.value, log_records)
    assert note.endswith("Model.optimizer(): write `from tensorpack import *; tf = tfv1`: that module has the names of "
                         "TensorFlow 1")


def test_a_schedule_of_keras_is_no_rate():
    class Model(ModelDesc):
        def optimizer(self):
            return tf.train.AdamOptimizer(tensorflow.keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))

    with pytest.raises(TypeError, match=r"the arguments of AdamOptimizer must be numbers or tensors; got ExponentialDecay of "
                                        r"Keras for learning_rate; write tf\.train\.exponential_decay\("):
        Model().get_optimizer()


def test_a_rate_may_be_a_function():
    class Model(ModelDesc):
        def optimizer(self):
            return tf.train.AdamOptimizer(lambda: 0.1)

    assert isinstance(Model().get_optimizer(), tf.train.AdamOptimizer)


def _classified(image, label):
    logits = FullyConnected("fc", image, 3)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label))


@pytest.mark.parametrize("shapes, is_told", [([[8, 8], []], True), ([[8, 8], [None, 1]], False)], ids=["sample", "batch"])
def test_a_signature_of_one_sample_is_told_where_an_operation_wants_a_batch(log_records, shapes, is_told):
    signature = [tf.TensorSpec(shapes[0], tf.float32, "image"), tf.TensorSpec(shapes[1], tf.int32, "label")]
    with TowerContext("", is_training=True), pytest.raises(ValueError, match="[Rr]ank") as e:
        TowerFunc(_classified, signature)(*[tf.placeholder(spec.dtype, spec.shape) for spec in signature])
    told = notes(e.value, log_records)
    assert len(told) == is_told
    assert all(re.search(r"_classified: the signature says that 'label' is a scalar; inputs are batches, with an axis for the "
                         r"samples before the others, as in tf\.TensorSpec\(\(None,\), tf\.int32, 'label'\)", note)
               for note in told)
