"""Serializers by the names of their functions."""
from __future__ import annotations

from ...utils.serialize import MsgpackSerializer

dumps_msgpack = MsgpackSerializer.dumps
loads_msgpack = MsgpackSerializer.loads
