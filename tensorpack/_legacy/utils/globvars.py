"""A namespace for what all modules of a program share, such as its command line."""
from __future__ import annotations

import argparse
from typing import Any

__all__ = ["GlobalNS", "NS", "globalns", "use_global_argument"]


class NS:
    """An object to set attributes on."""


class GlobalNS(NS):
    """The namespace of a program."""

    def use_argument(self, args: Any) -> None:
        """Set an attribute for each entry of an `argparse.Namespace`."""
        if not isinstance(args, argparse.Namespace):
            raise TypeError("globalns.use_argument: args must be an argparse.Namespace; got {!r}".format(args))
        vars(self).update(vars(args))


globalns = GlobalNS()


def use_global_argument(args: Any) -> None:
    """`globalns.use_argument(args)`."""
    globalns.use_argument(args)
