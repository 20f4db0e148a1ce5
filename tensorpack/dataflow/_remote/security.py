"""Sockets that admit only who has the key, by ZMQ's CURVE."""
from __future__ import annotations

from types import TracebackType
from typing import Any, List, Optional, Type

from ...utils._wire.addresses import require_protection
from ...utils._wire.keys import Key, find_key
from ...utils.optional import optional_import

zmq = optional_import("zmq", needed_by="RemoteDataZMQ and send_dataflow_zmq", pip="pyzmq")
zmq_auth = optional_import("zmq.auth.thread", needed_by="RemoteDataZMQ and send_dataflow_zmq", pip="pyzmq")

_DOMAIN = b"tensorpack"


class SecureContext:
    """A ZMQ context whose sockets are encrypted and admit only who has the key; a context manager that ends it.

    Args:
        who: whose sockets they are, for errors.
        key: path of a key file; None for that of the environment.
        insecure: allow others to connect without a key.
    """

    def __init__(self, who: str, key: Optional[str], insecure: bool):
        self._who, self._insecure = who, insecure
        self.key: Optional[Key] = find_key(key)
        self._context = zmq.Context()
        self._authenticator: Any = None
        self._sockets: List[Any] = []

    def __enter__(self) -> SecureContext:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        for socket in self._sockets:
            socket.close()
        if self._authenticator is not None:
            self._authenticator.stop()
        self._context.term()

    def socket(self, kind: int, hwm: int, linger_ms: int) -> Any:
        """A socket that the context closes at its end, when it tries for so long to send what it has taken."""
        socket = self._context.socket(kind)
        self._sockets.append(socket)
        socket.set_hwm(hwm)
        socket.linger = linger_ms
        return socket

    def protect(self, socket: Any, address: str, bind: bool) -> None:
        """Prepare a socket that is about to bind or connect to an address.

        Raises:
            ValueError: it would be open to everybody.
        """
        if bind:
            require_protection(self._who, address, self.key, self._insecure)
            self._authenticate()
            socket.zap_domain = _DOMAIN  # ZMQ then refuses what speaks no protocol of today, such as text, also without a key
        if self.key is not None:
            public, secret = self.key.curve_pair("server" if bind else "client")
            socket.curve_publickey, socket.curve_secretkey = public, secret
            if bind:
                socket.curve_server = True
            else:
                socket.curve_serverkey = self.key.curve_pair("server")[0]

    def _authenticate(self) -> None:
        if self._authenticator is not None:
            return
        self._authenticator = zmq_auth.ThreadAuthenticator(self._context)
        self._authenticator.start()
        if self.key is not None:
            self._authenticator.configure_curve_callback(_DOMAIN.decode(), _OnlyOne(self.key.curve_pair("client")[0]))


class _OnlyOne:
    """Admits the holder of one public key, which all who have the key file can derive."""

    def __init__(self, public_key: bytes):
        self._public_key = public_key

    def callback(self, domain: str, key: bytes) -> bool:
        return key == self._public_key
