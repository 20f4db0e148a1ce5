"""What the functions and classes of the packages of `tf.contrib` around slim take.

Run by Python with TensorFlow 1.15, this file writes those of TensorFlow to `data/contrib_signatures.json`:

    python tests/tf1/contrib_signatures.py
"""
import json
import os

from layers_signatures import describe, our_module, tensorflow_module

STORED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "contrib_signatures.json")
_SLIM = "contrib.slim.python.slim."
MODULES = ["contrib." + name for name in (
    "data", "image", "losses", "metrics", "model_pruning", "model_pruning.python.pruning", "opt", "predictor",
    "quantize.python.common", "quantize.python.graph_matcher", "quantize.python.input_to_ops", "slim", "staging", "stateless",
    "training")] + [_SLIM + name for name in (
        "evaluation", "learning", "model_analyzer", "queues", "summaries", "data.data_decoder", "data.data_provider",
        "data.dataset", "data.dataset_data_provider", "data.parallel_reader", "data.prefetch_queue", "data.tfexample_decoder",
        "nets.alexnet", "nets.inception", "nets.overfeat", "nets.resnet_utils", "nets.resnet_v1", "nets.resnet_v2", "nets.vgg")]


def signatures(module, has_arg_scope):
    """{public name: [arguments, whether a scope can set them]} of what can be called and has a signature in Python."""
    found = {}
    for name in (name for name in dir(module) if not name.startswith("_")):
        try:
            found.update(describe(_Only(module, name), has_arg_scope))
        except ValueError:  # a class of C++, or an exception
            continue
    return {name: value for name, value in found.items() if value is not None}


class _Only:
    """A module with one public name."""

    def __init__(self, module, name):
        self.__all__ = [name]
        setattr(self, name, getattr(module, name))


def main():
    from tensorflow.contrib.framework import has_arg_scope

    found = {path: signatures(tensorflow_module(path), has_arg_scope) for path in MODULES}
    with open(STORED, "w") as f:
        json.dump({path: {name: each for name, each in names.items() if name in our_module(path).__all__}
                   for path, names in found.items()}, f, indent=0, sort_keys=True)


if __name__ == "__main__":
    main()
