"""From a `TrainConfig` and a trainer to a running training."""
from __future__ import annotations

from typing import Any, Union

from ..compat import tfv1 as tf
from ..dataflow.base import DataFlow
from ..input_source.input_source import FeedInput, QueueInput, StagingInput
from ..input_source.input_source_base import InputSource
from ..models.regularize import unused_costs
from ..utils import logger
from ..utils._text.keywords import keywords_told
from ..utils._text.spec import shown
from ..utils.naming import MOVING_SUMMARY_OPS_KEY
from .base import Trainer
from .config import TrainConfig
from .tower import SingleCostTrainer
from .trainers import SimpleTrainer

__all__ = ["apply_default_prefetch", "launch_train_with_config"]


def apply_default_prefetch(input_source_or_dataflow: Union[InputSource, DataFlow], trainer: Trainer) -> InputSource:
    """The InputSource that `trainer` gets by default.

    A DataFlow is fed by `FeedInput` to exactly a SimpleTrainer, by `QueueInput` to any other trainer. A QueueInput, that one
    or a given one, is staged on each device (`StagingInput`) if `trainer.devices` are several. Any other input is kept.
    """
    input = input_source_or_dataflow
    if isinstance(input, DataFlow):
        if type(trainer) is SimpleTrainer:
            return FeedInput(input)
        logger.info("Automatically applying QueueInput on the DataFlow.")
        input = QueueInput(input)
    if isinstance(input, QueueInput) and len(getattr(trainer, "devices", ())) > 1:
        logger.info("Automatically applying StagingInput on the %s.", type(input).__name__)
        input = StagingInput(input)
    return input


@keywords_told
def launch_train_with_config(config: TrainConfig, trainer: SingleCostTrainer) -> None:
    """Build the graph of `config.model` with `trainer`, then train with the settings of `config`.

    Raises:
        TypeError, ValueError: the trainer minimises no single cost, or the configuration has no model or no data.
    """
    if isinstance(config, Trainer) and isinstance(trainer, TrainConfig):
        raise TypeError("launch_train_with_config: the TrainConfig must come before the trainer; got them swapped; try "
                        "launch_train_with_config(config, trainer)")
    if not isinstance(trainer, SingleCostTrainer):
        raise TypeError("launch_train_with_config: trainer must be a SingleCostTrainer; got {}; other trainers are started "
                        "by their train_with_defaults()".format(shown(trainer)))
    if not isinstance(config, TrainConfig):
        raise TypeError("launch_train_with_config: config must be a TrainConfig; got {}".format(shown(config)))
    data = config.dataflow if config.data is None else config.data
    missing = ["model="] * (config.model is None) + ["dataflow= or data="] * (data is None)
    if data is None or config.model is None:
        raise ValueError("launch_train_with_config: the TrainConfig must have {}; got None".format(", and ".join(missing)))
    model: Any = config.model  # a ModelDesc, or a ModelDescBase with a get_optimizer of its own
    input = apply_default_prefetch(data, trainer)
    with trainer.graph.as_default():
        trainer.setup_graph(model.get_input_signature(), input, model.build_graph, model.get_optimizer)
        _check_unused_regularization()
        if trainer.is_chief:
            _tell_how_to_see_the_cost()
    trainer.train_with_defaults(
        callbacks=config.callbacks, monitors=config.monitors, session_creator=config.session_creator,
        session_init=config.session_init, steps_per_epoch=config.steps_per_epoch, starting_epoch=config.starting_epoch,
        max_epoch=config.max_epoch, extra_callbacks=config.extra_callbacks)


def _tell_how_to_see_the_cost() -> None:
    if not tf.get_collection(tf.GraphKeys.SUMMARIES) and not tf.get_collection(MOVING_SUMMARY_OPS_KEY):
        logger.info("The model has no summaries, so the log and TensorBoard will show no cost of the training; to see it, "
                    "write summary.add_moving_summary(cost) in build_graph.")


def _check_unused_regularization() -> None:
    unused = {loss.name for loss in tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES) if not _is_used(loss)}
    if unused:
        logger.warning("These tensors are in the REGULARIZATION_LOSSES collection, but nothing uses them: %s",
                       ", ".join(sorted(unused)))
        logger.warning("Add them to the cost, for example with regularize_cost_from_collection().")
    forgotten = [x.name for x in unused_costs()]
    if forgotten:
        logger.warning("The weights are not regularized: nothing uses %s, which regularize_cost has returned; add it to the "
                       "cost that build_graph returns.", ", ".join(forgotten))


def _is_used(loss: Any) -> bool:
    if hasattr(loss, "consumers"):
        return bool(loss.consumers())
    try:  # of a resource variable: TensorFlow computes it anew for each who uses it
        loss.graph.get_operation_by_name(loss.op.name + "_1")
    except KeyError:
        return False
    return True
