"""The names of the packages of `tf.contrib` around slim: which there are, and what they take."""
import json

import pytest
from contrib_signatures import MODULES, STORED, signatures
from layers_signatures import our_module

from tensorpack.tf1._tensorflow.contrib.framework import has_arg_scope

with open(STORED) as f:
    TENSORFLOWS = json.load(f)

# TensorFlow's own functions, which have changed since, or which C++ or a decorator describes
OWN = {"contrib.data", "contrib.staging", "contrib.stateless"}
# What TensorFlow has there is imported from elsewhere
ELSEWHERE = {"contrib.model_pruning": set(), "contrib.slim": {"scale_gradient", "spatial_softmax"}}


@pytest.mark.parametrize("path", MODULES)
def test_signatures_are_tensorflows(path):
    module, stored = our_module(path), TENSORFLOWS[path]
    ours = json.loads(json.dumps(signatures(module, has_arg_scope)))
    offered = {name for name in module.__all__ if callable(getattr(module, name))}
    assert offered <= set(dir(module))
    assert not {name for name in offered - set(stored) if name in ours} - ELSEWHERE.get(path, set())
    for name in offered & set(stored) & set(ours) - ELSEWHERE.get(path, set()):
        assert path in OWN or ours[name] == stored[name], name


@pytest.mark.parametrize("path", ["contrib.slim", "contrib.losses", "contrib.training", "contrib.opt", "contrib.quantize",
                                  "contrib.slim.nets"])
def test_a_name_that_is_not_offered_says_so_when_it_is_used(path):
    with pytest.raises(AttributeError, match="test_tf1_contrib_names.py:[0-9]+: tf.{}.no_such_name".format(path)):
        our_module(path).no_such_name  # noqa: B018


def test_slim_has_its_own_modules():
    slim = our_module("contrib.slim")
    for name in ("learning", "evaluation", "queues", "summaries", "model_analyzer"):
        assert getattr(slim, name) is our_module("contrib.slim.python.slim." + name)
    assert slim.losses is our_module("contrib.losses") and slim.metrics is our_module("contrib.metrics")
    assert slim.tfexample_decoder is our_module("contrib.slim.python.slim.data.tfexample_decoder")
    assert slim.conv2d is slim.layers.conv2d is our_module("contrib.layers").conv2d
    assert slim.nets.resnet_v2 is our_module("contrib.slim.python.slim.nets.resnet_v2")
