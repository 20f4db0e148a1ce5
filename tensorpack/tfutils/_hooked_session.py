"""A session that calls `SessionRunHook`s around each run, at the cost of a cached callable instead of a `Session.run`.

What is fetched and fed hardly ever changes from step to step, so the merged request of caller and hooks is turned into
one session callable and kept. Whatever a callable cannot serve (RunOptions, unusual feeds) goes through `Session.run`.
"""
from __future__ import annotations

from collections import OrderedDict
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from ..compat import is_variable, make_flat_callable
from ..compat import tfv1 as tf

# More different requests than this within one session mean that somebody fetches new tensors all the time.
_MAX_PLANS = 64

Hook = tf.train.SessionRunHook


class HookedSession:
    """An existing session with hooks around each `run`, with the semantics of `tf.train.MonitoredSession`.

    All `before_run` are called in order, their requests are merged with the caller's into one run of the session, then all
    `after_run` are called in order.
    Unlike in a MonitoredSession, hooks see `options` and `run_metadata` in `run_values` only when somebody asked for options.

    Args:
        sess: a session; `close` closes it.
        hooks: the hooks; only their `before_run` and `after_run` are called.
    """

    def __init__(self, sess: tf.Session, hooks: Sequence[Hook] = ()):
        self._sess = sess
        self._hooks = list(hooks)
        self._plans: OrderedDict[tuple, _Plan] = OrderedDict()
        self._stop = False

    @property
    def graph(self) -> tf.Graph:
        """Graph of the session."""
        return self._sess.graph

    def raw_session(self) -> tf.Session:
        """The session without hooks."""
        return self._sess

    _tf_sess = raw_session  # MonitoredSession's name for it

    def should_stop(self) -> bool:
        """Whether a hook has asked to stop."""
        return self._stop

    def request_stop(self) -> None:
        """Make `should_stop` true."""
        self._stop = True

    def close(self) -> None:
        """Close the session; harmless when it is closed already."""
        self._stop = True
        self._plans.clear()
        self._sess.close()

    def run(self, fetches: Any, feed_dict: Optional[Dict] = None, options: Optional[tf.RunOptions] = None,
            run_metadata: Optional[tf.RunMetadata] = None) -> Any:
        """Like `Session.run`, with the hooks around it.

        Raises:
            RuntimeError: a hook has requested to stop, the session is closed, or two parties feed the same tensor.
        """
        if self._stop:
            raise RuntimeError("HookedSession.run: no run is possible after a stop was requested or the session was closed; "
                               "check should_stop() first")
        context = tf.train.SessionRunContext(
            original_args=tf.train.SessionRunArgs(fetches, feed_dict), session=self._sess)
        requests = [hook.before_run(context) for hook in self._hooks]
        if options is not None or run_metadata is not None or any(r is not None and r.options is not None for r in requests):
            values, options, run_metadata = self._run_with_options(fetches, requests, feed_dict, options, run_metadata)
        else:
            values = self._run_plan(fetches, requests, _merge_feeds(feed_dict, requests))
        for position, hook in enumerate(self._hooks, 1):
            hook.after_run(context, tf.train.SessionRunValues(values[position], options, run_metadata))
        if context.stop_requested:
            self._stop = True
        return values[0]

    def _run_plan(self, fetches: Any, requests: List, feeds: Dict) -> List:
        parts = [fetches] + [None if request is None else request.fetches for request in requests]
        key = (tuple([_content_key(part) for part in parts]), tuple([id(tensor) for tensor in feeds]))
        plan = self._plans.get(key)
        if plan is None:
            # The plan keeps what is fetched and fed alive, so the ids in the key stay theirs as long as the plan is kept.
            plan = self._plans[key] = _Plan(self._sess, parts, list(feeds))
            if len(self._plans) > _MAX_PLANS:
                self._plans.popitem(last=False)
        return plan.run(self._sess, feeds)

    def _run_with_options(self, fetches, requests, feed_dict, options, run_metadata):
        merged = tf.RunOptions()
        if options is not None:
            merged.CopyFrom(options)
        for request in requests:
            if request is not None and request.options is not None:
                _merge_options(merged, request.options)
        run_metadata = tf.RunMetadata() if run_metadata is None else run_metadata
        feeds = _merge_feeds(feed_dict, requests)
        parts = {0: fetches}
        parts.update((position, r.fetches) for position, r in enumerate(requests, 1) if r is not None and r.fetches is not None)
        values = self._sess.run(parts, feed_dict=feeds, options=merged, run_metadata=run_metadata)
        return [values.get(position) for position in range(len(requests) + 1)], merged, run_metadata


def _merge_feeds(feed_dict: Optional[Dict], requests: List) -> Dict:
    feeds = dict(feed_dict) if feed_dict else {}
    for request in requests:
        if request is None or not request.feed_dict:
            continue
        for tensor, value in request.feed_dict.items():
            if any(tensor is other for other in feeds):
                raise RuntimeError("HookedSession.run: a tensor can be fed by one party only; {} is fed twice".format(tensor))
            feeds[tensor] = value
    return feeds


def _merge_options(into: tf.RunOptions, other: tf.RunOptions) -> None:
    """The strictest of both: highest trace level, shortest timeout, everything that either wants to see."""
    into.trace_level = max(into.trace_level, other.trace_level)
    timeouts = [t for t in (into.timeout_in_ms, other.timeout_in_ms) if t > 0]
    into.timeout_in_ms = min(timeouts) if timeouts else 0
    into.output_partition_graphs = into.output_partition_graphs or other.output_partition_graphs
    into.debug_options.debug_tensor_watch_opts.extend(other.debug_options.debug_tensor_watch_opts)
    into.report_tensor_allocations_upon_oom = (
        into.report_tensor_allocations_upon_oom or other.report_tensor_allocations_upon_oom)


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

    def __init__(self, sess: tf.Session, parts: List, feeds: List):
        self._parts = [_frozen(part) for part in parts]
        self._feeds = feeds
        self._feed_checks = [_FeedCheck.make(tensor) for tensor in feeds]
        self._call: Optional[Callable] = None
        if any(check is None for check in self._feed_checks):
            return
        fetched: List[tf.Tensor] = []
        targets: List[tf.Operation] = []
        try:
            self._builders = [_builder(part, sess.graph, fetched, targets) for part in parts]
        except _Unusual:
            return
        if any(tensor is fed for tensor in fetched for fed in feeds):
            return  # Session.run gives the fed value, a callable refuses
        self._call = make_flat_callable(sess, fetched, targets, feeds)

    def run(self, sess: tf.Session, feeds: Dict) -> List:
        if self._call is None:
            fetches = {position: part for position, part in enumerate(self._parts) if part is not None}
            values = sess.run(fetches, feed_dict=feeds)
            return [values.get(position) for position in range(len(self._parts))]
        if feeds:
            flat = self._call(*[check(value) for check, value in zip(self._feed_checks, feeds.values())])
        else:
            flat = self._call()
        return [build(flat) for build in self._builders]


def _frozen(part: Any) -> Any:
    """A copy of lists and dicts, which their owner may change later, with the same leaves."""
    if type(part) is list:
        return [_frozen(x) for x in part]
    if type(part) in (dict, OrderedDict):
        return type(part)((name, _frozen(x)) for name, x in part.items())
    return part


class _Unusual(Exception):
    """A fetch that `Session.run` understands and `_builder` does not."""


def _builder(part: Any, graph: tf.Graph, fetched: List[tf.Tensor], targets: List[tf.Operation]) -> Callable[[List], Any]:
    """How to build the result for `part` from the flat results; what it needs is appended to `fetched` and `targets`."""
    if part is None:
        return lambda flat: None
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
        return lambda flat: None
    position = next((i for i, tensor in enumerate(fetched) if tensor is element), len(fetched))
    if position == len(fetched):
        fetched.append(element)
    return lambda flat: flat[position]


class _FeedCheck:
    """Turns a value into the array that a session callable takes for `tensor`, as `Session.run` does for its feed_dict."""

    @staticmethod
    def make(tensor: Any) -> Optional[_FeedCheck]:
        """None when a callable cannot take feeds for `tensor` (a sparse tensor, a variable, a resource handle)."""
        if not isinstance(tensor, tf.Tensor) or tensor.dtype in (tf.resource, tf.variant):
            return None
        return _FeedCheck(tensor)

    def __init__(self, tensor: tf.Tensor):
        self._tensor = tensor
        self._dtype = np.dtype(tensor.dtype.as_numpy_dtype)
        self._shape = None if tensor.shape.ndims is None else tensor.shape.as_list()

    def __call__(self, value: Any) -> np.ndarray:
        if isinstance(value, (tf.Tensor, tf.Operation)) or is_variable(value):
            raise TypeError("HookedSession.run: a fed value must be an array, number or string; got {!r} for {}".format(
                value, self._tensor.name))
        array = np.asarray(value, dtype=self._dtype)
        shape = self._shape
        if shape is not None and (len(shape) != array.ndim or any(
                [expected is not None and expected != size for expected, size in zip(shape, array.shape)])):
            raise ValueError("HookedSession.run: {} must be fed an array of shape {}; got shape {}".format(
                self._tensor.name, tuple(shape), array.shape))
        return array
