"""The connections between workers: each worker is a thread here, with a Watchdog of its own, on real sockets."""
import socket
import threading
import time

import pytest

from tensorpack.launch import _free_ports
from tensorpack.train._distributed.watchdog import _MAGIC, PeerGone, Watchdog, _Connection, wait_for_name

LIMIT = 120


class Worker(threading.Thread):
    """Runs `program(watchdog)`; keeps its result or error, and who has departed."""

    def __init__(self, rank, size, address, program, seconds=(LIMIT, LIMIT), **options):
        super().__init__(daemon=True)
        self.options = options
        self.rank, self.size = rank, size
        self.address, self.program, self.seconds = address, program, seconds
        self.departed, self.result, self.error = [], None, None
        self.start()

    def run(self):
        watchdog = None
        try:
            watchdog = Watchdog(self.rank, self.size, self.address, self.departed.append,
                                start_seconds=self.seconds[0], heartbeat_seconds=self.seconds[1], **self.options)
            self.result = self.program(watchdog)
        except Exception as e:
            self.error = e
        finally:
            if watchdog is not None:
                watchdog.close()

    def outcome(self):
        self.join(LIMIT)
        assert not self.is_alive()
        return self.result if self.error is None else self.error


@pytest.fixture
def address():
    return "127.0.0.1:{}".format(_free_ports(1)[0])


def wait_for(condition):
    end = time.time() + LIMIT
    while not condition():
        assert time.time() < end
        time.sleep(0.01)


def start(address, *programs):
    return [Worker(rank, len(programs), address, program) for rank, program in enumerate(programs)]


def leaving(reason, failed, step=None):
    def program(watchdog):
        watchdog.leave(reason, failed, step)
        return watchdog.wait_for_others(LIMIT)
    return program


def test_workers_agree_on_what_rank_0_makes_of_their_values(address):
    def program(watchdog):
        first = watchdog.exchange({"rank": watchdog._rank})
        return first, [watchdog.exchange(k * watchdog._rank, max) for k in range(50)]

    for worker in start(address, program, program, program):
        assert worker.outcome() == ([{"rank": rank} for rank in range(3)], [2 * k for k in range(50)])


@pytest.mark.parametrize("says_goodbye", [True, False])
def test_who_leaves_with_an_answer_takes_it_from_nobody(address, says_goodbye):
    def answer_slowly(watchdog):
        send = watchdog._peers[2].send

        def send_slowly(message):
            if message["kind"] == "answer":
                time.sleep(0.5)
            send(message)
        watchdog._peers[2].send = send_slowly
        return exchange_and_go(watchdog)

    def exchange_and_go(watchdog):
        result = watchdog.exchange(watchdog._rank, sum)
        if says_goodbye:
            watchdog.leave("enough", False)
            watchdog.wait_for_others(LIMIT)
        return result

    for worker in start(address, answer_slowly, exchange_and_go, exchange_and_go):
        assert worker.outcome() == 3


def test_an_error_of_the_agreement_is_raised_on_all(address):
    def refuse(values):
        raise ValueError("got {}".format(values))

    for worker in start(address, *[lambda watchdog: watchdog.exchange(watchdog._rank, refuse)] * 3):
        assert isinstance(worker.outcome(), ValueError) and "got [0, 1, 2]" in str(worker.outcome())


def test_a_large_value_arrives(address):
    value = {"operation/{}".format(k): "MatMul" for k in range(50000)}
    for worker in start(address, *[lambda watchdog: watchdog.exchange(value)] * 2):
        assert worker.outcome() == [value, value]


@pytest.mark.parametrize("lost", range(3))
def test_a_closed_connection_is_told_to_all_and_ends_an_exchange(address, lost):
    def close(watchdog):
        watchdog.exchange(None)
        watchdog.close()

    def wait(watchdog):
        watchdog.exchange(None)
        watchdog.exchange(None)

    workers = start(address, *[close if rank == lost else wait for rank in range(3)])
    for rank, worker in enumerate(workers):
        error = worker.outcome()
        if rank != lost:
            assert isinstance(error, PeerGone)
            assert error.departure.rank == lost and error.departure.failed
            assert str(error).startswith("rank {}: it is lost (".format(lost))
            wait_for(lambda worker=worker: worker.departed)
            assert worker.departed[0].rank == lost


def test_all_are_told_why_one_left(address):
    workers = start(address, leaving("enough", False, 7), leaving("it has failed (no luck)", True), leaving("enough", False, 7))
    for rank, worker in enumerate(workers):
        assert worker.outcome() is True
        expected = {(0, "enough", False, 7), (1, "it has failed (no luck)", True, None), (2, "enough", False, 7)}
        wait_for(lambda worker=worker: len(worker.departed) == 2)
        assert set(map(tuple, worker.departed)) == {departure for departure in expected if departure[0] != rank}


def test_failures_come_first_among_the_departures(address):
    def watch(watchdog):
        assert watchdog.wait_for_others(LIMIT)
        return [departure.rank for departure in watchdog.departures]

    def fail_late(watchdog):
        time.sleep(0.3)
        return leaving("no luck", True)(watchdog)

    workers = start(address, watch, leaving("enough", False), fail_late)
    assert workers[0].outcome() == [2, 1]


def test_the_first_reason_counts(address):
    def leave_twice(watchdog):
        watchdog.leave("no luck", True)
        watchdog.leave("enough", False)
        watchdog.wait_for_others(LIMIT)

    workers = start(address, leaving("enough", False), leave_twice)
    workers[0].outcome()
    wait_for(lambda: workers[0].departed)
    assert [departure.reason for departure in workers[0].departed] == ["no luck"]


def test_who_is_silent_is_lost(address):
    chief = Worker(0, 2, address, lambda watchdog: watchdog.wait_for_failure(LIMIT), (LIMIT, 0.5))
    silent = join(address, {"magic": _MAGIC, "rank": 1, "size": 2})
    assert chief.outcome() is True
    wait_for(lambda: chief.departed)
    assert "nothing was heard of it for 0.5 seconds" in chief.departed[0].reason
    silent.close()


def test_heartbeats_keep_a_quiet_connection(address):
    def be_quiet(watchdog):
        lost = watchdog.wait_for_failure(6)
        watchdog.leave("enough", False)
        return lost

    programs = [be_quiet, lambda watchdog: watchdog.wait_for_others(LIMIT)]
    workers = [Worker(rank, 2, address, program, (LIMIT, 4.0)) for rank, program in enumerate(programs)]
    assert not workers[0].outcome()


def join(address, hello):
    """A connection of somebody who says hello."""
    host, port = address.split(":")
    end = time.time() + LIMIT
    while True:
        try:
            connection = _Connection(socket.create_connection((host, int(port))))
            break
        except OSError:
            assert time.time() < end
            time.sleep(0.05)
    connection.send(hello)
    return connection


@pytest.mark.parametrize("changes, expected", [
    ({"size": 3}, "rank 0 expects 2 workers, rank 1 expects 3"),
    ({"rank": 2, "size": 2}, "there is another rank 2 already"),
], ids=["size", "rank"])
def test_a_worker_of_another_cluster_is_refused(address, changes, expected):
    chief = Worker(0, 2, address, leaving("enough", False))
    stranger = Worker(address=address, program=leaving("enough", False), **dict({"rank": 1, "size": 2}, **changes))
    error = stranger.outcome()
    assert isinstance(error, RuntimeError) and expected in str(error) and "TF_CONFIG" in str(error)
    assert Worker(1, 2, address, leaving("enough", False)).outcome() is True
    assert chief.outcome() is True


def test_a_second_worker_of_the_same_rank_is_refused(address):
    chief = Worker(0, 3, address, leaving("enough", False))
    first = join(address, {"magic": _MAGIC, "rank": 1, "size": 3})
    time.sleep(0.3)
    error = Worker(1, 3, address, leaving("enough", False)).outcome()
    assert isinstance(error, RuntimeError) and "there is another rank 1 already" in str(error)
    last = join(address, {"magic": _MAGIC, "rank": 2, "size": 3})
    assert first.receive(LIMIT) == last.receive(LIMIT) == {"kind": "welcome"}
    first.close()
    last.close()
    chief.outcome()


def test_strangers_are_ignored(address):
    chief = Worker(0, 2, address, leaving("enough", False))
    join(address, {"GET": "/"}).close()
    join(address, ["no", "object"]).close()
    host, port = address.split(":")
    scanner = socket.create_connection((host, int(port)))
    scanner.sendall(b"GET / HTTP/1.1\r\n\r\n")
    scanner.close()
    assert Worker(1, 2, address, leaving("enough", False)).outcome() is True
    assert chief.outcome() is True


def test_who_does_not_come_is_named(address):
    chief = Worker(0, 3, address, leaving("enough", False), (3.0, LIMIT))
    lonely = Worker(2, 3, address, leaving("enough", False), (3.0, LIMIT))
    assert "rank 1 did not come in time" in str(chief.outcome())
    assert "Rank 2 could not join rank 0 at {} in time".format(address) in str(lonely.outcome())


def test_a_taken_port_is_named(address):
    host, port = address.split(":")
    with socket.socket() as taken:
        taken.bind((host, int(port)))
        taken.listen(1)
        error = Worker(0, 2, address, leaving("enough", False)).outcome()
    assert isinstance(error, RuntimeError) and "TENSORPACK_WATCHDOG" in str(error) and address in str(error)


def test_an_address_of_a_gateway(monkeypatch):
    """Where the chief's name leads to another machine that passes connections on, it listens at all of its own addresses."""
    port = _free_ports(1)[0]
    chief = Worker(0, 2, "192.0.2.1:{}".format(port), leaving("enough", False), insecure=True)
    assert Worker(1, 2, "127.0.0.1:{}".format(port), leaving("enough", False)).outcome() is True
    assert chief.outcome() is True


@pytest.fixture
def late_name(monkeypatch):
    """The name of this host, which cannot be looked up the first few times, as that of a new pod of Kubernetes; which of the
    attempts succeeded."""
    asked, look_up = [], socket.getaddrinfo

    def getaddrinfo(host, *args):
        if host != "train-0.train":
            return look_up(host, *args)
        asked.append(len(asked) >= 4)
        if not asked[-1]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up("127.0.0.1", *args)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_workers_wait_for_the_name_of_rank_0(late_name, log_records):
    address = "train-0.train:{}".format(_free_ports(1)[0])
    for worker in start(address, leaving("enough", False), leaving("enough", False)):
        assert worker.outcome() is True
    assert late_name.count(False) == 4 and late_name.count(True) >= 2
    waiting = [r.getMessage() for r in log_records if "until the name train-0.train can be looked up" in r.getMessage()]
    assert len(waiting) == 1


def test_a_name_that_does_not_come_in_time_is_an_error():
    begin = time.time()
    error = Worker(0, 2, "nobody.invalid:2222", leaving("enough", False), (1.0, LIMIT)).outcome()
    assert isinstance(error, RuntimeError) and time.time() > begin + 0.5
    assert str(error).startswith("Rank 0 cannot wait for the others at nobody.invalid:2222: [Errno ")
    assert "set TENSORPACK_WATCHDOG=host:port" in str(error)


def test_waiting_for_a_name(late_name):
    assert wait_for_name("train-0.train", LIMIT) and late_name == [False] * 4 + [True]
    assert wait_for_name("127.0.0.1", 0) and wait_for_name("::1", 0)
    assert not wait_for_name("nobody.invalid", 0)
