"""Layers under scopes and argscopes, in training and inference."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Dict, List

import numpy as np

from .encoding import attempt, encode
from .graphs import collections_of, set_weights, values_of, variables_of

_ACTIVATIONS = ["BNReLU", "tanh", "relu", "identity"]


def generate(rng: Any) -> Dict[str, Any]:
    return {
        "training": rng.random() < 0.6,
        "channels": rng.choice([1, 2, 4]),
        "edge": rng.choice([4, 6, 8]),
        "data_format": rng.choice([None, None, None, "NHWC", "channels_last"]),
        "scopes": rng.choice([[], [], ["one"], ["one", "two"]]),
        "argscopes": [_argscope(rng) for _ in range(rng.choice([0, 0, 1, 2]))],
        "layers": [_layer(rng) for _ in range(rng.choice([1, 2, 2, 3, 4]))],
        "linear": rng.random() < 0.3,
        "again": rng.random() < 0.15,
        "regularize": rng.choice([None, None, ".*/W", "fc.*/W", ".*"]),
        "moving": rng.random() < 0.3,
        "tower": rng.choice(["", "", "", "tower0", "tower1"]),
    }


def _argscope(rng: Any) -> Dict[str, Any]:
    layer = rng.choice(["Conv2D", "FullyConnected", "BatchNorm", "MaxPooling"])
    options = {
        "Conv2D": [
            {"kernel_size": 3},
            {"kernel_shape": 3},
            {"activation": "tanh"},
            {"nl": "BNReLU"},
            {"use_bias": False},
            {"W_init": 0.1},
            {"kernel_initializer": 0.2},
            {"strides": 2},
            {"stride": 2},
            {"padding": "valid"},
        ],
        "FullyConnected": [{"nl": "tanh"}, {"activation": "relu"}, {"b_init": 0.3}, {"use_bias": False}],
        "BatchNorm": [{"momentum": 0.8}, {"epsilon": 0.01}, {"center": False}, {"scale": False}],
        "MaxPooling": [{"strides": 1}, {"padding": "same"}],
    }[layer]
    return {"name": layer, "options": rng.choice(options)}


def _layer(rng: Any) -> Dict[str, Any]:
    name = rng.choice(
        [
            "Conv2D",
            "Conv2D",
            "Conv2DTranspose",
            "FullyConnected",
            "FullyConnected",
            "BatchNorm",
            "BNReLU",
            "PReLU",
            "MaxPooling",
            "AvgPooling",
            "GlobalAvgPooling",
            "LayerNorm",
            "InstanceNorm",
            "Dropout",
            "FixedUnPooling",
            "Maxout",
            "ConcatWith",
            "BatchRenorm",
        ]
    )
    spec: Dict[str, Any] = {"name": name}
    if name in ("Conv2D", "Conv2DTranspose"):
        spec["positional"] = [rng.choice([2, 4, 6]), rng.choice([1, 3])][: rng.choice([1, 2, 2, 2])]
        spec["options"] = _some(
            rng,
            {
                "strides": rng.choice([1, 2]),
                "padding": rng.choice(["same", "valid", "SAME"]),
                "activation": rng.choice(_ACTIVATIONS),
                "use_bias": rng.random() < 0.5,
                "kernel_initializer": 0.1,
                "nl": rng.choice(_ACTIVATIONS),
                "W_init": 0.2,
            },
        )
        if name == "Conv2D":
            spec["options"].update(_some(rng, {"split": rng.choice([1, 2]), "dilation_rate": 2}, 0.1))
    elif name == "FullyConnected":
        spec["positional"] = [rng.choice([2, 3, 5])]
        spec["options"] = _some(
            rng,
            {
                "activation": rng.choice(_ACTIVATIONS),
                "use_bias": rng.random() < 0.5,
                "nl": rng.choice(_ACTIVATIONS),
                "b_init": 0.3,
                "kernel_initializer": 0.1,
            },
        )
    elif name == "BatchNorm":
        spec["options"] = _some(
            rng,
            {
                "momentum": 0.7,
                "epsilon": 0.001,
                "center": False,
                "scale": False,
                "training": True,
                "ema_update": rng.choice(["default", "collection", "internal", "skip"]),
                "axis": 3,
            },
        )
    elif name == "BatchRenorm":
        spec["options"] = dict(rmax=1.5, dmax=0.5, **_some(rng, {"momentum": 0.7, "center": False, "scale": False}))
    elif name in ("LayerNorm", "InstanceNorm"):
        spec["options"] = _some(rng, {"epsilon": 0.01, "center": False, "scale": False})
    elif name in ("MaxPooling", "AvgPooling"):
        spec["positional"] = [rng.choice([2, 3])]
        spec["options"] = _some(rng, {"strides": rng.choice([1, 2]), "padding": rng.choice(["same", "valid"])})
    elif name in ("FixedUnPooling", "Maxout"):
        spec["positional"] = [2]
    return spec


def _some(rng: Any, options: Dict[str, Any], share: float = 0.3) -> Dict[str, Any]:
    return {key: value for key, value in options.items() if rng.random() < share}


def run(program: Dict[str, Any], folder: str) -> Any:
    import tensorflow as tf

    from tensorpack.models import regularize_cost
    from tensorpack.tfutils.summary import add_moving_summary
    from tensorpack.tfutils.tower import TowerContext

    graph = tf.Graph()
    with graph.as_default(), ExitStack() as stack:
        tf.compat.v1.train.get_or_create_global_step()
        edge = program.get("edge", 4)
        x = tf.compat.v1.placeholder(tf.float32, [2, edge, edge, program.get("channels", 1)], "x")
        tower = program.get("tower", "")
        stack.enter_context(TowerContext(tower, is_training=program.get("training", False)))
        for name in program.get("scopes", ()):
            stack.enter_context(tf.compat.v1.variable_scope(name))
        outputs = _outputs(program, x)
        result: Dict[str, Any] = {"outputs": [[y.name, y.shape.as_list(), y.dtype.name] for y in outputs]}
        loss = tf.add_n([tf.reduce_sum(tf.square(y)) for y in outputs], name="loss")
        if program.get("moving"):
            result["moving"] = attempt(lambda: [each.name for each in add_moving_summary(loss)])
        if program.get("regularize"):
            result["regularized"] = attempt(lambda: regularize_cost(program["regularize"], tf.nn.l2_loss, name="cost").name)
        result.update(variables=variables_of(graph), collections=collections_of(graph))
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as sess:
        trainable = tf.compat.v1.trainable_variables()
        gradients = [each for each in tf.gradients(loss, [x] + trainable) if each is not None]
        updates = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)
        sess.run([tf.compat.v1.global_variables_initializer(), tf.compat.v1.local_variables_initializer()])
        result["initial"] = [[v.name, encode(value)] for v, value in zip(trainable, sess.run(trainable)) if np.ptp(value) == 0]
        set_weights(sess, trainable)
        feed = {x: np.random.RandomState(5).uniform(-1, 1, size=x.shape.as_list())}
        result["values"] = attempt(values_of, sess, outputs, feed)
        if not any(layer["name"] == "Dropout" for layer in program.get("layers", ())):
            result["gradients"] = attempt(lambda: [encode(value) for value in sess.run(gradients, feed)])
        if updates:
            sess.run(updates, feed)
        result["after"] = attempt(lambda: {v.name: v.eval(sess) for v in tf.compat.v1.global_variables()})
    return result


def _outputs(program: Dict[str, Any], x: Any) -> List[Any]:
    import tensorflow as tf

    from tensorpack import models
    from tensorpack.tfutils.argscope import argscope

    with ExitStack() as stack:
        for scope in program.get("argscopes", ()):
            stack.enter_context(argscope(getattr(models, scope["name"]), **_options(scope)))
        if program.get("data_format"):
            stack.enter_context(
                argscope(
                    [models.Conv2D, models.MaxPooling, models.BatchNorm, models.Conv2DTranspose],
                    data_format=program["data_format"],
                )
            )
        outputs = [_network(program, x)]
        if program.get("again"):
            with tf.compat.v1.variable_scope(tf.compat.v1.get_variable_scope(), reuse=True):
                outputs.append(_network(program, x))
    return outputs


def _network(program: Dict[str, Any], x: Any) -> Any:
    from tensorpack import models

    chain = models.LinearWrap(x) if program.get("linear") else None
    for index, layer in enumerate(program.get("layers", ())):
        name, options = layer["name"], _options(layer)
        positional = layer.get("positional", [])
        if name == "Dropout":
            options = {"rate": 0.0}
        scope = "{}{}".format({"FullyConnected": "fc", "Conv2D": "conv"}.get(name, name.lower()), index)
        names = () if name in ("ConcatWith",) else (scope,)
        if name == "ConcatWith":
            positional = [x if chain is None else chain(), 3]
        if chain is not None:
            chain = getattr(chain, name)(*names, *positional, **options)
        else:
            x = getattr(models, name)(*names, x, *positional, **options)
    return x if chain is None else chain()


def _options(spec: Dict[str, Any]) -> Dict[str, Any]:
    import tensorflow as tf

    from tensorpack import models

    functions = {"BNReLU": models.BNReLU, "tanh": tf.tanh, "relu": tf.nn.relu, "identity": tf.identity}
    options = dict(spec.get("options", {}))
    for key, value in options.items():
        if key in ("activation", "nl"):
            options[key] = functions[value]
        elif key in ("kernel_initializer", "W_init", "b_init"):
            options[key] = tf.constant_initializer(value)
    return options
