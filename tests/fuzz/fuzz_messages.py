"""What arrives from other processes: datapoints over ZMQ, messages of workers, and the key files that let them in."""
import io
import json
import os
import socket
import struct
import zlib

import numpy as np
from fuzz_format import Format, written

LENGTH = struct.Struct("<I")
SECONDS = 10
_MADE = {}  # sockets; a process must not use those of its parent


def values():
    big = np.arange(20000, dtype="u1").reshape(100, 200)
    return [[np.arange(12, dtype="u1").reshape(2, 2, 3), 3, "label", (1.5, None), {"x": b"bytes", 2: True}],
            [big, big.T.copy(), big[:, ::2]], [2 ** 70, 1j, np.float32(1), np.zeros(2, [("a", "i4"), ("b", "M8[s]")])],
            {"where": "there", "summary": "ValueError: x", "text": "Traceback", "error": ["ValueError", ["x"]], "pickle": None}]


def messages(folder):
    from tensorpack.utils._wire.codec import Encoder

    return [Encoder().encode(value) for value in values()]


def read_message(data, folder, rng):
    from tensorpack.utils._wire.codec import decode

    decode(data)


def frames(folder):
    from tensorpack.utils._wire.codec import Encoder

    return [b"".join(LENGTH.pack(len(frame)) + bytes(frame) for frame in Encoder().encode_parts(value, kind))
            for value, kind in zip(values(), [0, 0, 0, 1])]


def split(data):
    """The frames in the bytes; what is left over is the last one."""
    stream, found = io.BytesIO(data), []
    while len(found) < 100:
        length = stream.read(LENGTH.size)
        if len(length) < LENGTH.size:
            return found + [length] if length or not found else found
        found.append(stream.read(LENGTH.unpack(length)[0]))
    return found


class Receiving:
    """A receiver of datapoints, and one of us, who sends good ones to it."""

    def __init__(self):
        import zmq

        from tensorpack.dataflow._remote.receiver import Receiver
        from tensorpack.utils._wire.strays import StrayLog

        context = zmq.Context()
        self.strays = StrayLog("fuzz")
        self.socket = context.socket(zmq.ROUTER)
        self.receiver = Receiver(self.socket, self.strays, 1 << 20, False)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.stranger, self.friend = context.socket(zmq.DEALER), context.socket(zmq.DEALER)
        for each in self.stranger, self.friend:
            each.connect("tcp://127.0.0.1:{}".format(self.port))
        self.number = 0

    def has_a_friend_s_datapoint(self):
        """Send a good datapoint, and read until it is there; an error if others keep it from arriving."""
        from tensorpack.utils._process.remote_failure import RemoteTraceback
        from tensorpack.utils._wire.codec import Encoder

        self.number += 1
        wanted = ["good", self.number]
        self.friend.send_multipart(Encoder().encode_parts(wanted))
        before = self.strays.count
        while True:
            self.receiver.follow()
            if not self.socket.poll(SECONDS * 1000):
                raise RuntimeError("a datapoint has not arrived")
            try:
                if self.receiver.receive() == [wanted]:
                    break
            except Exception as e:
                if not isinstance(e.__cause__, RemoteTraceback):  # what a sender reports is raised
                    raise
        if self.strays.count > before:
            raise ValueError("dropped")


def made(function):
    """What the function makes, once in each process."""
    key = function, os.getpid()
    if key not in _MADE:
        _MADE[key] = function()
    return _MADE[key]


def read_frames(data, folder, rng):
    pair = made(Receiving)
    pair.stranger.send_multipart(split(data))
    pair.has_a_friend_s_datapoint()


def handshake():
    """What a DEALER of ZMQ says before its first message."""
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
    ready = b"\x05READY" + b"".join(bytes([len(name)]) + name + struct.pack("!I", len(value)) + value for name, value in (
        (b"Socket-Type", b"DEALER"), (b"Identity", b"")))
    return greeting + b"\x04" + bytes([len(ready)]) + ready


def streams(folder):
    """The handshake, then a datapoint."""
    from tensorpack.utils._wire.codec import Encoder

    (body,) = Encoder().encode_parts(values()[0])
    return [handshake() + b"\x02" + struct.pack("!Q", len(body)) + body]


def read_stream(data, folder, rng):
    pair = made(Receiving)
    start = handshake()
    with socket.create_connection(("127.0.0.1", pair.port), SECONDS) as stranger:
        try:
            if data.startswith(start):
                # As every DEALER does: a message that comes before the other end has said READY is one too many for it.
                stranger.sendall(start)
                _wait_for_ready(stranger)
                data = data[len(start):]
            stranger.sendall(data)
            stranger.shutdown(socket.SHUT_WR)
        except OSError:  # it has been put out already
            pass
        pair.has_a_friend_s_datapoint()


def _wait_for_ready(connection):
    said = b""
    while b"\x05READY" not in said:
        more = connection.recv(1000)
        if not more:
            raise RuntimeError("the connection has ended after {!r}".format(said))
        said += more


def hellos(folder):
    from tensorpack.train._distributed.watchdog import _MAGIC

    return [json.dumps({"magic": _MAGIC, "rank": 1, "size": 2}).encode()]


def listen():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(10)
    return listener


def read_hello(data, folder, rng):
    """Half of the inputs are changed as JSON, half once more as what is sent."""
    from fuzz_runner import changed

    from tensorpack.train._distributed.watchdog import _Meeting

    packed = zlib.compress(data)
    packed = struct.pack("!I", len(packed)) + packed
    listener = made(listen)
    meeting = _Meeting(2, listener.getsockname(), None, False)
    with socket.create_connection(listener.getsockname(), SECONDS) as stranger:
        other, address = listener.accept()
        with other:
            stranger.sendall(changed(rng, packed) if data not in hellos(folder) and rng.randrange(2) else packed)
            stranger.shutdown(socket.SHUT_WR)
            meeting._strangers.acquire()
            meeting._introduce(other, address)
    if not meeting._peers:
        raise ValueError("refused")


def keys(folder):
    return [b"tensorpack-key-1:" + b"0123456789abcdef" * 4 + b"\n"]


def read_key(data, folder, rng):
    from tensorpack.utils._wire.keys import load_key

    path = written(folder, data)
    os.chmod(path, 0o600)
    load_key(path)


MESSAGES = {
    "plain data of a message": Format(messages, read_message, needs=("msgpack",)),
    "frames of ZMQ": Format(frames, read_frames, needs=("msgpack", "zmq")),
    "stream of ZMQ": Format(streams, read_stream, needs=("msgpack", "zmq")),
    "first message of a worker": Format(hellos, read_hello, needs=("tensorpack.train._distributed.watchdog",)),
    "key file": Format(keys, read_key),
}
