"""`StagingInput`: inputs are moved to the device of the tower a step or more before they are needed."""
from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any, List, NamedTuple, Optional

from ..callbacks.base import Callback
from ..compat import tfv1 as tf
from ..tfutils._session.session_call import SessionCall, run_beside
from ..tfutils._session.waiting import lack_data
from ..tfutils.dependency import ancestors, dependency_of_fetches
from ..utils import logger
from ._feedfree import FeedfreeInput


class _Area(NamedTuple):
    """The operations of the staging area of one tower.

    Who waits in `take` cannot be interrupted, not even by closing the session. `close`, when nothing is put any more, ends that
    wait with an error: it puts an element of another length.
    """

    put: tf.Operation
    take: List[tf.Tensor]
    size: tf.Tensor
    close: tf.Operation

    @classmethod
    def make(cls, inputs: List[tf.Tensor]) -> _Area:
        name = tf.get_default_graph().unique_name("StagingArea")
        # No capacity: a `put` into a full area would keep one of TensorFlow's threads until something is taken. When the areas
        # of as many towers as there are threads are filled first, no thread is left to take. A step puts what it takes.
        options = dict(shared_name=name)
        dtypes = [x.dtype for x in inputs]
        put = tf.raw_ops.Stage(values=inputs, name=name + "_put/", **options)
        take = list(tf.raw_ops.Unstage(dtypes=dtypes, name=name + "_get/", **options))
        for tensor, x in zip(take, inputs):
            tensor.set_shape(x.shape)
        size = tf.raw_ops.StageSize(dtypes=dtypes, name=name + "_size/", **options)
        end = [tf.constant(0., name=name + "_end/")] * (len(inputs) + 1)
        return cls(put, take, size, tf.raw_ops.Stage(values=end, name=name + "_close/", **options))

    def is_empty(self, sess: tf.Session) -> bool:
        """Whether the area holds nothing; False also if that cannot be known."""
        return run_beside(sess, [self.size]) == [0]

    def end_wait(self, sess: tf.Session) -> None:
        """Let a run fail that waits to take."""
        if self.is_empty(sess):
            run_beside(sess, [], [self.close])

    def put_one_more(self, sess: tf.Session) -> None:
        """Let a run go on that waits to take, if the source has data; or else fail."""
        with suppress(tf.errors.CancelledError, RuntimeError):  # the session was closed meanwhile
            try:
                run_beside(sess, [], [self.put])
            except tf.errors.OutOfRangeError:
                self.end_wait(sess)


class StagingInput(FeedfreeInput):
    """Keeps the inputs of the next steps in staging areas on the device of each tower, so that copying overlaps computing.

    A run that uses staged inputs takes one datapoint from the staging area of every tower and puts the next one into it;
    hence each run must use the inputs of all towers or of none. The model sees data `nr_stage` steps after it was taken from
    the source. Creates `StagingInput/StagingArea_put`, `_get` and a few more in each tower. Not for an InferenceRunner.

    Another run of the session that needs the inputs takes them away from the training, and would wait for ever when there are
    none left. Once this is helped, with a warning; then it is an error, which tells to use `trainer.hooked_sess.run`, or a
    callback's `_before_run`.

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
            self._sess: Optional[tf.Session] = None
            self._helper: Optional[threading.Thread] = None
            self._last_fetches: Any = None
            self._last_is_user = False

        def _setup_graph(self) -> None:
            self.stage_op = tf.group(*[area.put for area in self._input._areas], name="stage_all")
            self.unstage_op = tf.group(*[tensor.op for area in self._input._areas for tensor in area.take],
                                       name="unstage_all")

        def _before_run(self, ctx: tf.train.SessionRunContext) -> Optional[tf.train.SessionRunArgs]:
            if self._sess is None:
                self._fill(ctx.session)
            if not self._takes_inputs(ctx.original_args.fetches):
                return None
            return tf.train.SessionRunArgs([self.stage_op, self.unstage_op])

        def _fill(self, sess: tf.Session) -> None:
            self._sess = sess
            logger.info("Pre-filling StagingArea ...")
            for _ in range(self.nr_stage):
                sess.run(self.stage_op)
            logger.info("%d element%s put into StagingArea on each tower.", self.nr_stage,
                        " was" if self.nr_stage == 1 else "s were")

        def _takes_inputs(self, fetches: Any) -> bool:
            if fetches is not self._last_fetches:  # nearly always the same as in the step before
                self._last_is_user = any(dependency_of_fetches(fetches, area.take[0]) for area in self._input._areas)
                self._last_fetches = fetches
            return self._last_is_user

        def _end_hopeless_wait(self, call: SessionCall) -> Optional[str]:
            why = None
            for area in self._input._areas if call.is_waiting else ():
                if area.take[0].op not in call.operations or not area.is_empty(call.sess):
                    continue
                if area.put not in call.operations:
                    why = self._help(area, call, "a run of {} waits for a staged datapoint, and only steps put them".format(
                        ", ".join(call.fetched))) or why
                elif lack_data(call.sess, ancestors([area.put])):
                    area.end_wait(call.sess)  # the run fails anyway, since `put` has met the end of the data
                elif self.nr_stage > 1:  # the step itself has taken one of them at most
                    why = self._help(area, call, "another run has taken the staged datapoints that a step waits for") or why
            return why

        def _help(self, area: _Area, call: SessionCall, what: str) -> Optional[str]:
            """The first time the run may still be computing something; when more was taken since, nobody can doubt."""
            what += ". Tensors of a training tower, which take its data, are to be run by trainer.hooked_sess, or returned " \
                    "from _before_run of a callback"
            if self._helper is None:
                self._helper = threading.Thread(target=area.put_one_more, args=(call.sess,), name="StagingInput", daemon=True)
                self._helper.start()
                logger.warning("StagingInput: %s. For this once another datapoint is staged.", what)
            elif not self._helper.is_alive():  # else it waits for data
                area.end_wait(call.sess)  # of this run, or the next step
                return what
            return None

        def _unblock(self) -> None:
            for area in self._input._areas if self._sess is not None else ():
                area.end_wait(self._sess)

    def __init__(self, input: FeedfreeInput, nr_stage: int = 1, device: Optional[str] = None):
        if not isinstance(input, FeedfreeInput) or isinstance(input, StagingInput):
            raise ValueError("StagingInput: input must be a FeedfreeInput, such as QueueInput, and no StagingInput; got "
                             "{!r}".format(input))
        if int(nr_stage) < 1:
            raise ValueError("StagingInput: nr_stage must be at least 1; got {!r}".format(nr_stage))
        self._input = input
        self._nr_stage = int(nr_stage)
        self._device = device
        self._areas: List[_Area] = []

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        self._input.setup(input_signature)
        if not input_signature:
            raise ValueError("StagingInput: the model must have inputs; got an empty input signature")

    def _size(self) -> int:
        return self._input.size()

    def _reset_state(self) -> None:
        self._input.reset_state()

    def _waits_for(self) -> str:
        return "StagingInput over {}".format(self._input._waits_for())

    def _get_callbacks(self) -> List[Callback]:
        # the first callback of the wrapped source resets it, which this one's does already
        return self._input.get_callbacks()[1:] + [self.StagingCallback(self, self._nr_stage)]

    def _get_input_tensors(self) -> List[tf.Tensor]:
        self._require_setup("get_input_tensors")
        inputs = self._input.get_input_tensors()
        with tf.name_scope(type(self).__name__), tf.device(self._device):
            # the memory of a reference belongs to a variable, which may change before the staged value is used
            inputs = [tf.raw_ops.DeepCopy(x=x) if x.dtype._is_ref_dtype else x for x in inputs]
            area = _Area.make(inputs)
        self._areas.append(area)
        return list(area.take)
