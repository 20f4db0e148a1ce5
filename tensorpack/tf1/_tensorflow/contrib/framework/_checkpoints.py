"""Looking into checkpoints, and starting variables from them."""
from __future__ import annotations

from typing import Any, List, Mapping, Tuple

from .....compat import tfv1 as tf

__all__ = ["init_from_checkpoint", "list_variables", "load_checkpoint", "load_variable"]


def load_checkpoint(filepattern: str) -> Any:
    """A reader of a checkpoint, or of the latest one in a folder."""
    return tf.train.load_checkpoint(filepattern)


def load_variable(checkpoint_dir: str, name: str) -> Any:
    """The value of a variable in a checkpoint; the name may end with ':0'."""
    return tf.train.load_variable(checkpoint_dir, name)


def list_variables(checkpoint_dir: str) -> List[Tuple[str, List[int]]]:
    """(name, shape) of all variables of a checkpoint, by name."""
    return tf.train.list_variables(checkpoint_dir)


def init_from_checkpoint(checkpoint_dir: str, assignment_map: Mapping[str, Any]) -> None:
    """Let variables start with their values in a checkpoint, when their initializers run.

    Args:
        assignment_map: name in the checkpoint -> variable, its name, or a list of the parts of one; or 'scope/' -> 'scope/'.
    """
    tf.train.init_from_checkpoint(checkpoint_dir, assignment_map)
