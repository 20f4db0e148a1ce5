"""Predictors with several towers, one on each of several GPUs, in one graph and session; each tower has the same variables."""
from __future__ import annotations

from typing import Any, Callable, List, Sequence

from ..compat import device_words
from ..compat import tfv1 as tf
from ..tfutils._inference import find_inputs, require_predict_config, restored_session
from ..tfutils.common import build_or_reuse_placeholder
from ..tfutils.tower import PredictTowerContext, TowerTensorHandle
from ..utils import logger
from ..utils._text.spec import shown
from .base import OfflinePredictor, OnlinePredictor
from .config import PredictConfig

__all__ = ["DataParallelOfflinePredictor", "MultiTowerOfflinePredictor"]


class MultiTowerOfflinePredictor(OfflinePredictor):
    """One predictor for each tower; calling the object itself uses the first tower.

    Creates the shared placeholders of the signature and, for each GPU, the operations `tower<id>/...`; variables have no
    prefix. Without GPUs the towers run on the CPU, unless the session creator of the config forbids it.

    Args:
        config: what to build (see PredictConfig); names of inputs and outputs are given without the prefix of a tower.
        towers: numbers of the GPUs, each once.

    Attributes:
        graph, sess: the graph and session of all towers. `close` closes the session, for all predictors.

    Raises:
        TypeError, ValueError: `config` is no PredictConfig, or `towers` is no list of different GPU numbers.
        KeyError: an input or output name is not in the tower.
    """

    def __init__(self, config: PredictConfig, towers: Sequence[int]):
        require_predict_config(type(self).__name__, config)
        towers = _check_towers(type(self).__name__, towers)
        self.graph = config._maybe_create_graph()
        with self.graph.as_default():
            placeholders = [build_or_reuse_placeholder(spec) for spec in config.input_signature]
            handles = _build_towers(config, towers, lambda tower_name: placeholders)
            inputs = [_find_inputs(handle, config) for handle in handles]
            outputs = [handle.get_tensors(config.output_names) for handle in handles]
            sess, self._owns_session = restored_session(config, sum(outputs, []), sum(inputs, []))
        # not the constructor of OfflinePredictor, which builds one tower without a prefix
        OnlinePredictor.__init__(self, inputs[0], outputs[0], config.return_input, sess)
        self._predictors = [OnlinePredictor(ins, outs, config.return_input, sess) for ins, outs in zip(inputs, outputs)]
        self._start_queue_runners(self._predictors)

    def get_predictor(self, n: int) -> OnlinePredictor:
        """The predictor of the n-th tower; beyond the last one it starts again from the first, with a warning.

        Raises:
            ValueError: n is negative.
        """
        if n < 0:
            raise ValueError("MultiTowerOfflinePredictor.get_predictor: n must not be negative; got {}".format(n))
        if n >= len(self._predictors):
            logger.warning("MultiTowerOfflinePredictor.get_predictor(%d): there are %d towers only; number %d serves again.",
                           n, len(self._predictors), n % len(self._predictors))
        return self._predictors[n % len(self._predictors)]

    def get_predictors(self) -> List[OnlinePredictor]:
        """A predictor for each tower, in the order of `towers`."""
        return list(self._predictors)

    def close(self) -> None:
        super().close()
        for predictor in self._predictors:
            predictor.sess = None


class DataParallelOfflinePredictor(OfflinePredictor):
    """All towers in one call, each with inputs of its own; nothing is split or joined.

    It is called with the inputs of the first tower, then those of the second one, and so on; outputs come in the same way.
    Creates for each GPU the placeholders `tower<id>_<input>` and the operations `tower<id>/...`; variables have no prefix.
    Without GPUs the towers run on the CPU, unless the session creator of the config forbids it.

    Args:
        config: what to build (see PredictConfig); names of inputs and outputs are given without the prefix of a tower.
        towers: numbers of the GPUs, each once.

    Raises:
        TypeError, ValueError: `config` is no PredictConfig, or `towers` is no list of different GPU numbers.
        KeyError: an input or output name is not in the tower.
    """

    def __init__(self, config: PredictConfig, towers: Sequence[int]):
        require_predict_config(type(self).__name__, config)
        towers = _check_towers(type(self).__name__, towers)
        self.graph = config._maybe_create_graph()

        def placeholders_of(tower_name: str) -> List[tf.Tensor]:
            return [build_or_reuse_placeholder(tf.TensorSpec(spec.shape, spec.dtype, "{}_{}".format(tower_name, spec.name)))
                    for spec in config.input_signature]

        with self.graph.as_default():
            handles = _build_towers(config, towers, placeholders_of)
            inputs = [tensor for handle in handles for tensor in _find_inputs(handle, config)]
            outputs = [tensor for handle in handles for tensor in handle.get_tensors(config.output_names)]
            sess, self._owns_session = restored_session(config, outputs, inputs)
        # not the constructor of OfflinePredictor, which builds one tower without a prefix
        OnlinePredictor.__init__(self, inputs, outputs, config.return_input, sess)
        self._start_queue_runners([self])


def _check_towers(who: str, towers: Any) -> List[int]:
    if isinstance(towers, (str, int)) or not all(isinstance(t, int) and not isinstance(t, bool) for t in towers):
        raise TypeError("{}: towers must be a list of GPU numbers; got {}; try [0]".format(who, shown(towers)))
    towers = list(towers)
    if not towers or min(towers) < 0 or len(set(towers)) < len(towers):
        raise ValueError("{}: towers must have at least one GPU number, none negative, each once; got {}; try [0]".format(
            who, towers))
    return towers


def _build_towers(config: PredictConfig, towers: Sequence[int],
                  inputs_of: Callable[[str], Sequence[tf.Tensor]]) -> List[TowerTensorHandle]:
    """Build a tower for each GPU in the default graph, the later ones with the variables of the first."""
    handles = []
    for position, gpu in enumerate(towers):
        name, device = "tower{}".format(gpu), "/gpu:{}".format(gpu)
        logger.info("Building prediction tower '%s' on %s ...", name, device_words(device))
        inputs = inputs_of(name)
        with tf.variable_scope(tf.get_variable_scope(), reuse=True if position else None), tf.device(device), \
                PredictTowerContext(name):
            config.tower_func(*inputs)
        handles.append(config.tower_func.towers[name])
    return handles


def _find_inputs(handle: TowerTensorHandle, config: PredictConfig) -> List[tf.Tensor]:
    tensors = handle.get_tensors(config.input_names)
    return find_inputs(tensors[0].graph, tensors) if tensors else []
