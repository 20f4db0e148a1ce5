import os
import pickle
import socket
import subprocess
import sys
import textwrap

import pytest
from input_runner import NUMBER, running

from tensorpack.compat import tfv1 as tf
from tensorpack.input_source import TensorInput, ZMQInput
from tensorpack.launch import _free_ports
from tensorpack.utils._wire.codec import Encoder
from tensorpack.utils._wire.keys import make_key

zmq = pytest.importorskip("zmq")

SENDER = """
    from tensorpack.dataflow import DataFromGenerator
    from tensorpack.dataflow.remote import send_dataflow_zmq
    def numbers():
        for i in range(2000):
            yield [i]
        raise ValueError("no more numbers")
    send_dataflow_zmq(DataFromGenerator(numbers), {address!r}, hwm=5, format={format!r})
"""


@pytest.fixture
def sender(tmp_path):
    """(start, address): start(format) starts a process that sends the numbers from 0 to 1999, then fails."""
    address = "ipc://{}/socket".format(tmp_path)
    processes = []

    def start(format=None, **environment):
        code = textwrap.dedent(SENDER).format(address=address, format=format)
        processes.append(subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ, **environment)))

    yield start, address
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize("format", [None, "zmq_op"])
def test_datapoints_of_another_process_arrive_in_order_and_its_error_is_the_reason_of_the_end(sender, format):
    start, address = sender
    start(format)
    source = ZMQInput(address, 5)
    with running(source) as run:
        assert [run.step() for _ in range(2000)] == [[i] for i in range(2000)]
        with pytest.raises(tf.errors.OutOfRangeError):
            run.step()
        assert isinstance(run.failure(), ValueError) and "no more numbers" in str(run.failure())
    assert isinstance(source, TensorInput)


@pytest.mark.parametrize("stray", ["text", "foreign bytes", "a pickle", "another version"])
def test_a_training_goes_on_when_a_stranger_sends_something(stray, log_records):
    port = _free_ports(1)[0]
    address = "tcp://127.0.0.1:{}".format(port)
    good = Encoder().encode_parts([5])[0]
    with running(ZMQInput(address, 5)) as run, zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.linger = 0
        with subprocess.Popen([sys.executable, "-c", textwrap.dedent(SENDER).format(address=address, format=None)]) as sender:
            assert [run.step() for _ in range(100)] == [[i] for i in range(100)]
            if stray == "text":
                with socket.create_connection(("127.0.0.1", port)) as other:
                    other.sendall(b"GET / HTTP/1.1\r\n\r\n" * 20)
            else:
                stranger.connect(address)
                stranger.send({"foreign bytes": b"hello", "a pickle": pickle.dumps([5]),
                               "another version": good[:4] + b"\x02" + good[5:]}[stray])
            assert [run.step() for _ in range(900)] == [[i] for i in range(100, 1000)]
            if stray != "text":
                assert any("dropped what is not ours: 1 from 127.0.0.1" in record.getMessage() for record in log_records)
            assert run.failure() is None
            sender.kill()


def test_it_stops_while_nothing_comes(sender):
    with running(ZMQInput(sender[1], 5)) as run:
        thread = run.source._queue_input.thread
        assert thread.is_alive()
    assert not thread.is_alive() and run.failure() is None


@pytest.mark.parametrize("has_key", [False, True], ids=["open", "with a key"])
def test_as_a_dataset(sender, tmp_path, has_key):
    start, address = sender
    key = str(tmp_path / "key") if has_key else None
    if has_key:
        make_key(key)
    start(**({"TENSORPACK_KEY": key} if has_key else {}))
    dataset = ZMQInput(address, 5, key=key).to_dataset(NUMBER).batch(3)
    element = tf.data.make_one_shot_iterator(dataset).get_next()
    with tf.Session() as sess:
        assert [sess.run(element)[0].tolist() for _ in range(2)] == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("arguments, error, words", [
    ({"end_point": "tcp://127.0.0.1"}, ValueError, "ZMQInput: an address must be .* got 'tcp://127.0.0.1', which has no port"),
    ({"end_point": 5555}, ValueError, "ZMQInput: addr1 must be a ZMQ address; got 5555"),
    ({"end_point": "ipc://x", "bind": "no"}, TypeError, "ZMQInput: bind must be True or False; got 'no'"),
], ids=["no port", "no text", "no bool"])
def test_arguments_that_cannot_be_meant_are_told_by_its_name(arguments, error, words):
    with pytest.raises(error, match=words):
        remote = ZMQInput(hwm=5, **arguments)._remote
        remote.reset_state()
        next(iter(remote))
