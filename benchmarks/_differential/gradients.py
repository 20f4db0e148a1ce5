"""Optimizers and gradient processors."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np

from .encoding import encode
from .graphs import collections_of, set_weights, variables_of

_NAMES = ["a/W", "a/b", "c/W", "d"]


def generate(rng: Any) -> Dict[str, Any]:
    return {
        "optimizer": {"name": rng.choice(["GradientDescent", "Momentum", "Adam", "RMSProp", "Adagrad"])},
        "processors": [_processor(rng) for _ in range(rng.choice([0, 1, 1, 2, 3]))],
        "wrappers": [_wrapper(rng) for _ in range(rng.choice([0, 0, 0, 1, 1, 2]))],
        "variables": rng.sample(_NAMES, rng.choice([1, 2, 3, 4])),
        "lookup": rng.random() < 0.25,
        "unused": rng.random() < 0.3,
        "steps": rng.choice([1, 2, 3, 5]),
    }


def _processor(rng: Any) -> Dict[str, Any]:
    regex = rng.choice([".*", "a/.*", ".*/W", "d", "no such"])
    return rng.choice(
        [
            {"name": "FilterNoneGrad"},
            {"name": "GlobalNormClip", "global_norm": rng.choice([0.05, 1.0, 50.0])},
            {"name": "MapGradient", "func": rng.choice(["double", "by variable", "drop"]), "regex": regex},
            {"name": "SummaryGradient", "regex": regex, "collections": rng.choice([None, None, ["mine"]])},
            {"name": "CheckGradient"},
            {"name": "PrintGradient", "regex": regex},
            {
                "name": "ScaleGradient",
                "multipliers": [
                    [rng.choice([".*", "a/.*", ".*/b", "d"]), rng.choice([0, 0.5, 3.0])] for _ in range(rng.choice([1, 2]))
                ],
            },
        ]
    )


def _wrapper(rng: Any) -> Dict[str, Any]:
    return rng.choice(
        [
            {"name": "PostProcessOptimizer"},
            {"name": "VariableAssignmentOptimizer"},
            {"name": "AccumGradOptimizer", "niter": rng.choice([1, 2, 3])},
        ]
    )


def run(program: Dict[str, Any], folder: str) -> Any:
    import tensorflow as tf

    from tensorpack.tfutils.optimizer import apply_grad_processors
    from tensorpack.tfutils.tower import TowerContext

    v1 = tf.compat.v1
    graph = tf.Graph()
    result: Dict[str, Any] = {}
    with graph.as_default():
        step = v1.train.get_or_create_global_step()
        with TowerContext("", is_training=True):
            # names of the seed, since 0.11 summarizes and prints the gradients of a name once in a process
            with v1.variable_scope("p{}".format(program["seed"])):
                loss = _loss(program)
            optimizer = _optimizer(program)
            for wrapper in program.get("wrappers", ()):
                optimizer = _wrapped(wrapper, optimizer)
            processors = [_built(spec) for spec in program.get("processors", ())]
            if processors:
                optimizer = apply_grad_processors(optimizer, processors)
            pairs = optimizer.compute_gradients(loss, gate_gradients=v1.train.Optimizer.GATE_GRAPH)
            pairs = [pair for pair in pairs if pair[0] is not None]
            update = optimizer.apply_gradients(pairs, global_step=step)
        result.update(
            variables=variables_of(graph), collections=collections_of(graph), slots=sorted(optimizer.get_slot_names())
        )
        with v1.Session(graph=graph) as sess:
            sess.run([v1.global_variables_initializer(), v1.local_variables_initializer()])
            set_weights(sess, v1.trainable_variables())
            result["gradients"] = [
                [variable.name, encode(np.asarray(value))]
                for (_, variable), value in zip(pairs, sess.run([tf.convert_to_tensor(gradient) for gradient, _ in pairs]))
            ]
            result["values"] = []
            everything = v1.global_variables()
            for _ in range(program.get("steps", 1)):
                sess.run(update)
                result["values"].append([[v.name, encode(value)] for v, value in zip(everything, sess.run(everything))])
    return result


def _loss(program: Dict[str, Any]) -> Any:
    import tensorflow as tf

    losses = []
    for index, name in enumerate(program.get("variables", ())):
        variable = tf.compat.v1.get_variable(name, [4, 2] if name.endswith("W") else [3])
        if program.get("lookup") and index == 0:
            losses.append(tf.reduce_sum(tf.square(tf.gather(variable, [0, 2, 0]))))
        else:
            losses.append(tf.reduce_sum(tf.square(variable) * (index + 1) + tf.sin(variable)))
    if program.get("unused"):
        tf.compat.v1.get_variable("unused", [2])
    return tf.add_n(losses)


def _optimizer(program: Dict[str, Any]) -> Any:
    import tensorflow as tf

    name = program.get("optimizer", {}).get("name", "GradientDescent")
    more = {"Momentum": (0.9,)}.get(name, ())
    return getattr(tf.compat.v1.train, name + "Optimizer")(0.1, *more)


def _wrapped(spec: Dict[str, Any], optimizer: Any) -> Any:
    import tensorflow as tf

    from tensorpack.tfutils import optimizer as optimizers

    if spec["name"] == "PostProcessOptimizer":
        return optimizers.PostProcessOptimizer(
            optimizer, lambda var: tf.compat.v1.assign(var, tf.clip_by_value(var, -0.3, 0.3))
        )
    if spec["name"] == "VariableAssignmentOptimizer":
        return optimizers.VariableAssignmentOptimizer(optimizer, lambda var: None if var.op.name.endswith("b") else var * 0.5)
    return optimizers.AccumGradOptimizer(optimizer, spec.get("niter", 2))


def _built(spec: Dict[str, Any]) -> Any:
    from tensorpack.tfutils import gradproc

    options: Dict[str, Any] = {key: value for key, value in spec.items() if key not in ("name", "func", "multipliers")}
    positional: List[Any] = []
    if spec["name"] == "MapGradient":
        positional = [
            {"double": lambda grad: grad * 2.0, "by variable": lambda grad, var: grad + 0.1 * var, "drop": lambda grad: None}[
                spec["func"]
            ]
        ]
    elif spec["name"] == "ScaleGradient":
        positional = [[tuple(pair) for pair in spec["multipliers"]]]
    return getattr(gradproc, spec["name"])(*positional, **options)
