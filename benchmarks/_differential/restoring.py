"""Checkpoints, npz files and dicts that fit the graph in part."""

from __future__ import annotations

import os
from typing import Any, Dict

import numpy as np

from .encoding import attempt, encode
from .graphs import weights_for

_NAMES = ["a/W", "a/b", "c", "pre/a/W", "pre/c", "global_step", "a/W/Momentum", "learning_rate"]


def generate(rng: Any) -> Dict[str, Any]:
    def some() -> Any:
        return [
            {
                "name": name,
                "shape": rng.choice([[2], [2], [2], [3], [2, 1]]) if rng.random() < 0.2 else [2],
                "dtype": rng.choice(["float64", "int32"]) if rng.random() < 0.08 else "float32",
            }
            for name in rng.sample(_NAMES, rng.choice([1, 2, 3, 4, 6]))
        ]

    return {
        "stored": some(),
        "graph": some(),
        "how": rng.choice(["checkpoint", "checkpoint", "npz", "dict"]),
        "with": rng.choice(
            ["SmartInit", "SmartInit", "relaxed", "prefix", "relaxed prefix", "ignore", "get_model_loader", "chain"]
        ),
        "more": rng.choice([None, "dump_session_params", "save_checkpoint_vars", "load_checkpoint_vars"]),
    }


def run(program: Dict[str, Any], folder: str) -> Any:
    import tensorflow as tf

    v1 = tf.compat.v1
    stored = {each["name"]: _value(each) for each in program.get("stored", ())}
    path = os.path.join(folder, "model")
    result: Dict[str, Any] = {}
    with tf.Graph().as_default(), v1.Session() as sess:
        for name, value in stored.items():
            v1.get_variable(name, initializer=value)
        sess.run(v1.global_variables_initializer())
        v1.train.Saver().save(sess, path, write_meta_graph=False)
    with tf.Graph().as_default():
        variables = [
            v1.get_variable(each["name"], initializer=np.full(each.get("shape", [2]), -1).astype(each.get("dtype", "float32")))
            for each in program.get("graph", ())
        ]
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())

            def load() -> None:
                init = _init(program, stored, path)
                init._setup_graph()
                init._run_init(sess)

            result["load"] = attempt(load)
            if result["load"]:
                return result  # what was loaded before the error says nothing
            result["values"] = [[v.name, encode(value)] for v, value in zip(variables, sess.run(variables))]
            result["more"] = attempt(_more, program.get("more"), sess, folder, path)
    return result


def _value(spec: Dict[str, Any]) -> np.ndarray:
    return (weights_for(spec["name"], spec.get("shape", [2])) * 10).astype(spec.get("dtype", "float32"))


def _init(program: Dict[str, Any], stored: Dict[str, Any], path: str) -> Any:
    from tensorpack.tfutils import sessinit

    way, how = program.get("with", "SmartInit"), program.get("how", "checkpoint")
    if how == "npz":
        np.savez(path + ".npz", **stored)
    source: Any = {"checkpoint": path, "npz": path + ".npz", "dict": stored}[how]
    if way == "relaxed":
        return sessinit.SmartInit(source, ignore_mismatch=True)
    if how == "checkpoint" and way in ("prefix", "relaxed prefix", "ignore"):
        if way == "ignore":
            return sessinit.SaverRestore(path, ignore=["a/b", "global_step:0"])
        return (sessinit.SaverRestore if way == "prefix" else sessinit.SaverRestoreRelaxed)(path, prefix="pre")
    if way == "get_model_loader" and how != "dict":
        return sessinit.get_model_loader(source)
    if way == "chain":
        return sessinit.ChainInit([sessinit.SmartInit(source), sessinit.DictRestore({"c": np.float32([7, 8])})])
    return sessinit.SmartInit(source)


def _more(more: Any, sess: Any, folder: str, path: str) -> Any:
    from tensorpack.tfutils import varmanip

    if more == "dump_session_params":
        varmanip.dump_session_params(os.path.join(folder, "dumped.npz"))
        with np.load(os.path.join(folder, "dumped.npz")) as dumped:
            return {name: dumped[name] for name in sorted(dumped.files)}
    if more == "save_checkpoint_vars":
        varmanip.save_checkpoint_vars({"x/W": np.float32([1, 2]), "y:0": np.float32([3])}, os.path.join(folder, "saved"))
        return sorted(name for name in os.listdir(folder) if name.startswith("saved"))
    if more == "load_checkpoint_vars":
        values = varmanip.load_checkpoint_vars(path)
        return {name: values[name] for name in sorted(values)}
    return None
