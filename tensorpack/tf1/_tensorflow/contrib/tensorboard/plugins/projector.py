"""`tf.contrib.tensorboard.plugins.projector`: what the Embedding Projector of TensorBoard shows, in a file beside the events.

The messages (`ProjectorConfig` and its parts) are those of the package `tensorboard`, which must be installed.
"""
from __future__ import annotations

import os
from typing import Any, List

from ......compat import tfv1 as tf

_MESSAGES = ("EmbeddingInfo", "ProjectorConfig", "SpriteMetadata")

__all__ = ["visualize_embeddings"]


def __getattr__(name: str) -> Any:
    if name not in _MESSAGES:
        raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
    from tensorboard.plugins.projector import projector_config_pb2

    return getattr(projector_config_pb2, name)


def __dir__() -> List[str]:
    return list(_MESSAGES) + __all__


def visualize_embeddings(summary_writer: Any, config: Any) -> None:
    """Write a `ProjectorConfig` as `projector_config.pbtxt` into the folder of a `tf.summary.FileWriter`.

    Raises:
        ValueError: the writer has no folder.
    """
    from google.protobuf import text_format

    logdir = summary_writer.get_logdir()
    if logdir is None:
        raise ValueError("visualize_embeddings: summary_writer must have a folder; got {!r}".format(summary_writer))
    if isinstance(logdir, bytes):
        logdir = logdir.decode()
    tf.gfile.MakeDirs(logdir)
    with tf.gfile.GFile(os.path.join(logdir, "projector_config.pbtxt"), "w") as f:
        f.write(text_format.MessageToString(config))
