"""What is said about a pickle that was not read."""
from __future__ import annotations

import pickle
from contextlib import contextmanager
from typing import Iterator

from .unpickler import NotPlain


def not_plain(who: str, what: str, error: NotPlain) -> ValueError:
    """An error that names what a pickle refers to."""
    return ValueError("{}: {} must hold plain data and numpy arrays; got one that refers to {}, which can run code; if you trust "
                      "where it comes from, pass allow_pickle=True".format(who, what, error.name))


@contextmanager
def explained_pickle(who: str, what: str) -> Iterator[None]:
    """Within the context, errors of reading the pickle `what` become a ValueError that says what to do.

    What code in a pickle raises, where it is allowed, goes its own way.
    """
    try:
        yield
    except NotPlain as e:
        raise not_plain(who, what, e) from e
    except (EOFError, ValueError, pickle.UnpicklingError) as e:
        raise ValueError("{}: {} must be a complete pickle; got one that is not: {}; it may be damaged".format(
            who, what, e)) from e
