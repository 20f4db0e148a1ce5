"""What the tools share: how they end, where their words go, and reading variables. TensorFlow is imported on use only,
so that `--help` and usage errors come at once."""
from __future__ import annotations

import argparse
import logging
import os
import sys
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from ..utils import logger

# Errors whose message is meant for the user; others are shown with their type.
_EXPLAINED = (ValueError, TypeError, LookupError, RuntimeError, OSError, ImportError)


def new_parser(description: str) -> argparse.ArgumentParser:
    """A parser with the options that all tools have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--traceback", action="store_true", help="show the whole traceback of an error")
    return parser


def run(tool: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser, argv: Optional[Sequence[str]]) -> int:
    """Parse the arguments and run the tool; returns the exit status: 0, or 1 after one line `error: ...` on stderr.

    Logs go to stderr meanwhile: stdout has the result alone.

    Raises:
        SystemExit: with status 2 for wrong usage, 0 after --help.
    """
    args = parser.parse_args(argv)
    with _logs_on_stderr():
        try:
            tool(args)
            sys.stdout.flush()
        except BrokenPipeError:  # `... | head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as e:
            if args.traceback:
                raise
            print("error: " + in_one_line(e), file=sys.stderr)
            return 1
    return 0


def in_one_line(error: BaseException) -> str:
    """The message of the error without line breaks; with its type unless it is a kind that explains itself."""
    # str(KeyError) is the repr of its message; str of a TensorFlow error goes on with the graph's stack
    message = getattr(error, "message", None) or (error.args[0] if isinstance(error, KeyError) and error.args else error)
    words = " ".join(str(message).split())
    if isinstance(error, _EXPLAINED) and words:
        return words
    return "{}: {} (--traceback shows where)".format(type(error).__name__, words)


@contextmanager
def _logs_on_stderr() -> Iterator[None]:
    handlers = [h for h in logger._logger.handlers if isinstance(h, logging.StreamHandler) and
                not isinstance(h, logging.FileHandler)]
    streams = [handler.stream for handler in handlers]
    for handler in handlers:
        handler.setStream(sys.stderr)
    try:
        yield
    finally:
        for handler, stream in zip(handlers, streams):
            handler.setStream(stream)


def is_numpy_file(path: str) -> bool:
    """Whether the path names a numpy file rather than a checkpoint."""
    return path.endswith((".npy", ".npz"))


def load_variables(path: str) -> Dict[str, Any]:
    """All variables of a `.npz` or `.npy` file, keys as they are, or of a checkpoint, names without `:0`.

    Raises:
        ValueError: the file is missing or damaged.
    """
    from ..tfutils.varmanip import load_checkpoint_vars, load_numpy_dict

    return load_numpy_dict(path) if is_numpy_file(path) else load_checkpoint_vars(path)


def load_meta_graph(path: str) -> Any:
    """The MetaGraphDef in a file.

    Raises:
        ValueError: the file is missing or holds something else.
    """
    from google.protobuf.message import DecodeError

    from ..compat import tfv1 as tf

    if not os.path.isfile(path):
        raise ValueError("{}: must be an existing file with a meta graph; got none of that name".format(path))
    with open(path, "rb") as f:
        content = f.read()
    try:
        meta_graph = tf.MetaGraphDef.FromString(content)
    except DecodeError as e:
        raise ValueError("{}: must be a meta graph, such as graph-*.meta; reading it failed: {}".format(path, e)) from e
    if not meta_graph.graph_def.node:
        raise ValueError("{}: must be a meta graph, such as graph-*.meta; got a file without a graph".format(path))
    return meta_graph


def comma_separated(names: Sequence[str]) -> List[str]:
    """The names of an option that takes several, which may also be joined by commas."""
    return [name for each in names for name in each.split(",") if name]


def read_names(path: str) -> List[str]:
    """The names in a text file, one on each line."""
    with open(path, encoding="utf-8") as f:
        return [line.strip() for line in f.read().strip().splitlines()]
