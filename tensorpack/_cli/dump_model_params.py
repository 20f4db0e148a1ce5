"""dump-model-params: from what a training saved, keep the variables that inference needs.

Which ones these are is read from the lists of variables in the meta graph. Its operations are not looked at, so that a
graph with operations that this TensorFlow lacks serves as well.
"""
from __future__ import annotations

import argparse
import os
from typing import Any, Dict, List, Optional, Sequence

from ..utils import logger
from ._common import load_meta_graph, load_variables, new_parser, run

__all__ = ["main"]


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the tool; returns the exit status."""
    parser = new_parser("Write the variables of a model that are trainable or model variables, without optimizer slots, "
                        "the global step and the like.")
    parser.add_argument("--meta", metavar="GRAPH.meta", help="the meta graph, which tells the kind of each variable; default: "
                        "the newest graph-*.meta if INPUT is a directory; without one all variables are kept")
    parser.add_argument("input", metavar="INPUT", help="a checkpoint, a .npz file, or a directory with graph-*.meta and "
                        "model-*.index, whose newest ones are taken")
    parser.add_argument("output", metavar="OUTPUT", type=_output_name, help="a name that ends in .npz, or that of a checkpoint")
    return run(_dump, parser, argv)


def _output_name(path: str) -> str:
    if not os.path.basename(path) or path.endswith(".npy"):
        raise argparse.ArgumentTypeError("must end in .npz or name a checkpoint; got {!r}".format(path))
    return path


def _dump(args: argparse.Namespace) -> None:
    from ..tfutils._restore.names import op_name, tensor_name
    from ..tfutils.varmanip import save_checkpoint_vars

    path, meta = args.input, args.meta
    if os.path.isdir(path):
        meta = meta or _newest_graph(path)
        path = _newest_checkpoint(path)
    wanted = _wanted(meta) if meta else None
    values = {op_name(name): value for name, value in load_variables(path).items()}
    kept = values if wanted is None else _select(values, wanted, path, meta)
    save_checkpoint_vars({tensor_name(name): value for name, value in kept.items()}, args.output)
    print("{} of the {} variables in {} are written to {}".format(len(kept), len(values), path, args.output))
    if wanted is None:
        logger.warning("Without --meta all variables are kept, also those that only training needs.")


def _newest_graph(directory: str) -> str:
    names = [name[:-len(".meta")] for name in os.listdir(directory) if name.startswith("graph-") and name.endswith(".meta")]
    if not names:
        raise ValueError("{}: must hold a file graph-*.meta, which tells the variables to keep; got none; give one by --meta, "
                         "or name a checkpoint in it as INPUT to keep all of its variables".format(directory))
    path = os.path.join(directory, max(names) + ".meta")
    logger.info("Choosing the graph %s", path)
    return path


def _newest_checkpoint(directory: str) -> str:
    from ..tfutils._restore.checkpoint import get_all_checkpoints, get_checkpoint_path

    numbered = get_all_checkpoints(directory)
    path = numbered[-1][0] if numbered else get_checkpoint_path(directory)
    logger.info("Choosing the checkpoint %s", path)
    return path


def _wanted(meta: str) -> Dict[str, Optional[List[int]]]:
    """The GLOBAL variables that are TRAINABLE or MODEL variables: {name without `:0`: shape if it is partitioned}."""
    from ..compat import collected_variables
    from ..compat import tfv1 as tf
    from ..tfutils._restore.names import op_name

    meta_graph = load_meta_graph(meta)
    keys = tf.GraphKeys
    every, trainable, model = (collected_variables(meta_graph, key) for key in (
        keys.GLOBAL_VARIABLES, keys.TRAINABLE_VARIABLES, keys.MODEL_VARIABLES))
    wanted = {op_name(name): shape for name, shape in every.items() if name in trainable or name in model}
    if not wanted:
        raise ValueError("{}: the graph must have global variables that are trainable or model variables; "
                         "got none".format(meta))
    return wanted


def _select(values: Dict[str, Any], wanted: Dict[str, Optional[List[int]]], path: str, meta: str) -> Dict[str, Any]:
    from ..tfutils._restore.names import some

    values = dict(values, **_joined(values, wanted))
    missing = sorted(set(wanted) - set(values))
    if missing:
        raise ValueError("{}: must hold the {} trainable and model variables of {}; got none of these {}: {}; "
                         "give the meta graph of the run that saved it".format(
                             path, len(wanted), meta, len(missing), some(missing, 5)))
    return {name: values[name] for name in sorted(wanted)}


def _joined(values: Dict[str, Any], wanted: Dict[str, Optional[List[int]]]) -> Dict[str, Any]:
    """The partitioned variables that a numpy file has part by part, each as a whole."""
    from ..compat import tfv1 as tf
    from ..tfutils._restore.matching import stored_parts
    from ..tfutils._restore.variables import joined_parts

    return {whole: joined_parts([values[name] for name in names], tf.TensorShape(wanted[whole]))
            for whole, names in stored_parts(values).items() if whole in wanted}
