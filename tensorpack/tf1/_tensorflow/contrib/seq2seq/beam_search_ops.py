"""The former module of `gather_tree`."""
from ._beams import gather_tree

__all__ = ["gather_tree"]
