"""Lets a socket bind or connect, with errors that say what is wrong with an address."""
from __future__ import annotations

import errno
from typing import Any

from ...utils._text.spec import shown
from ...utils.optional import optional_import

zmq = optional_import("zmq", needed_by="RemoteDataZMQ and send_dataflow_zmq", pip="pyzmq")

_FORMS = "tcp://host:port, such as tcp://127.0.0.1:5555, or ipc://path"


def open_socket(who: str, socket: Any, address: Any, bind: bool) -> None:
    """Bind or connect a socket.

    Args:
        who: whose socket it is, for errors.
        address: of ZMQ.
        bind: listen there instead of connecting to it.

    Raises:
        TypeError: it is no text.
        ValueError: it is no address of ZMQ.
        zmq.ZMQError: it cannot be had, with the `errno` that ZMQ gives.
    """
    if not isinstance(address, str):
        raise TypeError("{}: an address must be a str, {}; got {}".format(who, _FORMS, shown(address)))
    text = "{}: an address must be {}; got {!r}".format(who, _FORMS, address)
    flaw = _flaw(address)
    if flaw:  # ZMQ connects to tcp://[::1] without a port, and waits for ever
        raise ValueError(text + flaw)
    try:
        (socket.bind if bind else socket.connect)(address)
    except zmq.ZMQError as e:
        if e.errno in (errno.EINVAL, errno.EPROTONOSUPPORT, zmq.ENOCOMPATPROTO):
            raise ValueError(text) from e
        raise zmq.ZMQError(e.errno, "{}: it must be possible to {} {}; got: {}{}".format(
            who, "listen at" if bind else "connect to", address, zmq.strerror(e.errno), _advice(e.errno))) from e


def _flaw(address: str) -> str:
    """What is missing in an address, if it can be told."""
    protocol, separator, place = address.partition("://")
    if not separator:
        return "; there is no protocol: try {!r}".format("tcp://" + address)
    if protocol == "tcp" and not place.rpartition("]")[2].partition(":")[2]:
        return ", which has no port"
    return ""


def _advice(number: int) -> str:
    return "; another program or flow listens there: end it, or choose another port" if number == errno.EADDRINUSE else ""
