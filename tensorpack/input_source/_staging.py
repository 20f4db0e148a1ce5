"""`StagingInput`: inputs are moved to the device of the tower a step or more before they are needed."""
from __future__ import annotations

from typing import Any, List, Optional

from ..callbacks.base import Callback
from ..compat import tfv1 as tf
from ..tfutils.dependency import dependency_of_fetches
from ..utils import logger
from ._feedfree import FeedfreeInput


class StagingInput(FeedfreeInput):
    """Keeps the inputs of the next steps in staging areas on the device of each tower, so that copying overlaps computing.

    A run that uses staged inputs takes one datapoint from the staging area of every tower and puts the next one into it;
    hence each run must use the inputs of all towers or of none. The model sees data `nr_stage` steps after it was taken from
    the source. Creates `StagingInput/StagingArea_put` and `_get` in each tower. Not for an InferenceRunner.

    Args:
        input: the source whose inputs are staged.
        nr_stage: how many datapoints to keep in each staging area.
        device: where to keep them; None for the device of the tower.

    Raises:
        ValueError: `input` is no FeedfreeInput, or a StagingInput itself, or `nr_stage` is less than 1.
    """

    class StagingCallback(Callback):
        """Fills the staging areas at the first run, and refills them in each run that takes from them."""

        def __init__(self, input: StagingInput, nr_stage: int):
            self.nr_stage = nr_stage
            self._input = input
            self._filled = False
            self._last_fetches: Any = None
            self._last_is_user = False

        def _setup_graph(self) -> None:
            self.stage_op = tf.group(*self._input._puts, name="stage_all")
            self.unstage_op = tf.group(*[tensor.op for tensors in self._input._gets for tensor in tensors],
                                       name="unstage_all")

        def _before_run(self, ctx: tf.train.SessionRunContext) -> Optional[tf.train.SessionRunArgs]:
            if not self._filled:
                self._fill(ctx.session)
            if not self._takes_inputs(ctx.original_args.fetches):
                return None
            return tf.train.SessionRunArgs([self.stage_op, self.unstage_op])

        def _fill(self, sess: tf.Session) -> None:
            self._filled = True
            logger.info("Pre-filling StagingArea ...")
            for _ in range(self.nr_stage):
                sess.run(self.stage_op)
            logger.info("%d element%s put into StagingArea on each tower.", self.nr_stage,
                        " was" if self.nr_stage == 1 else "s were")

        def _takes_inputs(self, fetches: Any) -> bool:
            if fetches is not self._last_fetches:  # nearly always the same as in the step before
                self._last_is_user = any(dependency_of_fetches(fetches, tensors[0]) for tensors in self._input._gets)
                self._last_fetches = fetches
            return self._last_is_user

    def __init__(self, input: FeedfreeInput, nr_stage: int = 1, device: Optional[str] = None):
        if not isinstance(input, FeedfreeInput) or isinstance(input, StagingInput):
            raise ValueError("StagingInput: input must be a FeedfreeInput, such as QueueInput, and no StagingInput; got "
                             "{!r}".format(input))
        if int(nr_stage) < 1:
            raise ValueError("StagingInput: nr_stage must be at least 1; got {!r}".format(nr_stage))
        self._input = input
        self._nr_stage = int(nr_stage)
        self._device = device
        self._puts: List[tf.Operation] = []
        self._gets: List[List[tf.Tensor]] = []

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        self._input.setup(input_signature)
        if not input_signature:
            raise ValueError("StagingInput: the model must have inputs; got an empty input signature")

    def _size(self) -> int:
        return self._input.size()

    def _reset_state(self) -> None:
        self._input.reset_state()

    def _get_callbacks(self) -> List[Callback]:
        # the first callback of the wrapped source resets it, which this one's does already
        return self._input.get_callbacks()[1:] + [self.StagingCallback(self, self._nr_stage)]

    def _get_input_tensors(self) -> List[tf.Tensor]:
        self._require_setup("get_input_tensors")
        inputs = self._input.get_input_tensors()
        with tf.name_scope(type(self).__name__), tf.device(self._device):
            # the memory of a reference belongs to a variable, which may change before the staged value is used
            inputs = [tf.raw_ops.DeepCopy(x=x) if x.dtype._is_ref_dtype else x for x in inputs]
            area = tf.get_default_graph().unique_name("StagingArea")
            self._puts.append(tf.raw_ops.Stage(values=inputs, capacity=self._nr_stage, shared_name=area,
                                               name=area + "_put/"))
            staged = tf.raw_ops.Unstage(dtypes=[x.dtype for x in inputs], capacity=self._nr_stage, shared_name=area,
                                        name=area + "_get/")
        for tensor, x in zip(staged, inputs):
            tensor.set_shape(x.shape)
        self._gets.append(list(staged))
        return list(staged)
