"""A session that calls `SessionRunHook`s around each run, at the cost of a cached callable instead of a `Session.run`.

What is fetched and fed hardly ever changes from step to step, so the merged request of caller and hooks is turned into
one session callable and kept. Whatever a callable cannot serve (RunOptions, unusual feeds) goes through `Session.run`.
"""
from __future__ import annotations

from collections import OrderedDict
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from ...compat import is_variable
from ...compat import tfv1 as tf
from .bad_values import explain_bad_values
from .feed_value import can_be_fed_as_array, feed_converter
from .queue_runners import Coordinator, QueueRunners
from .thread_trial import FlatCallable, make_quick_callable

Feeds = Dict[Any, Any]  # tensor -> value

# More different requests than this within one session mean that somebody fetches new tensors all the time.
_MAX_PLANS = 64

# Types of fetches that other fetches are in; all others are leaves.
_CONTAINERS = (list, tuple, dict, OrderedDict, str)

# Looked up once: attributes of `tf` are slow on TF 1.15, and these are needed in each step.
_InvalidArgumentError = tf.errors.InvalidArgumentError
_SessionRunHook = tf.train.SessionRunHook
_SessionRunArgs = tf.train.SessionRunArgs
_SessionRunContext = tf.train.SessionRunContext
_SessionRunValues = tf.train.SessionRunValues


class HookedSession:
    """An existing session with hooks around each `run`, with the semantics of `tf.train.MonitoredSession`.

    All `before_run` are called in order, their requests are merged with the caller's into one run of the session, then all
    `after_run` are called in order.
    Unlike in a MonitoredSession, hooks see `options` and `run_metadata` in `run_values` only when somebody asked for options.

    Args:
        sess: a session; `close` closes it.
        hooks: the hooks; only their `before_run` and `after_run` are called.
        queue_runners: those of the session, which `close` ends.
    """

    def __init__(self, sess: tf.Session, hooks: Sequence[tf.train.SessionRunHook] = (),
                 queue_runners: Optional[QueueRunners] = None):
        self._sess = sess
        self._queue_runners = queue_runners
        self._coord = Coordinator() if queue_runners is None else queue_runners.coord
        # Bound once, and without the after_run of those that do nothing in it: this is called in each step.
        self._before_run = [hook.before_run for hook in hooks]
        self._after_run = [(position, hook.after_run) for position, hook in enumerate(hooks, 1)
                           if getattr(hook.after_run, "__func__", None) is not _SessionRunHook.after_run]
        self._plans: OrderedDict[Tuple[Any, ...], _Plan] = OrderedDict()
        self._stop = False

    @property
    def graph(self) -> tf.Graph:
        """Graph of the session."""
        return self._sess.graph

    def raw_session(self) -> tf.Session:
        """The session without hooks."""
        return self._sess

    _tf_sess = raw_session  # MonitoredSession's name for it

    @property
    def coord(self) -> Coordinator:
        """Coordinator of the queue runners; hooks may register threads and request a stop."""
        return self._coord

    def should_stop(self) -> bool:
        """Whether a hook or, through the coordinator, another thread has asked to stop."""
        return self._stop or self._coord.is_stopping

    def request_stop(self) -> None:
        """Make `should_stop` true."""
        self._stop = True

    def close(self) -> None:
        """End the queue runners and close the session; harmless when it is closed already."""
        self._stop = True
        self._plans.clear()
        if self._queue_runners is None:
            self._sess.close()
        else:
            self._queue_runners.stop(self._sess.close)

    def run_step_fn(self, step_fn: Callable[[Any], Any]) -> Any:
        """Call `step_fn` with a `tf.train.MonitoredSession.StepContext`: runs without hooks, with them, and a way to stop.

        Raises:
            StopIteration: `step_fn` has requested to stop.
        """
        return step_fn(tf.train.MonitoredSession.StepContext(self._sess, self.run))

    def run(self, fetches: Any, feed_dict: Optional[Feeds] = None, options: Optional[tf.RunOptions] = None,
            run_metadata: Optional[tf.RunMetadata] = None) -> Any:
        """Like `Session.run`, with the hooks around it.

        Raises:
            RuntimeError: a hook has requested to stop, the session is closed, or two parties feed the same tensor.
        """
        if self._stop:
            raise RuntimeError("HookedSession.run: no run is possible after a stop was requested or the session was closed; "
                               "check should_stop() first")
        context = _SessionRunContext(original_args=_SessionRunArgs(fetches, feed_dict), session=self._sess)
        parts, feeds = [fetches], feed_dict
        requests = []
        for before_run in self._before_run:
            request = before_run(context)
            if request is None:
                parts.append(None)
                continue
            parts.append(request.fetches)
            if request.feed_dict or request.options is not None:
                requests.append(request)
        if requests:
            feeds = _merge_feeds(feed_dict, requests)
            if any(request.options is not None for request in requests):
                options = _merge_options(options, requests)
        try:
            if options is None and run_metadata is None:
                values = self._find_plan(parts, feeds or ()).run(self._sess, feeds)
            else:
                run_metadata = tf.RunMetadata() if run_metadata is None else run_metadata
                values = _run_parts(self._sess, parts, feeds, options, run_metadata)
        except _InvalidArgumentError as e:
            explain_bad_values(e, (feeds or {}).items())
            raise
        for position, after_run in self._after_run:
            after_run(context, _SessionRunValues(values[position], options, run_metadata))
        if context.stop_requested:
            self._stop = True
        return values[0]

    def _find_plan(self, parts: List[Any], feeds: Iterable[Any]) -> _Plan:
        key = (tuple([_content_key(part) if type(part) in _CONTAINERS else id(part) for part in parts]),
               tuple([id(tensor) for tensor in feeds]))
        plan = self._plans.get(key)
        if plan is None:
            # The plan keeps what is fetched and fed alive, so the ids in the key stay theirs as long as the plan is kept.
            plan = self._plans[key] = _Plan(self._sess, parts, list(feeds))
            if len(self._plans) > _MAX_PLANS:
                self._plans.popitem(last=False)
        return plan


def _run_parts(sess: tf.Session, parts: List[Any], feeds: Optional[Feeds], options: Any = None,
               run_metadata: Any = None) -> List[Any]:
    """What `Session.run` gives for each of `parts`; None for None."""
    fetches = {position: part for position, part in enumerate(parts) if part is not None}
    values = sess.run(fetches, feed_dict=feeds, options=options, run_metadata=run_metadata)
    return [values.get(position) for position in range(len(parts))]


def _merge_feeds(feed_dict: Optional[Feeds], requests: List[Any]) -> Feeds:
    feeds = dict(feed_dict) if feed_dict else {}
    for request in requests:
        for tensor, value in (request.feed_dict or {}).items():
            if any(tensor is other for other in feeds):
                raise RuntimeError("HookedSession.run: a tensor can be fed by one party only; {} is fed twice".format(tensor))
            feeds[tensor] = value
    return feeds


def _merge_options(options: Optional[tf.RunOptions], requests: List[Any]) -> tf.RunOptions:
    """The strictest of all: highest trace level, shortest timeout, everything that anybody wants to see."""
    merged = tf.RunOptions()
    if options is not None:
        merged.CopyFrom(options)
    for other in [request.options for request in requests if request.options is not None]:
        merged.trace_level = max(merged.trace_level, other.trace_level)
        timeouts = [t for t in (merged.timeout_in_ms, other.timeout_in_ms) if t > 0]
        merged.timeout_in_ms = min(timeouts) if timeouts else 0
        merged.output_partition_graphs = merged.output_partition_graphs or other.output_partition_graphs
        merged.debug_options.debug_tensor_watch_opts.extend(other.debug_options.debug_tensor_watch_opts)
        merged.report_tensor_allocations_upon_oom = (
            merged.report_tensor_allocations_upon_oom or other.report_tensor_allocations_upon_oom)
    return merged


def _content_key(fetches: Any) -> Any:
    """Equal for equal structures of the same tensors and operations, also when a list is a new object or was changed."""
    if isinstance(fetches, (list, tuple)):
        return (type(fetches),) + tuple([_content_key(x) for x in fetches])
    if isinstance(fetches, dict):
        return (type(fetches),) + tuple([(name, _content_key(x)) for name, x in fetches.items()])
    return fetches if isinstance(fetches, str) else id(fetches)


class _Plan:
    """One session callable that serves several parties at once, and how its flat results become theirs.

    Args:
        parts: what each party fetches: any structure that `Session.run` takes, or None.
        feeds: the tensors that will be fed.
    """

    def __init__(self, sess: tf.Session, parts: List[Any], feeds: List[Any]):
        self._parts = [_frozen(part) for part in parts]
        self._feeds = feeds
        self._call: Optional[FlatCallable] = None
        if not all(can_be_fed_as_array(tensor) for tensor in feeds):
            return
        self._converters = [feed_converter(tensor) for tensor in feeds]
        fetched: List[tf.Tensor] = []
        targets: List[tf.Operation] = []
        try:
            builders = [_builder(part, sess.graph, fetched, targets) for part in parts]
        except _Unusual:
            return
        if any(tensor is fed for tensor in fetched for fed in feeds):
            return  # Session.run gives the fed value, a callable refuses
        self._builders = [(position, build) for position, build in enumerate(builders) if build is not _nothing]
        self._call = make_quick_callable(sess, fetched, targets, feeds)

    def run(self, sess: tf.Session, feeds: Optional[Feeds]) -> List[Any]:
        if self._call is None:
            return _run_parts(sess, self._parts, feeds)
        if feeds:
            flat = self._call(*[convert(value) for convert, value in zip(self._converters, feeds.values())])
        else:
            flat = self._call()
        values: List[Any] = [None] * len(self._parts)
        for position, build in self._builders:
            values[position] = build(flat)
        return values


def _frozen(part: Any) -> Any:
    """A copy of lists and dicts, which their owner may change later, with the same leaves."""
    if type(part) is list:
        return [_frozen(x) for x in part]
    if type(part) in (dict, OrderedDict):
        return type(part)((name, _frozen(x)) for name, x in part.items())
    return part


def _nothing(flat: List[Any]) -> None:
    """The result for an operation."""


class _Unusual(Exception):
    """A fetch that `Session.run` understands and `_builder` does not."""


def _builder(part: Any, graph: tf.Graph, fetched: List[tf.Tensor], targets: List[tf.Operation]) -> Callable[[List[Any]], Any]:
    """How to build the result for `part` from the flat results; what it needs is appended to `fetched` and `targets`."""
    if part is None:
        return _nothing
    if isinstance(part, (list, tuple)):
        if type(part) not in (list, tuple):
            raise _Unusual()  # a namedtuple, SparseTensorValue, ...
        builders = [_builder(x, graph, fetched, targets) for x in part]
        return lambda flat: type(part)([build(flat) for build in builders])
    if type(part) in (dict, OrderedDict):
        pairs = [(name, _builder(x, graph, fetched, targets)) for name, x in part.items()]
        return lambda flat: type(part)([(name, build(flat)) for name, build in pairs])
    if not (isinstance(part, (str, tf.Tensor, tf.Operation)) or is_variable(part)):
        raise _Unusual()
    element = graph.as_graph_element(part, allow_tensor=True, allow_operation=True)
    if isinstance(element, tf.Operation):
        targets.append(element)
        return _nothing
    position = next((i for i, tensor in enumerate(fetched) if tensor is element), len(fetched))
    if position == len(fetched):
        fetched.append(element)
    return lambda flat: flat[position]
