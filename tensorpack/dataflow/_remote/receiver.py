"""The end of a connection that takes datapoints."""
from __future__ import annotations

from typing import Any, List, Set, Tuple

from ...utils import logger
from ...utils._process.remote_failure import RemoteFailure
from ...utils._wire.codec import MAX_PARTS, DamagedError, PickleRefusedError, decode
from ...utils._wire.strays import StrayLog
from ...utils.optional import optional_import
from .connections import Connections, sender_of

zmq = optional_import("zmq", needed_by="RemoteDataZMQ and send_dataflow_zmq", pip="pyzmq")

DATAPOINT, FAILURE = 0, 1  # kinds of messages
RECEIVED = b"tensorpack received"
REFUSED = b"tensorpack refuses a pickle of "


class Receiver:
    """Reads a socket; what is no datapoint of ours is dropped and counted.

    Args:
        socket: a ROUTER that neither bound nor connected yet.
        strays: counts what is dropped.
        max_bytes: of a message.
        allow_pickle: whether messages may hold pickles.
    """

    def __init__(self, socket: Any, strays: StrayLog, max_bytes: int, allow_pickle: bool):
        self.socket = socket
        self._strays, self._max_bytes, self._allow_pickle = strays, max_bytes, allow_pickle
        # Up to twice as much is read, to be counted; ZMQ ends the connection of what is larger before it is read.
        socket.maxmsgsize = 2 * max_bytes
        self._connections = Connections(socket, strays, True)
        self._known: Set[bytes] = set()  # senders that have sent something good
        self.follow, self.close = self._connections.follow, self._connections.close

    def receive(self) -> List[Any]:
        """The next datapoint, as the only element, or nothing, if it is a stray; raises the sender's error."""
        receive = self.socket.recv
        sender, first = receive(), receive(0, False)
        more = self._receive_more() if first.more else []
        try:
            kind, value = self._decode(first.buffer, more)
        except DamagedError as e:
            self._strays.add("a message is not ours: {}".format(e), sender_of(first))
            return []
        except PickleRefusedError as e:
            self._strays.add("a pickle of {!r}, which needs allow_pickle=True here, too".format(e.kind), sender_of(first))
            self._answer(sender, REFUSED + e.kind.encode())
            return []
        if sender not in self._known:
            self._connections.hear(first)
            self._known.add(sender)
        if kind == FAILURE:
            self._answer(sender, RECEIVED)
            RemoteFailure.from_plain(value, self._allow_pickle).reraise()
        return [value]

    def _receive_more(self) -> List[Any]:
        return [part.buffer for part in self.socket.recv_multipart(0, False)]

    def _decode(self, first: memoryview, more: List[memoryview]) -> Tuple[int, Any]:
        if len(more) >= MAX_PARTS:
            raise DamagedError("it has {} parts".format(len(more) + 1))
        if len(first) + sum(map(len, more)) > self._max_bytes:
            raise DamagedError("it has more than max_bytes={} bytes".format(self._max_bytes))
        kind, value = decode(first, self._allow_pickle, more)
        if kind and (kind != FAILURE or not RemoteFailure.is_plain_form(value)):
            raise DamagedError("it is of the unknown kind {}".format(kind))
        return kind, value

    def _answer(self, sender: bytes, answer: bytes) -> None:
        try:
            self.socket.send_multipart([sender, answer], zmq.NOBLOCK)
        except zmq.ZMQError as e:
            logger.debug("RemoteDataZMQ could not answer a sender: %s", e)
