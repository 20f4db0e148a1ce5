"""Summaries named after their tensors: `slim.summaries`. Each goes to `tf.GraphKeys.SUMMARIES`."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence

from .......compat import tfv1 as tf

__all__ = [
    "add_histogram_summaries", "add_histogram_summary", "add_image_summaries", "add_image_summary", "add_scalar_summaries",
    "add_scalar_summary", "add_zero_fraction_summaries", "add_zero_fraction_summary",
]


def _name(tensor: Any, name: Optional[str], prefix: Optional[str]) -> str:
    name = name or tensor.op.name
    return prefix + "/" + name if prefix else name


def _summarized(make: Callable[..., Any], tensor: Any, name: str, print_summary: bool) -> Any:
    """A summary, which prints the tensor as well if wanted."""
    if not print_summary:
        return make(name, tensor)
    summary = tf.Print(make(name, tensor, collections=[]), [tensor], name)
    tf.add_to_collection(tf.GraphKeys.SUMMARIES, summary)
    return summary


def add_histogram_summary(tensor: Any, name: Optional[str] = None, prefix: Optional[str] = None) -> Any:
    """A histogram `prefix/name`; the name is that of the tensor by default."""
    return tf.summary.histogram(_name(tensor, name, prefix), tensor)


def add_image_summary(tensor: Any, name: Optional[str] = None, prefix: Optional[str] = None,
                      print_summary: bool = False) -> Any:
    """Images `prefix/name`."""
    return _summarized(tf.summary.image, tensor, _name(tensor, name, prefix), print_summary)


def add_scalar_summary(tensor: Any, name: Optional[str] = None, prefix: Optional[str] = None,
                       print_summary: bool = False) -> Any:
    """A scalar `prefix/name`."""
    return _summarized(tf.summary.scalar, tensor, _name(tensor, name, prefix), print_summary)


def add_zero_fraction_summary(tensor: Any, name: Optional[str] = None, prefix: Optional[str] = None,
                              print_summary: bool = False) -> Any:
    """A scalar `prefix/name/Fraction_of_Zero_Values`."""
    name = _name(tensor, name, prefix) + "/Fraction_of_Zero_Values"
    return add_scalar_summary(tf.nn.zero_fraction(tensor), name, print_summary=print_summary)


def add_histogram_summaries(tensors: Sequence[Any], prefix: Optional[str] = None) -> List[Any]:
    """A histogram of each tensor."""
    return [add_histogram_summary(tensor, prefix=prefix) for tensor in tensors]


def add_image_summaries(tensors: Sequence[Any], prefix: Optional[str] = None) -> List[Any]:
    """Images of each tensor."""
    return [add_image_summary(tensor, prefix=prefix) for tensor in tensors]


def add_scalar_summaries(tensors: Sequence[Any], prefix: Optional[str] = None, print_summary: bool = False) -> List[Any]:
    """A scalar of each tensor."""
    return [add_scalar_summary(tensor, prefix=prefix, print_summary=print_summary) for tensor in tensors]


def add_zero_fraction_summaries(tensors: Sequence[Any], prefix: Optional[str] = None) -> List[Any]:
    """The share of zeros in each tensor."""
    return [add_zero_fraction_summary(tensor, prefix=prefix) for tensor in tensors]
