"""The one way from a PredictConfig to an inference graph with a restored session; predictors and exports build on it."""
from __future__ import annotations

from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from .. import compat
from ..compat import tfv1 as tf
from ..utils import logger
from ._restore.names import near_names
from .common import as_value, build_or_reuse_placeholder, get_op_tensor_name
from .sesscreate import initialize_from_restored, owns_session
from .sessinit import JustCurrentSession
from .tower import PredictTowerContext


class InferenceGraph(NamedTuple):
    """An inference tower and a session in which its variables have their values."""

    graph: tf.Graph
    sess: tf.Session
    inputs: List[tf.Tensor]
    outputs: List[tf.Tensor]
    input_names: List[str]  # tensor names, with output index
    output_names: List[str]
    owns_session: bool  # whether whoever asked for it has to close the session


def build_inference_graph(config: Any, session_creator: Optional[tf.train.SessionCreator] = None) -> InferenceGraph:
    """Build the tower of a PredictConfig, make a session and load the variables.

    The placeholders have the names of the signature, and nothing else is added to names of operations or variables.
    All variables are initialised before `session_init` runs, so one that it does not set keeps its initial value.

    Args:
        config: a `PredictConfig`.
        session_creator: used instead of that of the config.

    Raises:
        KeyError: an input or output name is not in the graph; the message tells names like it.
        ValueError: an input cannot be fed.
    """
    graph = tf.Graph() if config.create_graph else tf.get_default_graph()
    with graph.as_default():
        placeholders = [build_or_reuse_placeholder(spec) for spec in config.input_signature]
        with PredictTowerContext(""):
            config.tower_func(*placeholders)
        inputs = find_inputs(graph, config.input_names)
        outputs = find_outputs(graph, config.output_names)
        sess, owned = restored_session(config, session_creator)
    return InferenceGraph(graph, sess, inputs, outputs, [t.name for t in inputs], [t.name for t in outputs], owned)


def restored_session(config: Any, session_creator: Optional[tf.train.SessionCreator] = None) -> Tuple[tf.Session, bool]:
    """A session on the default graph, loaded by `config.session_init`, and whether it has to be closed by who asked for it.

    Args:
        config: a `PredictConfig`.
        session_creator: used instead of that of the config.
    """
    creator = session_creator or config.session_creator
    config.session_init._setup_graph()
    sess = creator.create_session()
    owned = owns_session(creator)
    try:
        config.session_init._run_init(sess)
        if not isinstance(config.session_init, JustCurrentSession):
            initialize_from_restored(sess)
    except BaseException:
        if owned:
            sess.close()
        raise
    if owned and isinstance(config.session_init, JustCurrentSession):
        _warn_about_random_model(sess.graph)
    return sess, owned


def find_outputs(graph: tf.Graph, names: Sequence[Any]) -> List[Any]:
    """The tensors to fetch: an element is a tensor or variable, or the name of a tensor, operation (output 0) or variable.

    Raises:
        KeyError: a name is not in the graph.
    """
    tensors = [_by_name(graph, name, "output") if isinstance(name, str) else name for name in names]
    return [as_value(tensor) if compat.is_tensor_like(tensor) else tensor for tensor in tensors]


def find_inputs(graph: tf.Graph, names: Sequence[Any]) -> List[Any]:
    """The tensors to feed; elements as in `find_outputs`, but no resource variable, which cannot be fed.

    Raises:
        KeyError: a name is not in the graph.
        ValueError: the element is a resource variable or a tensor that TensorFlow refuses to feed.
    """
    tensors = [_by_name(graph, name, "input") if isinstance(name, str) else name for name in names]
    for tensor in tensors:
        if getattr(tensor, "dtype", None) == tf.resource or hasattr(tensor, "handle"):
            raise ValueError("input {!r}: must be a tensor that can be fed; got a resource variable, whose fed value would "
                             "be ignored; assign to it, or name a placeholder".format(tensor.name))
        if isinstance(tensor, tf.Tensor) and not tensor.graph.is_feedable(tensor):
            raise ValueError("input {!r}: must be a tensor that can be fed; TensorFlow refuses to feed this one; "
                             "name another one".format(tensor.name))
    return tensors


def _by_name(graph: tf.Graph, name: str, what: str) -> tf.Tensor:
    try:
        return graph.get_tensor_by_name(get_op_tensor_name(name)[1])
    except KeyError:
        known = [tensor.name for op in graph.get_operations() for tensor in op.outputs[:1]]
        raise KeyError("{} name {!r}: must be a tensor or operation of the inference graph; got no such name; {}".format(
            what, name, near_names(get_op_tensor_name(name)[1], known))) from None


def _warn_about_random_model(graph: tf.Graph) -> None:
    variables = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    if variables:
        logger.warning("No model is loaded: all %d variables have their initial values; "
                       "pass session_init=SmartInit(path) to the PredictConfig.", len(variables))
