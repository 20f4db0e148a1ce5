"""Key files: who has the same file may talk, nobody else.

A key is one secret of 32 random bytes. The key pairs of ZMQ's CURVE are derived from it, one for the side that listens and one
for the side that connects, and so is the key of the HMAC where there is no ZMQ. Thus each side knows the public key of the
other one without a directory of certificates, and one file, the same everywhere, is all that has to be handed out. Who has the
file is in, as either side; to shut somebody out, make another one.
"""
from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from typing import Any, NamedTuple, Optional, Tuple

from ..argtools import log_once
from ..optional import optional_import

__all__ = ["KEY_VARIABLE", "Key", "find_key", "load_key", "make_key"]

# path of the key file where none is given
KEY_VARIABLE = "TENSORPACK_KEY"

_PREFIX = "tensorpack-key-1:"
_FORM = re.compile(r"tensorpack-key-1:([0-9a-f]{64})\s*\Z")
_NUM_BYTES = 32

_zmq = optional_import("zmq", needed_by="a key for network connections", pip="pyzmq")
_z85 = optional_import("zmq.utils.z85", needed_by="a key for network connections", pip="pyzmq")


class Key(NamedTuple):
    """The secret of a key file; it is not shown by `repr`."""

    secret: bytes

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, from which those for others cannot be found."""
        return hmac.new(self.secret, purpose.encode(), hashlib.sha256).digest()

    def curve_pair(self, side: str) -> Tuple[bytes, bytes]:
        """(public key, secret key) of the side that listens, "server", or connects, "client", as text of 40 characters."""
        if not _zmq.has("curve"):
            raise RuntimeError("A key needs a libzmq with CURVE; got one without; pip install pyzmq brings one that has it")
        secret = _z85.encode(self.derive("tensorpack CURVE " + side))
        return _zmq.curve_public(secret), secret

    def __repr__(self) -> str:
        return "Key(...)"


def make_key(path: str) -> None:
    """Write a new key file, which its owner alone can read.

    Raises:
        FileExistsError: there is a file of that name.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
        f.write(_PREFIX + os.urandom(_NUM_BYTES).hex() + "\n")


def load_key(path: str) -> Key:
    """The key of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no key file.
    """
    try:
        with open(path, "rb") as f:
            mode = os.fstat(f.fileno()).st_mode
            match = _FORM.match(f.read(200).decode("latin-1"))
    except FileNotFoundError as e:
        raise FileNotFoundError(e.errno, "there is no key file, which tensorpack-make-key makes", path) from None
    if match is None:
        raise ValueError("{}: must be a file of tensorpack-make-key; got something else".format(path))
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        log_once("The key {} can be read by other users of this machine; chmod 600 it.".format(path), "warning")
    return Key(bytes.fromhex(match.group(1)))


def find_key(key: Optional[str]) -> Optional[Key]:
    """The key of the file `key`, or without it of the file that TENSORPACK_KEY names; None if that is not set either.

    Raises:
        OSError, ValueError: see `load_key`.
    """
    path: Any = key or os.environ.get(KEY_VARIABLE)
    return load_key(os.fspath(path)) if path else None
