"""`Watchdog`: tells each worker of a training when another one is gone, and lets all of them agree on small things.

It is a star of TCP connections to rank 0, beside those of TensorFlow, which on 1.15 waits forever for a worker that has died.
A message is four bytes with a length, and JSON. Like TensorFlow's own, the connections are neither encrypted nor authenticated.
"""
from __future__ import annotations

import errno
import json
import socket
import struct
import threading
import time
import zlib
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from ...utils import logger
from ...utils._types import AnyFunction

__all__ = ["Departure", "PeerGone", "Watchdog", "wait_for_name"]

_HEADER = struct.Struct("!I")
_MAX_MESSAGE = 1 << 28
_MAGIC = "tensorpack watchdog 1"
_RETRY_SECONDS = 0.2
_HELLO_SECONDS = 10.0


class Departure(NamedTuple):
    """How a worker left the training.

    Attributes:
        rank: of the worker.
        reason: a phrase that follows "rank 3: ".
        failed: False if it left as at the end of a training.
        step: how many steps it had made; None if nobody knows.
    """

    rank: int
    reason: str
    failed: bool
    step: Optional[int]

    def __str__(self) -> str:
        return "rank {}: {}".format(self.rank, self.reason)


class PeerGone(RuntimeError):
    """A worker is not there to agree with; `departure` tells which one and why."""

    def __init__(self, departure: Departure):
        super().__init__(str(departure))
        self.departure = departure


class Watchdog:
    """The connection of one worker to the others.

    Args:
        rank: of this worker. Rank 0 listens, the others connect to it, in any order.
        size: number of workers.
        address: `host:port` on the host of rank 0.
        on_departure: called once for each other worker that leaves, in a thread of the watchdog.
        start_seconds: how long to wait until all workers are there.
        heartbeat_seconds: a worker that is silent for so long is taken for lost.

    Raises:
        RuntimeError: from the constructor, when not all workers came in time, or the port is taken.
    """

    def __init__(self, rank: int, size: int, address: str, on_departure: Callable[[Departure], None], *,
                 start_seconds: float = 600.0, heartbeat_seconds: float = 60.0):
        self._rank, self._size = rank, size
        self._on_departure = on_departure
        self._heartbeat_seconds = heartbeat_seconds
        self._state = threading.Condition()  # guards all that follow
        self._departures: Dict[int, Departure] = {}
        self._values: Dict[int, Dict[int, Any]] = {}  # on rank 0: number of the exchange -> rank -> value
        self._answers: Dict[int, Any] = {}
        self._num_exchanges = 0
        self._left = False
        self._hub_gone = False  # nobody is left to tell of the departures of others
        self._closed = threading.Event()
        self._broadcast = threading.Lock()  # one after the other: who has an answer may leave before the next one has it
        host, _, port = address.rpartition(":")
        deadline = time.monotonic() + start_seconds
        connect = _accept_all if rank == 0 else _connect
        self._peers: Dict[int, _Connection] = connect(rank, size, host.strip("[]"), int(port), deadline)
        for peer, connection in self._peers.items():
            self._start(self._read, peer, connection)
        self._start(self._beat)

    def _start(self, function: AnyFunction, *args: Any) -> None:
        threading.Thread(target=function, args=args, name="Watchdog", daemon=True).start()

    @property
    def departures(self) -> List[Departure]:
        """Those who have left so far, those who failed first, otherwise in the order in which they left."""
        with self._state:
            return sorted(self._departures.values(), key=lambda departure: not departure.failed)

    def exchange(self, value: Any, combine: Callable[[List[Any]], Any] = list) -> Any:
        """Wait until every worker has called this as often, and return what `combine` makes, on rank 0, of their values.

        Args:
            value: anything that JSON can hold.
            combine: from the values by rank to the result, which JSON can hold; a ValueError is raised on all workers.

        Raises:
            PeerGone: a worker has left.
            ValueError: raised by `combine`.
        """
        with self._state:
            number = self._num_exchanges
            self._num_exchanges += 1
            self._values.setdefault(number, {})[self._rank] = value
        if self._rank == 0:
            self._wait_for(lambda: len(self._values[number]) == self._size)
            answer = _combined(combine, self._values.pop(number))
            self._send({"kind": "answer", "number": number, "answer": answer})
        else:
            self._send({"kind": "value", "number": number, "value": value})
            self._wait_for(lambda: number in self._answers)
            answer = self._answers.pop(number)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["result"]

    def _wait_for(self, condition: Callable[[], bool]) -> None:
        with self._state:
            self._state.wait_for(lambda: condition() or self._departures)
            there = condition()
        if not there:
            raise PeerGone(self.departures[0])

    def leave(self, reason: str, failed: bool, step: Optional[int] = None) -> None:
        """Tell the others that this worker makes no more steps, and why; only the first call counts."""
        with self._state:
            first, self._left = not self._left, True
        if first:
            self._send(_to_message(Departure(self._rank, reason, failed, step)))

    def wait_for_others(self, seconds: Optional[float] = None) -> bool:
        """Wait until every other worker has left, too; whether they have within that time."""
        with self._state:
            return self._state.wait_for(lambda: self._hub_gone or len(self._departures) == self._size - 1, seconds)

    def wait_for_failure(self, seconds: float) -> bool:
        """Wait until another worker has failed or is lost; whether one has within that time."""
        with self._state:
            return self._state.wait_for(lambda: any(departure.failed for departure in self._departures.values()), seconds)

    def close(self) -> None:
        """Close all connections; those who have not been told that this worker leaves will take it for lost."""
        self._closed.set()
        for connection in self._peers.values():
            connection.close()

    def _send(self, message: Dict[str, Any], but: Optional[int] = None) -> None:
        with self._broadcast:
            for peer, connection in self._peers.items():
                if peer != but:
                    try:
                        connection.send(message)
                    except OSError:
                        pass  # the thread that reads from it sees that, too

    def _beat(self) -> None:
        while not self._closed.wait(self._heartbeat_seconds / 5):
            self._send({"kind": "beat"})

    def _read(self, peer: int, connection: _Connection) -> None:
        try:
            while True:
                self._receive(peer, connection.receive(self._heartbeat_seconds))
        except (OSError, ValueError, KeyError, TypeError) as e:
            with self._state:
                self._hub_gone = self._hub_gone or peer == 0
                self._state.notify_all()
            if not self._closed.is_set():
                self._note(Departure(peer, "it is lost ({})".format(e), True, None))

    def _receive(self, peer: int, message: Dict[str, Any]) -> None:
        kind = message["kind"]
        if kind == "left":
            self._note(Departure(*message["departure"]))
        elif kind != "beat":
            with self._state:
                if kind == "value":
                    self._values.setdefault(message["number"], {})[peer] = message["value"]
                else:
                    self._answers[message["number"]] = message["answer"]
                self._state.notify_all()

    def _note(self, departure: Departure) -> None:
        with self._state:
            if departure.rank in self._departures or departure.rank == self._rank:
                return
        if self._rank == 0:  # before anybody here knows, and closes the connections
            self._send(_to_message(departure), but=departure.rank)
        with self._state:
            self._departures[departure.rank] = departure
            self._state.notify_all()
        self._on_departure(departure)


def _to_message(departure: Departure) -> Dict[str, Any]:
    return {"kind": "left", "departure": list(departure)}


def _combined(combine: Callable[[List[Any]], Any], values: Dict[int, Any]) -> Dict[str, Any]:
    try:
        return {"result": combine([values[rank] for rank in sorted(values)])}
    except ValueError as e:
        return {"error": str(e)}


class _Connection:
    """Messages over a socket."""

    def __init__(self, sock: socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(None)
        self._socket = sock
        self._lock = threading.Lock()

    def send(self, message: Dict[str, Any]) -> None:
        content = zlib.compress(json.dumps(message).encode(), 1)
        with self._lock:
            self._socket.sendall(_HEADER.pack(len(content)) + content)

    def receive(self, seconds: float) -> Dict[str, Any]:
        """The next message; raises OSError if the other side is silent for so long, or gone, ValueError if it is no message."""
        self._socket.settimeout(seconds)
        try:
            (length,) = _HEADER.unpack(self._read(_HEADER.size))
            if length > _MAX_MESSAGE:
                raise ValueError("what it sent is no message")
            return json.loads(zlib.decompress(self._read(length)).decode())
        except socket.timeout:
            raise OSError("nothing was heard of it for {:g} seconds".format(seconds)) from None
        except zlib.error as e:
            raise ValueError("what it sent is no message") from e

    def _read(self, length: int) -> bytes:
        parts = []
        while length:
            part = self._socket.recv(min(length, 1 << 20))
            if not part:
                raise OSError("its connection was closed")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other side was faster
            pass
        self._socket.close()


def _accept_all(rank: int, size: int, host: str, port: int, deadline: float) -> Dict[int, _Connection]:
    """The connections to all other workers, by rank."""
    peers: Dict[int, _Connection] = {}
    with _listen(host, port, deadline) as listener:
        logger.info("Waiting for the other %d of %d workers at %s:%d ...", size - 1, size, host, port)
        while len(peers) < size - 1:
            listener.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                connection = _Connection(listener.accept()[0])
            except socket.timeout:
                missing = sorted(set(range(1, size)) - set(peers))
                for connection in peers.values():
                    connection.close()
                raise RuntimeError("Rank 0 waits for all of {} workers; rank {} did not come in time; look at the log of each "
                                   "that is missing".format(size, ", ".join(map(str, missing)))) from None
            _introduce(connection, size, peers)
    for connection in peers.values():
        connection.send({"kind": "welcome"})
    return peers


def _introduce(connection: _Connection, size: int, peers: Dict[int, _Connection]) -> None:
    """Add the worker that has connected to `peers`, unless it is something else, such as a port scanner."""
    try:
        hello = connection.receive(_HELLO_SECONDS)
        if hello["magic"] != _MAGIC:
            raise ValueError("another version")
        refusal = None
        if hello["size"] != size:
            refusal = "rank 0 expects {} workers, rank {} expects {}".format(size, hello["rank"], hello["size"])
        elif hello["rank"] in peers or not 0 < hello["rank"] < size:
            refusal = "there is another rank {} already".format(hello["rank"])
        if refusal is None:
            peers[hello["rank"]] = connection
            return
        logger.error("A worker was refused: %s; each must have the same cluster and an index of its own.", refusal)
        connection.send({"kind": "refused", "reason": refusal})
    except (OSError, ValueError, KeyError, TypeError):
        pass
    connection.close()


def _listen(host: str, port: int, deadline: float) -> socket.socket:
    try:
        address = _resolve(host, port, deadline)
        try:
            return _listen_at(address)
        except OSError as e:
            if e.errno != errno.EADDRNOTAVAIL:
                raise
            return _listen_at(_resolve(None, port, deadline))  # it is that of a gateway, as for a service of Kubernetes
    except OSError as e:
        raise RuntimeError("Rank 0 cannot wait for the others at {}:{}: {}; set TENSORPACK_WATCHDOG=host:port, the same for "
                           "all workers, to a free port on its host".format(host, port, e)) from e


def wait_for_name(host: str, seconds: float) -> bool:
    """Wait until the name of a host, or its address, can be looked up; whether it can within that time."""
    try:
        _resolve(host, 0, time.monotonic() + seconds)
        return True
    except OSError:
        return False


def _resolve(host: Optional[str], port: int, deadline: float) -> Tuple[Any, ...]:
    """What `socket.getaddrinfo` says first. It is asked again until the deadline: names of new hosts may come late."""
    waiting = False
    while True:
        try:
            return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)[0]
        except socket.gaierror as e:
            if deadline - time.monotonic() <= _RETRY_SECONDS:
                raise
            if not waiting:
                logger.info("Waiting until the name %s can be looked up (%s) ...", host, e)
            waiting = True
        time.sleep(_RETRY_SECONDS)


def _listen_at(address: Tuple[Any, ...]) -> socket.socket:
    listener = socket.socket(*address[:3])
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address[4])
        listener.listen(128)
        return listener
    except OSError:
        listener.close()
        raise


def _connect(rank: int, size: int, host: str, port: int, deadline: float) -> Dict[int, _Connection]:
    """The connection to rank 0, once all workers are there."""
    while True:
        left = deadline - time.monotonic()
        connection = None
        try:
            connection = _Connection(socket.create_connection((host, port), max(0.01, min(left, _HELLO_SECONDS))))
            connection.send({"magic": _MAGIC, "rank": rank, "size": size})
            answer = connection.receive(max(0.01, deadline - time.monotonic()))  # it comes when all of them are there
            break
        except (OSError, ValueError) as e:
            if connection is not None:
                connection.close()
            if left <= _RETRY_SECONDS:
                raise RuntimeError("Rank {} could not join rank 0 at {}:{} in time: {}; look at the log of rank 0".format(
                    rank, host, port, e)) from e
        time.sleep(_RETRY_SECONDS)
    if answer["kind"] == "refused":
        connection.close()
        raise RuntimeError("Rank {} was refused by rank 0: {}; look at TF_CONFIG of both".format(rank, answer["reason"]))
    return {0: connection}
