"""Who connects to a socket and leaves it, and whether it was one of us."""
from __future__ import annotations

import os
import socket as sockets
import time
from typing import Any, Dict, List, Set, Tuple

from ...utils._wire.strays import StrayLog
from ...utils.optional import optional_import

zmq = optional_import("zmq", needed_by="RemoteDataZMQ and send_dataflow_zmq", pip="pyzmq")
zmq_monitor = optional_import("zmq.utils.monitor", needed_by="RemoteDataZMQ and send_dataflow_zmq", pip="pyzmq")

_PATIENCE = 10.0  # how long what a sender has left behind may wait to be read

_REFUSED = "its connection failed: it speaks another protocol, or has another key, or one side has none"
_MUTE = "it connected and sent nothing of ours"


class Connections:
    """Follows the connections of a socket; made before it binds or connects.

    Args:
        socket: of ZMQ.
        strays: told of those who are none of us.
        expects_data: whether who connects has to send something.

    Attributes:
        count: how many connections there are.
        ended: whether one of them, that had been let in, has ended.
    """

    def __init__(self, socket: Any, strays: StrayLog, expects_data: bool):
        self.count, self.ended = 0, False
        self._socket, self._strays, self._expects_data = socket, strays, expects_data
        self._monitor = socket.get_monitor_socket(
            zmq.EVENT_CONNECTED | zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        self._open: Dict[int, str] = {}  # descriptor -> address
        self._heard: Set[int] = set()
        self._mute: List[Tuple[float, int, str]] = []  # they have left, but what they sent may not have been read yet
        self._num_failed = 0

    def hear(self, frame: Any) -> None:
        """Note that a good message has come over a connection."""
        descriptor = _property(frame, "__fd")
        if descriptor:
            self._heard.add(int(descriptor))
            self._mute = [mute for mute in self._mute if mute[1] != int(descriptor)]

    def follow(self) -> None:
        """Look at what has happened; to be called now and then."""
        moment = time.monotonic()
        while self._monitor.poll(0):
            event = zmq_monitor.recv_monitor_message(self._monitor)
            self._take(event["event"], event["value"], moment)
        while self._mute and self._mute[0][0] < moment:
            self._strays.add(_MUTE, self._mute.pop(0)[2])
        self._strays.report()

    def close(self) -> None:
        """Stop following; to be called before the socket is closed."""
        self._socket.disable_monitor()
        self._monitor.close(0)

    def _take(self, event: int, value: int, moment: float) -> None:
        if event in (zmq.EVENT_CONNECTED, zmq.EVENT_ACCEPTED):
            self.count += 1
            self._heard.discard(value)
            self._open[value] = _address(value)
        elif event == zmq.EVENT_DISCONNECTED:
            self.count -= 1
            self._end(value, self._open.pop(value, ""), moment)
        else:
            self._num_failed += 1

    def _end(self, descriptor: int, address: str, moment: float) -> None:
        if self._num_failed:
            self._num_failed -= 1
            self._strays.add(_REFUSED, address)
            return
        self.ended = True
        if self._expects_data and descriptor not in self._heard:
            self._mute.append((moment + _PATIENCE, descriptor, address))


def sender_of(frame: Any) -> str:
    """The address of the host that sent a frame; "" if it is not known."""
    return _property(frame, "Peer-Address")


def _property(frame: Any, name: str) -> str:
    try:
        return str(frame.get(name))
    except Exception:  # zmq has errors of several types for what is not there
        return ""


def _address(descriptor: int) -> str:
    """Who is at the other end of a socket of ZMQ, which may have been closed since."""
    try:
        with sockets.socket(fileno=os.dup(descriptor)) as connection:
            host, port = connection.getpeername()[:2]
            return "{}:{}".format(host, port)
    except (OSError, ValueError):
        return ""
