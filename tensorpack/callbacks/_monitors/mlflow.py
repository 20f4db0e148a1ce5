"""`MLflowMonitor`: a training run as a run of MLflow."""
from __future__ import annotations

import inspect
import os
import re
from typing import Any, List, Mapping, Optional

import numpy as np

from ...utils import logger
from ...utils.optional import optional_import
from .tracker import ScalarsOfStep, TrackerMonitor

__all__ = ["MLflowMonitor"]

mlflow = optional_import("mlflow", needed_by="MLflowMonitor", pip="mlflow")
_entities = optional_import("mlflow.entities", needed_by="MLflowMonitor", pip="mlflow")

_NOT_IN_NAMES = re.compile(r"[^\w\-./ ]")
_LONGEST_NAME = 250
_BATCH = 1000  # metrics in one request: the limit of MLflow


class MLflowMonitor(TrackerMonitor):
    """Sends scalars as metrics, images and, when asked, checkpoints as artifacts to MLflow. Histograms it has no place for.

    Runs on the chief only. A thread sends, so a server that is away costs the training nothing. A training that is resumed
    in the same log directory goes on with its run, whose identity is in `mlflow.json` there. A run that
    is gone is replaced by a new one. In names, characters that MLflow refuses become `_`; empty parts of paths are left out.

    Args:
        experiment: name of the experiment, which is made if there is none; by default what MLFLOW_EXPERIMENT_NAME says, or
            `Default`.
        config: {name: value}, the parameters of the run.
        checkpoints: send each new checkpoint at the end of an epoch, to the artifacts `checkpoints/NAME`.
        tracking_uri: of the server or store, such as `http://localhost:5000` or `sqlite:///mlflow.db`; by default what MLflow
            finds, as in MLFLOW_TRACKING_URI.
        run_name: name of a new run.
        flush_seconds: how long the end of the training waits for what is not sent yet.

    Raises:
        ImportError: mlflow is not installed.
        TypeError, ValueError: `config` is no dict, or `flush_seconds` is negative.
    """

    _service = "MLflow"
    _identity_file = "mlflow.json"

    def __init__(self, experiment: Optional[str] = None, config: Optional[Mapping[str, Any]] = None, checkpoints: bool = False,
                 *, tracking_uri: Optional[str] = None, run_name: Optional[str] = None, flush_seconds: float = 30):
        super().__init__(config, checkpoints, flush_seconds)
        assert mlflow.__version__  # a missing package is told before the training
        self._experiment = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "Default"
        self._tracking_uri = tracking_uri
        self._run_name = run_name
        self._client: Any = None
        self._run_id = ""

    def _open(self, identity: Optional[str]) -> str:
        self._client = mlflow.tracking.MlflowClient(tracking_uri=self._tracking_uri)
        if identity and self._is_there(identity):
            self._client.set_terminated(identity, "RUNNING")
            self._run_id = identity
        else:
            self._run_id = self._new_run()
        return self._run_id

    def _is_there(self, identity: str) -> bool:
        try:
            if self._client.get_run(identity).info.lifecycle_stage == "active":
                return True
        except mlflow.exceptions.MlflowException as e:
            if e.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
        logger.warning("MLflowMonitor: there is no run %s any more; a new one begins.", identity)
        return False

    def _send_config(self) -> None:
        known = self._client.get_run(self._run_id).data.params if self._config else {}
        for name, value in self._config.items():
            if _name(name) in known:  # they cannot be changed
                continue
            try:
                self._client.log_param(self._run_id, _name(name), value)
            except mlflow.exceptions.MlflowException as e:  # such as a value that is too long
                logger.warning("MLflowMonitor: MLflow has not taken the parameter %s: %s", name, e)

    def _new_run(self) -> str:
        experiment = self._client.get_experiment_by_name(self._experiment)
        number = experiment.experiment_id if experiment else self._client.create_experiment(self._experiment)
        create = self._client.create_run
        if not self._run_name:
            return str(create(number).info.run_id)
        # The server of MLflow 1.30 refuses the tag alone, as it makes up another name beside it; older ones know just the tag.
        knows_names = "run_name" in inspect.signature(create).parameters
        name = {"run_name": self._run_name} if knows_names else {"tags": {"mlflow.runName": self._run_name}}
        return str(create(number, **name).info.run_id)

    def _send_scalars(self, steps: List[ScalarsOfStep]) -> None:
        metrics = [_entities.Metric(_name(name), value, int(seconds * 1000), step)
                   for step, seconds, scalars in steps for name, value in scalars.items()]
        for start in range(0, len(metrics), _BATCH):
            self._client.log_batch(self._run_id, metrics=metrics[start:start + _BATCH])

    def _send_image(self, step: int, name: str, image: np.ndarray) -> None:
        path = "images/{}/{}.png".format(_name(name), step)
        self._client.log_image(self._run_id, image[:, :, 0] if image.shape[2] == 1 else image, path)

    def _send_files(self, step: int, name: str, paths: List[str]) -> None:
        for path in paths:
            self._client.log_artifact(self._run_id, path, "checkpoints/" + name)

    def _close(self, failed: bool) -> None:
        self._client.set_terminated(self._run_id, "FAILED" if failed else "FINISHED")


def _name(name: Any) -> str:
    """A name that MLflow takes, which is a path, too.

    >>> _name("a*b"), _name("/a//b/../c/"), _name("")
    ('a_b', 'a/b/c', '_')
    """
    parts = [part for part in _NOT_IN_NAMES.sub("_", str(name)).split("/") if part not in ("", ".", "..")]
    return "/".join(parts)[:_LONGEST_NAME].rstrip("/") or "_"
