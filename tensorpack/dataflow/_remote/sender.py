"""The end of a connection that sends datapoints."""
from __future__ import annotations

import time
from typing import Any, List

from ...utils._process.remote_failure import RemoteFailure
from ...utils._wire.codec import Encoder, NotPlainError
from ...utils._wire.strays import StrayLog
from ...utils.optional import optional_import
from .connections import Connections, sender_of
from .receiver import DATAPOINT, FAILURE, RECEIVED, REFUSED

zmq = optional_import("zmq", needed_by="RemoteDataZMQ and send_dataflow_zmq", pip="pyzmq")

_WHO = "send_dataflow_zmq"
_POLL_MS = 500


class Sender:
    """Sends datapoints as messages.

    ZMQ drops what the kernel holds for a slow receiver when the sender closes its socket. So the last message, an error, is
    acknowledged, and the socket stays open until then.

    Args:
        socket: a DEALER that neither bound nor connected yet.
        strays: counts answers that are not ours, and connections that fail.
        max_bytes: of a message.
        allow_pickle: pickle what is not plain.
    """

    def __init__(self, socket: Any, strays: StrayLog, max_bytes: int, allow_pickle: bool):
        self._socket, self._strays, self._max_bytes, self._allow_pickle = socket, strays, max_bytes, allow_pickle
        socket.maxmsgsize = 1 << 16  # of an answer
        socket.sndtimeo = _POLL_MS
        self._more, self._again = int(zmq.SNDMORE), zmq.Again
        self._connections = Connections(socket, strays, False)
        self.close = self._connections.close
        self._encoder = Encoder(allow_pickle)

    def send(self, dp: Any) -> None:
        """Send a datapoint; waits while the receiver is behind.

        Raises:
            TypeError: it is not plain, and one of the sides does not allow pickles.
            ValueError: it is larger than `max_bytes`.
        """
        try:
            parts = self._encoder.encode_parts(dp, DATAPOINT)
        except NotPlainError as e:
            raise TypeError("{}: {} must be plain data: numbers, text, bytes, None, numpy arrays, and lists, tuples and dicts "
                            "of them; got {}; convert it, or pass allow_pickle=True here and to the receiver, if they trust "
                            "each other".format(_WHO, e.where, e.kind)) from None
        size = len(parts[0]) if len(parts) == 1 else sum(map(len, parts))
        if size > self._max_bytes:
            raise ValueError("{}: a datapoint must have at most max_bytes={} bytes; got {}; raise it here and at the "
                             "receiver".format(_WHO, self._max_bytes, size))
        self._put(parts)
        if self._encoder.pickled:
            self._find_answer(0)

    def fail(self, failure: RemoteFailure, seconds: float) -> None:
        """Send an error as the last message; return when the receiver has taken it, or none is there within that time."""
        deadline = time.monotonic() + seconds
        if not self._put(self._encoder.encode_parts(failure.to_plain(self._allow_pickle), FAILURE), deadline):
            return
        deadline = time.monotonic() + seconds
        while not self._find_answer(_POLL_MS):
            self._connections.follow()
            if not self._connections.count and (self._connections.ended or time.monotonic() > deadline):
                return

    def _put(self, parts: List[Any], deadline: float = float("inf")) -> bool:
        """Whether the message could be sent before the deadline."""
        while True:
            try:
                # ZMQ copies them, since their owners may write to them meanwhile; what has begun is not kept waiting
                for k, part in enumerate(parts, start=1):
                    self._socket.send(part, self._more if k < len(parts) else 0)
                return True
            except self._again:
                self._connections.follow()
                if time.monotonic() > deadline:
                    return False

    def _find_answer(self, wait_ms: int) -> bool:
        """Whether the receiver has taken the last message."""
        while self._socket.poll(wait_ms):
            parts = self._socket.recv_multipart(copy=False)
            answer = parts[0].bytes
            if answer == RECEIVED:
                return True
            kind = answer[len(REFUSED):].decode("utf-8", "replace")
            if not answer.startswith(REFUSED) or kind not in self._encoder.pickled:
                self._strays.add("an answer is not ours", sender_of(parts[0]))
            elif self._allow_pickle:
                self._allow_pickle = False  # the error that says so is plain itself
                raise TypeError("{}: {} is {}, which is pickled, and the receiver takes plain data only; convert it, or pass "
                                "allow_pickle=True to the receiver, too, if it trusts this program".format(
                                    _WHO, self._encoder.pickled[kind], kind))
        return False
