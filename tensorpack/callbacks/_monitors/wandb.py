"""`WandbMonitor`: a training run as a run of Weights & Biases."""
from __future__ import annotations

import threading
from typing import Any, Dict, List, Mapping, Optional

import numpy as np

from ...utils.optional import optional_import
from .tracker import ScalarsOfStep, TrackerMonitor

__all__ = ["WandbMonitor"]

wandb = optional_import("wandb", needed_by="WandbMonitor", pip="wandb")

_STEP = "global_step"
_MOST_BINS = 512  # that W&B takes

_opens = threading.Lock()  # W&B has one active run, which two threads must not make at the same time
_unfinished: List[Any] = []  # runs of all monitors of this process, also of those whose training has given them up


class WandbMonitor(TrackerMonitor):
    """Sends scalars, images, histograms and, when asked, checkpoints to Weights & Biases, over the axis `global_step`.

    Runs on the chief only. A thread sends, so a service that is away costs the training nothing; WANDB_MODE=offline keeps
    all on disk for `wandb sync`. A training that is resumed in the same log directory goes on with its run, whose identity
    is in `wandb.json` there. Steps that were lost and done again are there twice.

    Args:
        project: where the run belongs; by default what WANDB_PROJECT says.
        config: {name: value}, the hyper-parameters of the run.
        checkpoints: send each new checkpoint at the end of an epoch, as versions of an artifact `model-RUN`.
        flush_seconds: how long the end of the training waits for what is not sent yet.
        kwargs: for `wandb.init`, such as `name`, `entity`, `tags`, `mode`.

    Raises:
        ImportError: wandb is not installed.
        TypeError, ValueError: `config` is no dict, or `flush_seconds` is negative.
    """

    _service = "Weights & Biases"
    _identity_file = "wandb.json"

    def __init__(self, project: Optional[str] = None, config: Optional[Mapping[str, Any]] = None, checkpoints: bool = False,
                 flush_seconds: float = 30, **kwargs: Any):
        super().__init__(config, checkpoints, flush_seconds)
        self._init = wandb.init  # a missing package is told before the training
        self._kwargs = dict(kwargs, project=project)
        self._run: Any = None

    def _open(self, identity: Optional[str]) -> str:
        with _opens:
            self._run = self._init(id=identity, resume="allow" if identity else None, config=self._config, **self._options())
            _unfinished.append(self._run)
        self._run.define_metric("*", step_metric=_STEP)
        return str(self._run.id)

    def _options(self) -> Dict[str, Any]:
        """W&B answers `init` with the active run, whatever else is asked for, also if it belongs to another monitor.

        Raises:
            RuntimeError: this W&B cannot have a second run.
        """
        if "reinit" in self._kwargs or not any(run is wandb.run for run in _unfinished):
            return self._kwargs
        try:
            wandb.Settings(reinit="create_new")
        except Exception as e:  # of a class of its own
            raise RuntimeError("the run of another WandbMonitor has not ended, and wandb {} has one at a time; try a newer one"
                               .format(wandb.__version__)) from e
        return dict(self._kwargs, reinit="create_new")

    def _send_scalars(self, steps: List[ScalarsOfStep]) -> None:
        for step, _, scalars in steps:
            self._run.log(dict(scalars, **{_STEP: step}))

    def _send_image(self, step: int, name: str, image: np.ndarray) -> None:
        self._run.log({name: wandb.Image(image[:, :, 0] if image.shape[2] == 1 else image), _STEP: step})

    def _send_histogram(self, step: int, name: str, counts: np.ndarray, edges: np.ndarray) -> None:
        together = -(-len(counts) // _MOST_BINS)
        starts = np.arange(0, len(counts), together)
        histogram = np.add.reduceat(counts, starts), np.append(edges[starts], edges[-1])
        self._run.log({name: wandb.Histogram(np_histogram=histogram), _STEP: step})

    def _send_files(self, step: int, name: str, paths: List[str]) -> None:
        artifact = wandb.Artifact("model-{}".format(self._run.id), type="model", metadata={_STEP: step})
        for path in paths:
            artifact.add_file(path)  # copies it
        self._run.log_artifact(artifact, aliases=[name])

    def _close(self, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))
        _unfinished.remove(self._run)
