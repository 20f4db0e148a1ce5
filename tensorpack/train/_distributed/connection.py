"""Messages between two workers over TCP: JSON, compressed, with an HMAC for each where there is a key.

With a key both sides first say a random number. From these and the key come the keys of this connection's two directions, and
each message is signed together with its number: nobody else can send one, repeat one, or send one back. They are not encrypted.
"""
from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
import struct
import threading
import time
import zlib
from typing import Any, Dict, Optional

from ...utils._plain.json_text import parse_json
from ...utils._wire.keys import Key

_HEADER = struct.Struct("!I")
_NUMBER = struct.Struct("!Q")
MAX_MESSAGE = 1 << 28
MAX_HELLO = 1 << 12  # of those who are not known yet
_NONCE_MARK = b"tpw\xff"  # as the length of a message it would be too long
_NONCE_BYTES = 32


class Connection:
    """Messages over a socket; both sides have made one.

    Args:
        sock: a connected TCP socket.
        key: of the training; None if it has none.
        is_listener: whether this is the side that listens.
        seconds: how long the other side may take to say its random number.

    Raises:
        OSError: the other side is gone or does not answer, if there is a key.
        ValueError: the other side has no key, and this one has.
    """

    def __init__(self, sock: socket.socket, key: Optional[Key] = None, is_listener: bool = False, seconds: float = 10.0):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(None)
        self._socket = sock
        self._lock = threading.Lock()
        self._to: Optional[_Signature] = None
        self._from: Optional[_Signature] = None
        if key is not None:
            self._agree_on_keys(key, is_listener, seconds)

    def _agree_on_keys(self, key: Key, is_listener: bool, seconds: float) -> None:
        own = os.urandom(_NONCE_BYTES)
        self._socket.sendall(_NONCE_MARK + own)
        deadline = time.monotonic() + seconds
        if self._read(len(_NONCE_MARK), seconds, deadline) != _NONCE_MARK:
            raise ValueError("it has no key, or is another program")
        other = self._read(_NONCE_BYTES, seconds, deadline)
        numbers = own + other if is_listener else other + own
        sides = [_Signature(hmac.new(key.derive("tensorpack watchdog"), side + numbers, hashlib.sha256).digest())
                 for side in (b"from the listener ", b"to the listener ")]
        self._to, self._from = sides if is_listener else sides[::-1]

    def send(self, message: Dict[str, Any]) -> None:
        """Send a message that JSON can hold."""
        content = zlib.compress(json.dumps(message).encode(), 1)
        with self._lock:
            signature = b"" if self._to is None else self._to.sign(content)
            self._socket.sendall(_HEADER.pack(len(content)) + signature + content)

    def receive(self, seconds: float, is_stranger: bool = False) -> Dict[str, Any]:
        """The next message.

        Args:
            seconds: how long the other side may be silent.
            is_stranger: whether it has not proven yet who it is: it then has to say all within that time, and little.

        Raises:
            OSError: it is silent or gone.
            ValueError: what it sent is no message, or not of somebody with the key.
        """
        deadline = time.monotonic() + seconds if is_stranger else None
        limit = MAX_HELLO if is_stranger else MAX_MESSAGE
        header = self._read(_HEADER.size, seconds, deadline)
        (length,) = _HEADER.unpack(header)
        if length > limit:
            raise ValueError("it has a key, and this worker has none" if header == _NONCE_MARK
                             else "what it sent is no message")
        signature = None if self._from is None else self._read(hashlib.sha256().digest_size, seconds, deadline)
        content = self._read(length, seconds, deadline)
        if self._from is not None and not hmac.compare_digest(self._from.sign(content), signature or b""):
            raise ValueError("it has another key")
        return _unpack(content, limit)

    def _read(self, length: int, seconds: float, deadline: Optional[float]) -> bytes:
        parts = []
        try:
            while length:
                self._socket.settimeout(seconds if deadline is None else max(0.01, deadline - time.monotonic()))
                part = self._socket.recv(min(length, 1 << 20))
                if not part:
                    raise OSError("its connection was closed")
                parts.append(part)
                length -= len(part)
        except socket.timeout:
            raise OSError("nothing was heard of it for {:g} seconds".format(seconds)) from None
        return b"".join(parts)

    def close(self) -> None:
        """Close it; who reads from it, on either side, gets an error."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other side was faster
            pass
        self._socket.close()


class _Signature:
    """Signs the messages of one direction, in their order."""

    def __init__(self, key: bytes):
        self._key, self._number = key, 0

    def sign(self, content: bytes) -> bytes:
        self._number += 1
        return hmac.new(self._key, _NUMBER.pack(self._number) + content, hashlib.sha256).digest()


def _unpack(content: bytes, limit: int) -> Dict[str, Any]:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(content, limit)
    except zlib.error as e:
        raise ValueError("what it sent is no message") from e
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("what it sent is no message, or is too long")
    message: Dict[str, Any] = parse_json(text.decode())
    return message
