"""`Watchdog`: tells each worker of a training when another one is gone, and lets all of them agree on small things.

It is a star of TCP connections to rank 0, beside those of TensorFlow, which on 1.15 waits forever for a worker that has died.
With a key, `connection` makes sure that messages come from who has it. It is no ZMQ, which does not tell who of those that are
connected has gone: a worker that is lost is named at once because its own connection ends.
"""
from __future__ import annotations

import errno
import socket
import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from ...utils import logger
from ...utils._types import AnyFunction
from ...utils._wire.addresses import require_protection
from ...utils._wire.keys import Key
from ...utils._wire.strays import StrayLog
from .connection import Connection as _Connection

__all__ = ["INTERRUPTED", "Departure", "PeerGone", "Watchdog", "wait_for_name"]

INTERRUPTED = "it was interrupted"

_MAGIC = "tensorpack watchdog 1"
_RETRY_SECONDS = 0.2
_HELLO_SECONDS = 10.0
_MAX_STRANGERS = 64  # who may be about to say who they are at the same time


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

    @property
    def interrupted(self) -> bool:
        """Whether somebody has pressed Ctrl-C there."""
        return self.reason == INTERRUPTED

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
        key: that all workers have; who has another one or none cannot take part.
        insecure: listen without a key at an address that other machines can reach.

    Raises:
        RuntimeError: from the constructor, when not all workers came in time, or the port is taken.
        ValueError: the address can be reached by other machines, and there is no key.
    """

    def __init__(self, rank: int, size: int, address: str, on_departure: Callable[[Departure], None], *,
                 start_seconds: float = 600.0, heartbeat_seconds: float = 60.0, key: Optional[Key] = None,
                 insecure: bool = False):
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
        place = (host.strip("[]"), int(port))
        self._peers: Dict[int, _Connection] = (
            _Meeting(size, place, key, insecure).wait_for_all(deadline) if rank == 0 else _join(rank, size, place, key,
                deadline))
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


class _Meeting:
    """Rank 0 waits for the others. Each who connects says who it is in a thread of its own: none keeps the others waiting."""

    def __init__(self, size: int, place: Tuple[str, int], key: Optional[Key], insecure: bool):
        self._size, self._place, self._key, self._insecure = size, place, key, insecure
        self._peers: Dict[int, _Connection] = {}
        self._lock = threading.Lock()  # guards the peers
        self._strangers = threading.BoundedSemaphore(_MAX_STRANGERS)
        self._strays = StrayLog("CollectiveTrainer at {}:{}".format(*place))

    def wait_for_all(self, deadline: float) -> Dict[int, _Connection]:
        """The connections to all other workers, by rank."""
        with _listen(self._place, deadline, self._key, self._insecure) as listener:
            logger.info("Waiting for the other %d of %d workers at %s:%d ...", self._size - 1, self._size, *self._place)
            while len(self._peers) < self._size - 1:
                if time.monotonic() > deadline:
                    self._give_up()
                listener.settimeout(max(0.01, min(_RETRY_SECONDS, deadline - time.monotonic())))
                try:
                    self._welcome(*listener.accept())
                except OSError:  # nobody has come, or has gone already
                    pass
                self._strays.report()
        self._strays.report(True)
        for connection in self._peers.values():
            connection.send({"kind": "welcome"})
        return self._peers

    def _give_up(self) -> None:
        self._strays.report(True)
        with self._lock:
            missing = sorted(set(range(1, self._size)) - set(self._peers))
            for connection in self._peers.values():
                connection.close()
        raise RuntimeError("Rank 0 waits for all of {} workers; rank {} did not come in time; look at the log of each "
                           "that is missing".format(self._size, ", ".join(map(str, missing))))

    def _welcome(self, sock: socket.socket, address: Any) -> None:
        if self._strangers.acquire(False):
            threading.Thread(target=self._introduce, args=(sock, address), name="Watchdog", daemon=True).start()
        else:
            self._strays.add("too many connect at once", address[0])
            sock.close()

    def _introduce(self, sock: socket.socket, address: Any) -> None:
        """Add the worker that has connected to the peers, unless it is something else, such as a port scanner."""
        try:
            connection = _Connection(sock, self._key, True, _HELLO_SECONDS)
            hello = connection.receive(_HELLO_SECONDS, is_stranger=True)
            if hello["magic"] != _MAGIC:
                raise ValueError("another version")
            refusal = self._add(int(hello["rank"]), hello["size"], connection)
            if refusal is None:
                return
            logger.error("A worker was refused: %s; each must have the same cluster and an index of its own.", refusal)
            connection.send({"kind": "refused", "reason": refusal})
            connection.close()
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as e:
            self._strays.add("it is no worker of ours: {}".format(e), address[0])
            sock.close()
        finally:
            self._strangers.release()

    def _add(self, rank: int, size: int, connection: _Connection) -> Optional[str]:
        """Why this worker cannot take part; None if it can."""
        with self._lock:
            if size != self._size:
                return "rank 0 expects {} workers, rank {} expects {}".format(self._size, rank, size)
            if rank in self._peers or not 0 < rank < self._size:
                return "there is another rank {} already".format(rank)
            self._peers[rank] = connection
            return None


def _listen(place: Tuple[str, int], deadline: float, key: Optional[Key], insecure: bool) -> socket.socket:
    host, port = place
    try:
        address = _resolve(host, port, deadline)
        require_protection("CollectiveTrainer", "{}:{}".format(*address[4][:2]), key, insecure)
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


def _join(rank: int, size: int, place: Tuple[str, int], key: Optional[Key], deadline: float) -> Dict[int, _Connection]:
    """The connection to rank 0, once all workers are there."""
    while True:
        left = deadline - time.monotonic()
        sock = None
        try:
            sock = socket.create_connection(place, max(0.01, min(left, _HELLO_SECONDS)))
            connection = _Connection(sock, key, False, max(0.01, min(left, _HELLO_SECONDS)))
            connection.send({"magic": _MAGIC, "rank": rank, "size": size})
            answer = connection.receive(max(0.01, deadline - time.monotonic()))  # it comes when all of them are there
            break
        except (OSError, ValueError) as e:
            if sock is not None:
                sock.close()
            if left <= _RETRY_SECONDS:
                raise RuntimeError("Rank {} could not join rank 0 at {}:{} in time: {}; look at the log of rank 0{}".format(
                    rank, *place, e, ", and whether it has the same key" if key or isinstance(e, ValueError) else "")) from e
        time.sleep(_RETRY_SECONDS)
    if answer["kind"] == "refused":
        connection.close()
        raise RuntimeError("Rank {} was refused by rank 0: {}; look at TF_CONFIG of both".format(rank, answer["reason"]))
    return {0: connection}
