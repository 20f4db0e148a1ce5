"""Names and signatures of `nn.rnn_cell` and of the smaller packages of `tf.contrib`, and what they say about bad input."""
import importlib
import inspect
import os
import subprocess
import sys

import numpy as np
import pytest

from tensorpack.compat import VERSION
from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow import nn
from tensorpack.tf1._tensorflow.contrib import (
    crf,
    cudnn_rnn,
    distributions,
    eager,
    legacy_seq2seq,
    lookup,
    rnn,
    seq2seq,
    signal,
    util,
)
from tensorpack.tf1._tensorflow.contrib.rnn import core_rnn_cell, core_rnn_cell_impl
from tensorpack.tf1._tensorflow.contrib.util import loader

PACKAGES = {"rnn": rnn, "seq2seq": seq2seq, "crf": crf, "cudnn_rnn": cudnn_rnn, "distributions": distributions,
            "eager": eager, "legacy_seq2seq": legacy_seq2seq, "lookup": lookup, "signal": signal, "util": util}
is_version_1 = pytest.mark.skipif(VERSION >= (2, 0), reason="needs TensorFlow 1.15's own names")

# What programs will be told is not provided
ABSENT = {
    "rnn": "BidirectionalGridLSTMCell CompiledWrapper GridLSTMCell TimeFreqLSTMCell",
    "seq2seq": "",
    "legacy_seq2seq": "embedding_rnn_seq2seq embedding_tied_rnn_seq2seq model_with_buckets one2many_rnn_seq2seq",
    "crf": "",
    "signal": "",
    "lookup": "",
    "util": "",
    "cudnn_rnn": "CudnnGRU CudnnGRUSaveable CudnnLSTM CudnnLSTMSaveable CudnnParamsFormatConverterGRU "
                 "CudnnParamsFormatConverterLSTM CudnnParamsFormatConverterRelu CudnnParamsFormatConverterTanh CudnnRNNRelu "
                 "CudnnRNNReluSaveable CudnnRNNTanh CudnnRNNTanhSaveable",
}


def tensorflow_package(name):
    return getattr(importlib.import_module("tensorflow.contrib"), name) if name not in ("crf", "cudnn_rnn") \
        else importlib.import_module("tensorflow.contrib." + name)  # not loaded before it is asked for


def names_of(module):
    """Without the modules in it."""
    return {name for name in module.__all__ if not inspect.ismodule(getattr(module, name))}


def public_names(module):
    return {name for name in dir(module) if not name.startswith("_") and not inspect.ismodule(getattr(module, name))}


@is_version_1
@pytest.mark.parametrize("package", sorted(ABSENT))
def test_a_package_has_all_names_but_those_that_are_known_to_be_absent(package):
    theirs = public_names(tensorflow_package(package))
    assert theirs - set(PACKAGES[package].__all__) == set(ABSENT[package].split())


@is_version_1
def test_packages_have_no_names_of_their_own():
    for package, ours in PACKAGES.items():
        assert names_of(ours) <= set(dir(tensorflow_package(package))), package
    assert set(nn.rnn_cell.__all__) == public_names(tf.nn.rnn_cell)


def parameters(function):
    signature = inspect.signature(function)
    if inspect.isclass(function) and set(signature.parameters) == {"args", "kwargs"}:  # wrappers: see the class above
        signature = inspect.signature(function.__mro__[1].__init__)
    return [(name, default_of(parameter)) for name, parameter in signature.parameters.items()
            if name != "self" and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.POSITIONAL_ONLY)]


def default_of(parameter):
    default = parameter.default
    return getattr(default, "__name__", default) if not isinstance(default, float) else round(default, 9)


@is_version_1
@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_signatures_are_those_of_tensorflow_1(package):
    theirs = tensorflow_package(package)
    for name in sorted(names_of(PACKAGES[package])):
        ours = getattr(PACKAGES[package], name)
        if callable(ours) and name != "LSTMStateTuple":
            assert parameters(ours) == parameters(getattr(theirs, name)), name


def test_nn_has_the_names_of_tensorflow_and_the_cells():
    assert nn.relu is tf.nn.relu
    assert nn.dynamic_rnn is tf.nn.dynamic_rnn
    assert nn.rnn_cell.LSTMCell is rnn.LSTMCell is core_rnn_cell.LSTMCell
    assert {"relu", "rnn_cell", "raw_rnn"} <= set(dir(nn))


def test_linear_maps_by_their_private_names():
    x = tf.ones([2, 3])
    for module in (core_rnn_cell, core_rnn_cell_impl):
        with tf.variable_scope(module.__name__.rpartition(".")[2]):
            assert module._linear([x, x], 4, True).shape.as_list() == [2, 4]
            with tf.variable_scope("inner"):
                assert module._Linear(x, 4, False)(x).shape.as_list() == [2, 4]
    assert [v.op.name for v in tf.global_variables()] == [
        "{}/{}".format(scope, name) for scope in ("core_rnn_cell", "core_rnn_cell_impl")
        for name in ("kernel", "bias", "inner/kernel")]


def test_random_values_have_the_moments_of_their_distribution():
    d = distributions
    makers = {
        "logistic": d.Logistic(1.0, 0.5), "half normal": d.HalfNormal(2.0), "poisson": d.Poisson(3.0),
        "geometric": d.Geometric(probs=0.4), "multivariate": d.MultivariateNormalDiag([1.0, -1.0], [0.5, 2.0]),
    }
    with tf.Session() as sess:
        for name, one in makers.items():
            values, mean, deviation = sess.run([one.sample(20000, seed=3), one.mean(), one.stddev()])
            np.testing.assert_allclose(values.mean(0), mean, atol=0.06, err_msg=name)
            np.testing.assert_allclose(values.std(0), deviation, rtol=0.05, err_msg=name)
        one_hot = d.OneHotCategorical([0.0, 1.0, -1.0], dtype=tf.float32)
        values, expected = sess.run([one_hot.sample(20000, seed=3), one_hot.probs])
        assert set(values.sum(1)) == {1.0}
        np.testing.assert_allclose(values.mean(0), expected, atol=0.02)
        for relaxed, choice in ((d.RelaxedOneHotCategorical(0.5, logits=[0.0, 1.0, -1.0]), np.argmax),
                                (d.RelaxedBernoulli(0.5, logits=1.0), None)):
            values, expected = sess.run([relaxed.sample(20000, seed=3), relaxed.probs])
            assert values.min() >= 0 and values.max() <= 1
            shares = (values > 0.5).mean() if choice is None else np.bincount(choice(values, 1), minlength=3) / len(values)
            np.testing.assert_allclose(shares, expected, atol=0.02)


def test_a_copy_of_a_distribution_has_its_arguments():
    copy = distributions.Logistic(1.0, 0.5, name="mine").copy(scale=2.0)
    with tf.Session() as sess:
        assert sess.run([copy.loc, copy.scale]) == [1.0, 2.0]


def test_sampling_helpers_feed_what_they_draw():
    table = np.eye(5, dtype="float32")
    helper = seq2seq.SampleEmbeddingHelper(table, start_tokens=[0, 1], end_token=4, softmax_temperature=1e-3, seed=1)
    logits = tf.constant([[0.0, 0, 9, 0, 0], [0, 0, 0, 0, 9]])
    ids = helper.sample(time=0, outputs=logits, state=())
    finished, inputs, _ = helper.next_inputs(time=0, outputs=logits, state=(), sample_ids=ids)
    with tf.Session() as sess:
        ids, finished, inputs = sess.run([ids, finished, inputs])
    assert ids.tolist() == [2, 4] and finished.tolist() == [False, True]
    np.testing.assert_array_equal(inputs, table[[2, 4]])


def test_scheduled_words_are_drawn_as_often_as_asked():
    helper = seq2seq.ScheduledEmbeddingTrainingHelper(
        tf.zeros([2000, 3, 2]), tf.fill([2000], 3), tf.zeros([5, 2]), 0.25, seed=1, scheduling_seed=2)
    ids = helper.sample(time=0, outputs=tf.zeros([2000, 5]), state=())
    with tf.Session() as sess:
        ids = sess.run(ids)
    assert 0.2 < (ids >= 0).mean() < 0.3
    assert set(ids) == {-1, 0, 1, 2, 3, 4}


def test_viterbi_decodes_arrays():
    rng = np.random.RandomState(2)
    scores, transitions = rng.normal(size=(4, 3)).astype("float32"), rng.normal(size=(3, 3)).astype("float32")
    paths = [(sum(scores[t, tag] for t, tag in enumerate(path))
              + sum(transitions[a, b] for a, b in zip(path, path[1:])), path) for path in np.ndindex(3, 3, 3, 3)]
    best, path = max(paths)
    tags, score = crf.viterbi_decode(scores, transitions)
    assert tuple(tags) == path
    assert score == pytest.approx(best, rel=1e-5)


def test_tables_of_a_shared_name_are_one_table():
    first = lookup.HashTable(lookup.KeyValueTensorInitializer(["a"], [1]), -1, shared_name="words")
    second = lookup.HashTable(lookup.KeyValueTensorInitializer(["b"], [2]), -1, shared_name="words")
    with tf.Session() as sess:
        first.init.run()
        assert sess.run(second.lookup(tf.constant(["a", "b"]))).tolist() == [1, -1]


def test_vocabularies_of_files(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("a\nb\nc\n")
    ids = lookup.string_to_index_table_from_file(str(path), default_value=7).lookup(tf.constant(["c", "x"]))
    words = lookup.index_to_string_table_from_file(str(path)).lookup(tf.constant([1, 9], tf.int64))
    with tf.Session() as sess:
        sess.run(tf.tables_initializer())
        assert sess.run(ids).tolist() == [2, 7]
        assert sess.run(words).tolist() == [b"b", b"UNK"]


EAGER = """
import tensorpack.compat
from tensorpack.tf1._tensorflow.contrib import eager as tfe
{first}
try:
    tfe.enable_eager_execution()
except ValueError as e:
    print(e)
else:
    x = tfe.Variable(3.0)
    print(tfe.executing_eagerly(), float(tfe.gradients_function(lambda y: y * y)(x)[0]))
"""


@pytest.mark.parametrize("first, expected", [
    ("", "True 6.0"),
    ("tensorpack.compat.tfv1.constant(1)", "enable_eager_execution: it must be called before"),
], ids=["at the start", "too late"])
def test_eager_execution_begins_at_the_start_of_a_program_or_not_at_all(first, expected):
    # without Keras 3, whose import is half of TensorFlow's
    result = subprocess.run([sys.executable, "-c", EAGER.format(first=first)], stdout=subprocess.PIPE, timeout=120, check=True,
                            env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", TF_USE_LEGACY_KERAS="1"))
    assert result.stdout.decode().strip().startswith(expected)


def attention_of(depth=None, **kwargs):
    memory = tf.placeholder(tf.float32, [2, 3, depth])
    return seq2seq.AttentionWrapper(rnn.GRUCell(4), seq2seq.LuongAttention(4, memory), **kwargs)


def gru_step(cell, *shape):
    return cell(tf.zeros(shape), cell.zero_state(shape[0], tf.float32))


def decoder(layer=None, helper=None):
    return seq2seq.BasicDecoder(rnn.GRUCell(3), helper or seq2seq.GreedyEmbeddingHelper(tf.zeros([3, 3]), [0], 1),
                                tf.zeros([1, 3]), layer)


def losses_of_three_axes():
    return seq2seq.sequence_loss(tf.zeros([2, 3]), tf.zeros([2, 3], tf.int32), tf.ones([2, 3]))


BAD = {
    "initial state without sizes": (lambda: rnn.GRUCell(3).get_initial_state(), ValueError, "batch_size and dtype must be"),
    "initial state of another batch": (lambda: rnn.GRUCell(3).get_initial_state(tf.zeros([2, 3]), 5), ValueError,
                                       "batch_size must be that of the inputs, 2; got 5"),
    "initial state of another dtype": (lambda: rnn.GRUCell(3).get_initial_state(tf.zeros([2, 3]), dtype=tf.float64),
                                       ValueError, "dtype must be that of the inputs"),
    "unknown depth": (lambda: rnn.UGRNNCell(3)(tf.placeholder(tf.float32, [2, None]), tf.zeros([2, 3])), ValueError,
                      "UGRNNCell: inputs must have the shape \\[batch, depth\\]"),
    "units of a block cell": (lambda: rnn.GRUBlockCell(), ValueError, "one of num_units and cell_size"),
    "no cell": (lambda: rnn.InputProjectionWrapper(3, 4), TypeError, "cell must be a recurrent cell"),
    "no units": (lambda: rnn.NASCell(0), ValueError, "num_units must be"),
    "groups": (lambda: rnn.GLSTMCell(5, number_of_groups=2), ValueError, "divisible by number_of_groups=2; got 5"),
    "image of another rank": (lambda: rnn.Conv2DLSTMCell(input_shape=[3, 3], output_channels=1, kernel_shape=[3, 3]),
                              ValueError, "input_shape must be conv_ndims"),
    "intersection": (lambda: gru_step(rnn.IntersectionRNNCell(3), 2, 4), ValueError, "or give num_in_proj=3"),
    "attention length": (lambda: rnn.AttentionCellWrapper(rnn.GRUCell(3), 0), ValueError, "attn_length must be positive"),
    "state of another form": (lambda: rnn.AttentionCellWrapper(rnn.LSTMCell(3), 2, state_is_tuple=False), ValueError,
                              "state_is_tuple=False, too"),
    "embedding size": (lambda: rnn.EmbeddingWrapper(rnn.GRUCell(3), 0, 2), ValueError, "must be positive"),
    "fused without dtype": (lambda: rnn.LSTMBlockFusedCell(3)(tf.zeros([2, 2, 2])), ValueError, "dtype must be given"),
    "fused of a matrix": (lambda: rnn.LSTMBlockFusedCell(3)(tf.zeros([2, 2])), ValueError, "\\[time, batch, depth\\]"),
    "lists of cells": (lambda: rnn.stack_bidirectional_dynamic_rnn([], [], tf.zeros([1, 2, 3])), ValueError,
                       "cells_fw must be a list"),
    "different lists": (lambda: rnn.stack_bidirectional_dynamic_rnn([rnn.GRUCell(2)], [rnn.GRUCell(2)] * 2,
                                                                    tf.zeros([1, 2, 3])), ValueError, "same number of layers"),
    "memory of unknown depth": (attention_of, ValueError, "memory must have the shape"),
    "no mechanism": (lambda: seq2seq.AttentionWrapper(rnn.GRUCell(4), rnn.GRUCell(4)), TypeError, "AttentionMechanism"),
    "layers and sizes": (lambda: attention_of(4, attention_layer_size=2, attention_layer=3), ValueError, "only one of"),
    "too many sizes": (lambda: attention_of(4, attention_layer_size=[2, 3]), ValueError, "for each of 1 mechanisms"),
    "state of the cell": (lambda: attention_of(4)(tf.zeros([2, 3]), tf.zeros([2, 4])), TypeError, "AttentionWrapperState"),
    "size of queries": (lambda: seq2seq.LuongAttention(5, tf.zeros([2, 3, 4]))(tf.zeros([2, 4]), None), ValueError,
                        "set num_units=4"),
    "monotonic mode": (lambda: seq2seq.monotonic_attention([[0.5]], [[1.0]], "soft"), ValueError, "mode must be"),
    "no layer": (lambda: decoder(layer=lambda x: x), TypeError, "output_layer must be a layer"),
    "no helper": (lambda: decoder(helper=3), TypeError, "helper must be a Helper"),
    "no decoder": (lambda: seq2seq.dynamic_decode(rnn.GRUCell(3)), TypeError, "decoder must be a Decoder"),
    "number of steps": (lambda: seq2seq.dynamic_decode(decoder(), maximum_iterations=[3]), ValueError, "must be a scalar"),
    "start tokens": (lambda: seq2seq.GreedyEmbeddingHelper(tf.zeros([3, 3]), 0, 1), ValueError,
                     "start_tokens must be a vector"),
    "end token": (lambda: seq2seq.GreedyEmbeddingHelper(tf.zeros([3, 3]), [0], [1]), ValueError, "end_token must be a scalar"),
    "lengths": (lambda: seq2seq.TrainingHelper(tf.zeros([2, 3, 1]), 3), ValueError, "sequence_length must be a vector"),
    "probability": (lambda: seq2seq.ScheduledOutputTrainingHelper(tf.zeros([2, 3, 1]), [3, 3], [[0.5]]), ValueError,
                    "sampling_probability must be a scalar or a vector"),
    "untiled state": (lambda: seq2seq.BeamSearchDecoder(rnn.GRUCell(3), tf.zeros([3, 3]), [0, 0], 1, tf.zeros([2, 3]), 4),
                      ValueError, "use tile_batch"),
    "coverage": (lambda: seq2seq.BeamSearchDecoder(rnn.GRUCell(3), tf.zeros([3, 3]), [0], 1, tf.zeros([4, 3]), 4,
                                                   coverage_penalty_weight=0.1).initialize(), ValueError, "AttentionWrapper"),
    "steps of losses": (lambda: legacy_seq2seq.sequence_loss([tf.zeros([2, 3])], [], []), ValueError, "of one length"),
    "loss": (losses_of_three_axes, ValueError, "logits must have 3 axes"),
    "tile": (lambda: seq2seq.tile_batch(tf.constant(3), 2), ValueError, "rank of at least 1"),
    "vocabulary": (lambda: lookup.index_table_from_tensor(None), ValueError, "mapping must be a vector of words"),
    "vocabulary of numbers": (lambda: lookup.string_to_index_table_from_tensor([1, 2]), ValueError, "must be of words"),
    "rates": (lambda: distributions.Poisson(1.0, log_rate=1.0), ValueError, "one of rate and log_rate"),
    "probabilities": (lambda: distributions.OneHotCategorical(), ValueError, "one of logits and probs"),
    "vectors": (lambda: distributions.MultivariateNormalDiag(), ValueError, "loc or scale_diag"),
    "no library": (lambda: loader.load_op_library("/nonexistent/x.so"), tf.errors.NotFoundError, "x.so"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told(name):
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
