"""A function of a SavedModel: `tf.contrib.predictor.from_saved_model`."""
from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from .....compat import tfv1 as tf

__all__ = ["SavedModelPredictor", "from_saved_model"]

DEFAULT_KEY = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY
Names = Mapping[str, str]  # key of an input or output -> name of the tensor


def from_saved_model(export_dir: str, signature_def_key: Optional[str] = None, signature_def: Any = None,
                     input_names: Optional[Names] = None, output_names: Optional[Names] = None, tags: Optional[str] = None,
                     graph: Any = None, config: Any = None) -> SavedModelPredictor:
    """A function from {key: array} to {key: array}, with a session that has loaded a SavedModel.

    Args:
        signature_def_key: of the signature whose inputs and outputs these are; `serving_default` by default.
        signature_def: a signature, instead of its key.
        input_names, output_names: {key: name of a tensor}, instead of a signature.
        tags: of the graph in the SavedModel, separated by commas; `serve` by default.
        graph: an empty one to load into.
        config: `tf.ConfigProto` of the session.

    Raises:
        ValueError: more than one of key, signature and names is given, or there is no such signature.
    """
    names = input_names is not None and output_names is not None
    if (input_names is None) != (output_names is None) or sum([names, bool(signature_def), bool(signature_def_key)]) > 1:
        raise ValueError("from_saved_model: one of signature_def_key, signature_def, or input_names with output_names can be "
                         "given; got signature_def_key={!r}, signature_def={}, input_names={!r} and output_names={!r}".format(
                             signature_def_key, "given" if signature_def else None, input_names, output_names))
    graph = graph or tf.Graph()
    with graph.as_default():
        session = tf.Session(config=config)
        model = tf.saved_model.loader.load(session, (tags or tf.saved_model.tag_constants.SERVING).split(","), export_dir)
    if input_names is None or output_names is None:
        signature = signature_def or _signature(model, signature_def_key or DEFAULT_KEY, export_dir)
        input_names = {key: info.name for key, info in signature.inputs.items()}
        output_names = {key: info.name for key, info in signature.outputs.items()}
    return SavedModelPredictor(session, input_names, output_names)


def _signature(model: Any, key: str, export_dir: str) -> Any:
    if key not in model.signature_def:
        raise ValueError("from_saved_model: there is no signature {!r} in {}; there are {}".format(
            key, export_dir, sorted(model.signature_def)))
    return model.signature_def[key]


class SavedModelPredictor:
    """`predictor({key: array})` gives {key: array}; a `with` block closes its session."""

    def __init__(self, session: Any, input_names: Names, output_names: Names):
        self._session = session
        self._feed_tensors = {key: session.graph.get_tensor_by_name(name) for key, name in input_names.items()}
        self._fetch_tensors = {key: session.graph.get_tensor_by_name(name) for key, name in output_names.items()}

    @property
    def graph(self) -> Any:
        return self._session.graph

    @property
    def session(self) -> Any:
        return self._session

    @property
    def feed_tensors(self) -> Dict[str, Any]:
        """{key: tensor} of the inputs."""
        return self._feed_tensors

    @property
    def fetch_tensors(self) -> Dict[str, Any]:
        """{key: tensor} of the outputs."""
        return self._fetch_tensors

    def __call__(self, input_dict: Mapping[str, Any]) -> Dict[str, Any]:
        """Run the model once.

        Raises:
            ValueError: there is no input of such a key.
        """
        unknown = set(input_dict) - set(self._feed_tensors)
        if unknown:
            raise ValueError("SavedModelPredictor: there is no input {}; there are {}".format(
                sorted(unknown), sorted(self._feed_tensors)))
        return self._session.run(self._fetch_tensors, {self._feed_tensors[key]: value for key, value in input_dict.items()})

    def __enter__(self) -> SavedModelPredictor:
        return self

    def __exit__(self, *error: Any) -> None:
        self._session.close()

    def __repr__(self) -> str:
        return "SavedModelPredictor with feed tensors {} and fetch_tensors {}".format(self._feed_tensors, self._fetch_tensors)
