"""The model of one actor, from an exported file or from a function that makes a PredictConfig."""
from __future__ import annotations

import os
import socket
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Union

from ...compat import tfv1 as tf
from ...predict.base import OfflinePredictor
from ...predict.config import PredictConfig
from ...predict.exported import ExportedPredictor
from ...tfutils.sesscreate import NewSessionCreator
from ...utils._text.spec import shown

__all__ = ["Model", "ModelSource", "load_model"]

ModelSource = Union[str, "os.PathLike[str]", Callable[[], PredictConfig]]


class Model(NamedTuple):
    """A predictor whose inputs and outputs have the batch as first dimension; specs are in the order of calls."""

    predictor: Union[ExportedPredictor, OfflinePredictor]
    inputs: List[tf.TensorSpec]
    outputs: List[tf.TensorSpec]


def load_model(who: str, source: Any, engine: Optional[str], threads: Optional[int]) -> Model:
    """Load the model.

    Args:
        who: the class to name in errors.
        source: see ModelSource.
        engine: as of ExportedPredictor.
        threads: how many threads compute one call; None: the predictor's default.
    """
    if isinstance(source, (str, os.PathLike)):
        model = _exported(who, source, engine, threads)
    elif callable(source):
        model = _of_config(who, source, engine, threads)
    else:
        raise TypeError("{}: model must be the path of an exported model, or a function without arguments that returns a "
                        "PredictConfig; got {}".format(who, shown(source)))
    try:
        _require_batches(who, model)
    except ValueError:
        model.predictor.close()
        raise
    return model


def _exported(who: str, path: Any, engine: Optional[str], threads: Optional[int]) -> Model:
    try:
        predictor = ExportedPredictor(path, engine, threads=threads)
    except FileNotFoundError as e:
        raise FileNotFoundError("{}: the model must be at the same place on each machine that works; on {!r}, in the folder "
                                "{!r}: {}; copy it there, or give the path of storage that all of them share".format(
                                    who, socket.gethostname(), os.getcwd(), e)) from e
    return Model(predictor, predictor.input_signature, predictor.output_signature)


def _of_config(who: str, make_config: Callable[[], Any], engine: Optional[str], threads: Optional[int]) -> Model:
    if engine is not None:
        raise ValueError("{}: engine must be None with a function that returns a PredictConfig, which is computed in its "
                         "session; got {!r}; export the model, by ModelExporter, and give the path of the file".format(
                             who, engine))
    config = make_config()
    if not isinstance(config, PredictConfig):
        raise TypeError("{}: the function that is given as model must return a PredictConfig; got {}".format(
            who, shown(config)))
    creator = config.session_creator
    if threads is not None and type(creator) is NewSessionCreator and not creator.user_provided_config:
        creator.config.intra_op_parallelism_threads = creator.config.inter_op_parallelism_threads = threads
    config.return_input = False
    predictor = OfflinePredictor(config)
    return Model(predictor, _specs(predictor.input_tensors, config.input_names),
                 _specs(predictor.output_tensors, config.output_names))


def _specs(tensors: Sequence[Any], names: Sequence[str]) -> List[tf.TensorSpec]:
    return [tf.TensorSpec(tensor.shape, tensor.dtype, name) for tensor, name in zip(tensors, names)]


def _require_batches(who: str, model: Model) -> None:
    """Raise ValueError where a shape tells that the first dimension is not the batch."""
    takes_any = any(_first_size(spec) is None for spec in model.inputs)
    for kind, specs in (("input", model.inputs), ("output", model.outputs)):
        for spec in specs:
            size = _first_size(spec)
            if size == 0 or (takes_any and size is not None):
                raise ValueError("{}: the batch must be the first dimension of each input and output, since a column has a "
                                 "value for each row; the {} {!r} has the shape {}; leave it out of the model{}".format(
                                     who, kind, spec.name, spec.shape, ", or make it a constant" * (kind == "input")))


def _first_size(spec: tf.TensorSpec) -> Optional[int]:
    """The size of the first dimension; None if it is open, 0 if there is none."""
    if spec.shape.ndims is None:
        return None
    return spec.shape.as_list()[0] if spec.shape.ndims else 0
