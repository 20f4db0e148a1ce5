"""The one way from a PredictConfig to an inference graph with a restored session; predictors and exports build on it."""
from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .. import compat
from ..compat import fetched_elements
from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._text.spec import shown
from ._graph_state import new_graph
from ._restore.assigning import Misfit
from ._restore.names import NamePatterns, near_names, near_tensor_names, nearest_names
from ._restore.variables import weights
from ._tower.contents import training_tower_of
from ._tower.namesakes import tell_of_namesakes
from .common import as_value, build_or_reuse_placeholder, get_op_tensor_name
from .dependency import ancestors
from .sesscreate import NewSessionCreator, initialize_from_restored, owns_session
from .sessinit import JustCurrentSession
from .tower import PredictTowerContext

_NAMES_IN_ERROR = 5
_LARGE = 1 << 26  # bytes of a variable
_PLACEHOLDERS = ("Placeholder", "PlaceholderV2")


class InferenceGraph(NamedTuple):
    """An inference tower and a session in which its variables have their values."""

    graph: tf.Graph
    sess: tf.Session
    inputs: List[tf.Tensor]
    outputs: List[tf.Tensor]
    input_names: List[str]  # tensor names, with output index
    output_names: List[str]
    owns_session: bool  # whether whoever asked for it has to close the session


def require_predict_config(who: str, config: Any) -> Any:
    """`config`, which must have what a `PredictConfig` has; TypeError if it has not."""
    if isinstance(config, type) or not all(hasattr(config, name) for name in ("tower_func", "session_init", "output_names")):
        raise TypeError("{}: config must be a PredictConfig; got {}; try PredictConfig(model=..., "
                        "session_init=SmartInit(path), output_names=[...])".format(who, shown(config)))
    return config


def build_inference_graph(config: Any, session_creator: Optional[tf.train.SessionCreator] = None) -> InferenceGraph:
    """Build the tower of a PredictConfig, make a session and load the variables.

    The placeholders have the names of the signature, and nothing else is added to names of operations or variables.
    All variables are initialised before `session_init` runs, so one that it does not set keeps its initial value.

    Args:
        config: a `PredictConfig`.
        session_creator: used instead of that of the config.

    Raises:
        KeyError: an input or output name is not in the graph; the message tells names like it.
        ValueError: an input cannot be fed, or an output needs another one; a weight that the outputs need is not loaded.
    """
    graph = new_graph() if config.create_graph else tf.get_default_graph()
    with graph.as_default():
        placeholders = [build_or_reuse_placeholder(spec) for spec in config.input_signature]
        with PredictTowerContext(""):
            config.tower_func(*placeholders)
        inputs = find_inputs(graph, config.input_names)
        outputs = find_outputs(graph, config.output_names)
        _refuse_training_towers(inputs + outputs, placeholders)
        _require_inputs(config, placeholders, inputs, outputs)
        sess, owned = restored_session(config, outputs, inputs, session_creator)
    return InferenceGraph(graph, sess, inputs, outputs, [t.name for t in inputs], [t.name for t in outputs], owned)


def _require_inputs(config: Any, placeholders: Sequence[tf.Tensor], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    names = [name if isinstance(name, str) else output.name for name, output in zip(config.output_names, outputs)]
    require_fed("PredictConfig", placeholders, inputs, dict(zip(names, outputs)))


def require_fed(who: str, placeholders: Sequence[Any], inputs: Sequence[Any], outputs: Mapping[str, Any]) -> None:
    """Refuse outputs that depend on an input of the model which will not be fed.

    Args:
        who: the function or class to name in the error.
        placeholders: the inputs of the model that have a value only when they are fed.
        inputs: what will be fed.
        outputs: what will be computed, by the name that the user gave.

    Raises:
        ValueError: an output needs one of the placeholders that is not among the inputs.
    """
    for name, output in outputs.items():
        operations = ancestors(fetched_elements(tf.get_default_graph(), [output]), inputs)
        missing = [each.op.name for each in placeholders if each.op in operations and not any(each is x for x in inputs)]
        if missing and not any(output is each for each in inputs):
            raise ValueError("{}: outputs must depend on the inputs in input_names alone; got {!r}, which needs {} as well; "
                             "add it to input_names, or take another output".format(
                                 who, name, " and ".join(map(repr, missing))))


def restored_session(config: Any, outputs: Sequence[Any], inputs: Sequence[Any] = (),
                     session_creator: Optional[tf.train.SessionCreator] = None) -> Tuple[tf.Session, bool]:
    """A session on the default graph, loaded by `config.session_init`, and whether it has to be closed by who asked for it.

    Args:
        config: a `PredictConfig`.
        outputs: what will be computed.
        inputs: what will be fed.
        session_creator: used instead of that of the config.

    Raises:
        ValueError: a weight that the outputs need is not loaded, and that is not allowed.
    """
    creator = session_creator or config.session_creator
    owned = owns_session(creator)
    config.session_init._setup_graph()
    if owned:  # in a session of the user's own all variables have values
        _require_weights(config, outputs, inputs)
    # a subclass may do more than this; memory is then what it takes
    without = _set_once(config.session_init) if type(creator) is NewSessionCreator else []
    sess = creator._create_session(without) if without else creator.create_session()
    try:
        config.session_init._run_init(sess)
        if not isinstance(config.session_init, JustCurrentSession):
            initialize_from_restored(sess)
    except BaseException as e:
        if owned:
            sess.close()
        if isinstance(e, Misfit):  # leaving values out would leave weights random
            raise (TypeError if isinstance(e, TypeError) else ValueError)(
                "PredictConfig: the model must have the shapes and dtypes of the one that was saved; {}; build it as it was "
                "for training (as many classes, the same sizes), or load its own checkpoint".format(e.facts)) from e
        raise
    if owned and config.session_init._is_empty:
        _warn_about_random_model(sess.graph)
    return sess, owned


def _set_once(init: Any) -> List[Any]:
    """Large variables that need no initial values, as they are about to be loaded and no other initial value depends on them.

    A variable has its old value until the new one is there.
    """
    graph = tf.get_default_graph()
    large = [each for each in tf.global_variables() if each.shape.is_fully_defined()
             and each.shape.num_elements() * each.dtype.base_dtype.size >= _LARGE]
    certain = set(init._certain(graph)) if large else set()
    chosen = [each for each in large if each.op.name in certain]
    for each in tf.global_variables() + tf.local_variables() if chosen else []:
        needed = ancestors([each.initializer])
        chosen = [one for one in chosen if one is each or one.op not in needed]
    return chosen


def _require_weights(config: Any, outputs: Sequence[Any], inputs: Sequence[Any]) -> None:
    """Refuse to predict with initial values where a model was given to load."""
    init, graph = config.session_init, tf.get_default_graph()
    if init._is_empty:
        return
    operations = ancestors(fetched_elements(graph, list(outputs)), inputs)
    needed = [name for name, whole in weights(graph).items() if any(part.op in operations for part in whole.parts)]
    allowed = NamePatterns("PredictConfig(allow_missing=)", getattr(config, "allow_missing", None))
    left = [name for name in init._left(graph, needed) if name not in allowed]
    if left:
        misfits = init._misfits(graph, left)
        raise ValueError("PredictConfig: each trainable or model variable that the outputs need must be in the {}; got none{} "
                         "for {} of {}: {}; {}, or pass allow_missing=[...] with names or patterns of those that may "
                         "keep their initial values".format(
                             init._words(), " that fits" if misfits else "", len(left), len(needed),
                             _with_reasons(left, misfits, init._surplus(graph)),
                             "is it the same model?" if misfits else "rename them"))


def _with_reasons(names: Sequence[str], misfits: Mapping[str, str], stored: Sequence[str]) -> str:
    """Names, each with why its value does not fit, or else with the nearest stored name."""
    words = []
    for name in names[:_NAMES_IN_ERROR]:
        near = nearest_names(name, stored, 1)
        reason = misfits.get(name) or (near and "is it {!r} there?".format(near[0]))
        words.append("{!r}{}".format(name, " ({})".format(reason) if reason else ""))
    return ", ".join(words) + (", ..." if len(names) > len(words) else "")


def needed_inputs(inputs: Sequence[tf.Tensor], outputs: Sequence[Any]) -> List[bool]:
    """For each input whether an output depends on it, when all of them are fed."""
    operations = ancestors(fetched_elements(tf.get_default_graph(), list(outputs)), inputs)

    def is_needed(tensor: tf.Tensor) -> bool:
        if any(tensor is output for output in outputs) or any(op in operations for op in tensor.consumers()):
            return True
        return tensor.op in operations and tensor.op.type in _PLACEHOLDERS  # by a control edge

    return [is_needed(tensor) for tensor in inputs]


def find_outputs(graph: tf.Graph, names: Sequence[Any]) -> List[Any]:
    """The tensors to fetch: an element is a tensor or variable, or the name of a tensor, operation (output 0) or variable.

    Raises:
        KeyError: a name is not in the graph.
    """
    tensors = [_by_name(graph, name, "output") if isinstance(name, str) else name for name in names]
    for name, tensor in zip(names, tensors):
        if isinstance(name, str):
            tell_of_namesakes(tensor)
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
        raise KeyError("{} name {!r}: must be a tensor or operation of the inference graph; got no such name; {}".format(
            what, name, _near(name, what, graph.get_operations()))) from None


def _near(name: str, what: str, operations: Sequence[tf.Operation]) -> str:
    """Words on the names that may be meant; inputs are usually placeholders."""
    placeholders = [op.name + ":0" for op in operations if op.type in _PLACEHOLDERS]
    every = [op.name + ":0" for op in operations]
    if what == "input" and placeholders and (nearest_names(name, placeholders) or not nearest_names(name, every)):
        return near_names(name, placeholders)
    return near_tensor_names(name, operations)


def _refuse_training_towers(tensors: Sequence[Any], placeholders: Sequence[tf.Tensor]) -> None:
    """In a graph that has towers already, a name may be that of a tensor of theirs."""
    for tensor in tensors:
        tower = training_tower_of(tensor)
        if tower is not None and not any(tensor is placeholder for placeholder in placeholders):
            raise KeyError("name {!r}: must be a tensor of the inference tower, an input or a variable; got one of the "
                           "training tower '{}'; build the predictor in a graph of its own (create_graph=True), or give the "
                           "name that the tensor has in the inference tower, such as {}_1".format(
                               tensor.name, tower.name, tensor.op.name))


def _warn_about_random_model(graph: tf.Graph) -> None:
    variables = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    if variables:
        logger.warning("No model is loaded: all %d variables have their initial values; "
                       "pass session_init=SmartInit(path) to the PredictConfig.", len(variables))
