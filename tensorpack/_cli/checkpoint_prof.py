"""checkpoint-prof: floating point operations, parameters, and time and memory of a saved graph, by TensorFlow's profiler."""
from __future__ import annotations

import argparse
import importlib
import os
import tempfile
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ..utils import logger
from ._common import comma_separated, load_meta_graph, new_parser, run

if TYPE_CHECKING:
    from ..compat import tfv1
    from ..tfutils.sessinit import SessionInit

__all__ = ["main"]

# Packages whose import registers the operations that are met most in saved graphs besides TensorFlow's own.
_OP_PACKAGES = ("horovod.tensorflow", "zmq_ops", "tensorflow.contrib.memory_stats")
# Operations that give data from outside of the graph: without a feed they fail, or wait for ever.
_SOURCES = {"Placeholder", "PlaceholderV2", "IteratorGetNext", "IteratorGetNextSync", "Unstage",
            "QueueDequeue", "QueueDequeueV2", "QueueDequeueMany", "QueueDequeueManyV2", "QueueDequeueUpTo",
            "QueueDequeueUpToV2"}


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the tool; returns the exit status."""
    parser = new_parser("Profile a saved graph on random input. Without one of the --print options all reports are printed.")
    parser.add_argument("--meta", metavar="GRAPH.meta", required=True, help="the meta graph")
    parser.add_argument("--model", help="a checkpoint, its directory or a .npz file; default: initial values")
    parser.add_argument("-i", "--input", metavar="NAME=D0,D1...", nargs="+", type=_input, required=True,
                        help="each tensor to feed and the shape of its random values, e.g. image=1,224,224,3; "
                             "any tensor of the graph can be fed")
    parser.add_argument("-o", "--output", metavar="NAME", nargs="+", required=True, help="the tensors to compute")
    parser.add_argument("--warmup", type=_count, default=5, help="runs before the one that is measured (default: 5)")
    parser.add_argument("--print-flops", action="store_true", help="floating point operations by scope")
    parser.add_argument("--print-params", action="store_true", help="trainable parameters by scope")
    parser.add_argument("--print-timing", action="store_true", help="time and memory by scope")
    return run(_profile, parser, argv)


def _input(text: str) -> Tuple[str, Tuple[int, ...]]:
    name, equals, sizes = text.rpartition("=")
    try:
        shape = tuple(int(size) for size in sizes.split(",") if size)
    except ValueError:
        shape = (-1,)
    if not name or not equals or min(shape, default=1) < 0:
        raise argparse.ArgumentTypeError("must be NAME=D0,D1,... with sizes; got {!r}".format(text))
    return name, shape


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError("must be a number of runs, 0 or more; got {!r}".format(text))
    return int(text)


def _profile(args: argparse.Namespace) -> None:
    from ..compat import tfv1 as tf
    from ..tfutils.sessinit import SmartInit

    meta_graph, init = load_meta_graph(args.meta), SmartInit(args.model)
    every = not (args.print_flops or args.print_params or args.print_timing)
    with tf.Graph().as_default() as graph:
        feeds, outputs = _import(meta_graph, dict(args.input), comma_separated(args.output))
        _check_fed(outputs, feeds)
        metadata = _measure(graph, init, feeds, outputs, args.warmup) if every or args.print_timing else None
        builder = tf.profiler.ProfileOptionBuilder
        if every or args.print_flops:
            total = _report("Floating point operations", _needed_graph(graph, outputs), builder.float_operation())
            print("Total floating point operations: {}\n".format(total.total_float_ops))
        if every or args.print_params:
            total = _report("Trainable parameters", graph, builder.trainable_variables_parameter())
            print("Total parameters: {}\n".format(total.total_parameters))
        if every or args.print_timing:
            total = _report("Time and memory of one run", graph, builder.time_and_memory(), metadata)
            print("Total time of operations: {} us\n".format(total.total_exec_micros))


def _import(meta_graph: Any, shapes: Dict[str, Tuple[int, ...]],
            output_names: Sequence[str]) -> Tuple[Dict[Any, np.ndarray], List[Any]]:
    """Import the graph with inputs of these very shapes, so that all shapes behind them are known.

    Returns {placeholder: value}, and the outputs.
    """
    from ..compat import tfv1 as tf
    from ..tfutils._inference import find_inputs, find_outputs

    plain = _as_graph(meta_graph)
    inputs = find_inputs(plain, list(shapes))
    find_outputs(plain, output_names)
    feeds, input_map = {}, {}
    for tensor, shape in zip(inputs, shapes.values()):
        value = _random_value(tensor, shape)
        placeholder = tf.placeholder(tensor.dtype.base_dtype, shape, name="checkpoint_prof_input")
        feeds[placeholder] = value
        input_map[tensor.name] = placeholder
    tf.train.import_meta_graph(meta_graph, clear_devices=True, input_map=input_map)
    return feeds, find_outputs(tf.get_default_graph(), output_names)


def _as_graph(meta_graph: Any) -> tfv1.Graph:
    """The graph as it was saved; if operations are unknown, packages that may have them are imported first."""
    from ..compat import tfv1 as tf

    errors = (tf.errors.OpError, KeyError, ValueError)
    try:
        return _imported(meta_graph)
    except errors:
        if not _unknown_ops(meta_graph):
            raise
    _import_op_packages()
    unknown = _unknown_ops(meta_graph)
    try:
        return _imported(meta_graph)
    except errors as e:
        if not unknown:
            raise
        raise ValueError("the graph must consist of operations that this TensorFlow has; got these unknown ones: {}; install "
                         "the package that has them, or save the graph without them".format(", ".join(unknown))) from e


def _imported(meta_graph: Any) -> tfv1.Graph:
    from ..compat import tfv1 as tf

    with tf.Graph().as_default() as graph:
        tf.train.import_meta_graph(meta_graph, clear_devices=True)
    return graph


def _unknown_ops(meta_graph: Any) -> List[str]:
    from ..compat import op_definition

    library = meta_graph.graph_def.library.function
    nodes = list(meta_graph.graph_def.node) + [node for function in library for node in function.node_def]
    types = {node.op for node in nodes} - {function.signature.name for function in library}
    return sorted(op_type for op_type in types if op_definition(op_type) is None)


def _import_op_packages() -> None:
    from ..compat import tfv1 as tf

    for package in _OP_PACKAGES:
        try:
            importlib.import_module(package)
        except (ImportError, tf.errors.OpError) as e:
            logger.info("Operations of %s are not available: %s", package, e)


def _random_value(tensor: Any, shape: Tuple[int, ...]) -> np.ndarray:
    if not tensor.shape.is_compatible_with(shape):
        raise ValueError("input {}: must have the shape {}; got {}".format(tensor.name, tensor.shape, shape))
    dtype = tensor.dtype.base_dtype
    if tensor.dtype != dtype:
        raise ValueError("input {}: must be no variable; give it a value by --model".format(tensor.name))
    if not (dtype.is_floating or dtype.is_integer or dtype.is_bool or dtype.is_complex):
        raise ValueError("input {}: must be numeric; got {}; give a tensor behind it".format(tensor.name, dtype.name))
    return np.asarray(np.random.rand(*shape)).astype(dtype.as_numpy_dtype)


def _check_fed(outputs: Sequence[Any], feeds: Dict[Any, np.ndarray]) -> None:
    """Refuse a run that would fail, or wait for ever, for lack of data."""
    fed = {tensor.name for tensor in feeds}
    missing, seen, pending = {}, set(), []

    def follow(tensor: Any) -> None:
        if tensor.op.type in _SOURCES and tensor.name not in fed:
            missing[tensor.name] = "{}={}".format(tensor.name, tensor.shape)
        elif tensor.name not in fed:
            pending.append(tensor.op)

    for tensor in outputs:
        follow(tensor)
    while pending:
        op = pending.pop()
        if op.name not in seen:
            seen.add(op.name)
            pending.extend(op.control_inputs)
            for tensor in op.inputs:
                follow(tensor)
    if missing:
        raise ValueError("-i must give every input that the outputs depend on; got none for: {}".format(
            ", ".join(missing[name] for name in sorted(missing))))


def _measure(graph: tfv1.Graph, init: SessionInit, feeds: Dict[Any, np.ndarray], outputs: Sequence[Any],
             num_warmup: int) -> Any:
    """RunMetadata of one traced run after the warm-up."""
    from ..compat import tfv1 as tf
    from ..tfutils.common import get_default_sess_config

    metadata = tf.RunMetadata()
    with tf.Session(graph=graph, config=get_default_sess_config()) as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer(), tf.tables_initializer()])
        init.init(sess)
        for _ in range(num_warmup):
            sess.run(outputs, feeds)
        sess.run(outputs, feeds, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
    return metadata


def _needed_graph(graph: tfv1.Graph, outputs: Sequence[Any]) -> tfv1.Graph:
    """The part of the graph that the outputs need: initialisers and training operations must not count."""
    from ..compat import tfv1 as tf
    from ..tfutils._export.graph_def import GraphEditor

    editor = GraphEditor(graph.as_graph_def())
    editor.prune(tensor.op.name for tensor in outputs)
    with tf.Graph().as_default() as needed:
        tf.import_graph_def(editor.graph_def(), name="")
    return needed


def _report(title: str, graph: tfv1.Graph, options: Dict[str, Any], metadata: Any = None) -> Any:
    """Print the profiler's report; returns its root node."""
    from ..compat import tfv1 as tf

    with tempfile.TemporaryDirectory(prefix="tensorpack-prof-") as directory:
        path = os.path.join(directory, "report.txt")
        options = dict(options, output="file:outfile=" + path)  # to stdout it would be printed beside Python's buffer
        root = tf.profiler.profile(graph, run_meta=metadata, cmd="scope", options=options)
        with open(path) as f:
            text = f.read()
    print("{}\n{}\n{}".format(title, "=" * len(title), text.partition("Profile:\n")[2].strip()))
    return root
