"""Which addresses others than this machine can reach."""
from __future__ import annotations

import ipaddress
import re
import socket
from typing import Optional

from .keys import Key

_MAKE_KEY = "tensorpack-make-key FILE makes one: give it to all sides, as key= or in the environment variable TENSORPACK_KEY"


def require_protection(who: str, address: str, key: Optional[Key], insecure: bool) -> None:
    """Refuse to listen where others can connect, unless they need a key or the user wants it so.

    Args:
        who: the listener, named in the error.
        address: `tcp://host:port` or another address of ZMQ, or `host:port`.

    Raises:
        ValueError: it is open to everybody.
    """
    if key is None and not insecure and not is_local(address):
        raise ValueError("{}: an address that other machines can reach, {}, must have a key, else whoever reaches it takes "
                         "part; {}; or listen at 127.0.0.1; or pass insecure=True in a network that strangers cannot reach"
                         .format(who, address, _MAKE_KEY))


def is_local(address: str) -> bool:
    """Whether processes of this machine alone can connect to an address: of the loopback interface, `ipc` or `inproc`."""
    protocol, separator, place = address.rpartition("://")
    if protocol in ("ipc", "inproc"):
        return True
    if separator and protocol != "tcp":
        return False
    host = re.sub(r":[^:\]]*\Z", "", place.rpartition(";")[2]).strip("[]")
    return host == "localhost" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return _leads_to_loopback(host)


def _leads_to_loopback(name: str) -> bool:
    if not name or name == "*":
        return False
    try:
        found = socket.getaddrinfo(name, None)
    except OSError:  # such as the name of an interface
        return False
    return all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found)
