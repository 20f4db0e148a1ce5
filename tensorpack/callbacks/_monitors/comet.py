"""`CometMLMonitor`: a training run as an experiment of comet.com."""
from __future__ import annotations

import io
from typing import Any, List, Optional

import numpy as np

from ...utils import logger
from ...utils.optional import optional_import
from .base import MonitorBase

__all__ = ["CometMLMonitor"]

comet_ml = optional_import("comet_ml", needed_by="CometMLMonitor", pip="comet_ml")
cv2 = optional_import("cv2", needed_by="CometMLMonitor.process_image", pip="opencv-python-headless")


class CometMLMonitor(MonitorBase):
    """Sends scalars, images (as JPEG), the graph and the ends of epochs to Comet.

    Comet wants `import comet_ml` to come before TensorFlow in a script. The experiment ends with the training, so each training
    needs a monitor of its own: a second one with this is a RuntimeError.

    Args:
        experiment: a `comet_ml.Experiment`; by default one is made.
        tags: list of tags for the experiment.
        kwargs: for the experiment that is made, such as `project_name`.

    Raises:
        ImportError: comet_ml is not installed.
        TypeError: both an experiment and arguments to make one are given.
    """

    def __init__(self, experiment: Optional[Any] = None, tags: Optional[List[str]] = None, **kwargs: Any):
        if experiment is not None and kwargs:
            raise TypeError("CometMLMonitor: either an experiment or arguments to make one must be given; got both ({})".format(
                ", ".join(sorted(kwargs))))
        self._experiment = comet_ml.Experiment(**kwargs) if experiment is None else experiment
        self._has_ended = False
        if tags is not None:
            self._experiment.add_tags(tags)

    @property
    def experiment(self) -> Any:
        """The `comet_ml.Experiment`."""
        return self._experiment

    def _setup_graph(self) -> None:
        if self._has_ended:
            raise RuntimeError("CometMLMonitor: its experiment must not have ended; got a second training; make another "
                               "CometMLMonitor for it")

    def _before_train(self) -> None:
        self._experiment.set_model_graph(self.graph)

    def process_scalar(self, name: str, val: float) -> None:
        self._experiment.log_metric(name, val, step=self.global_step)

    def process_image(self, name: str, val: np.ndarray) -> None:
        for index, image in enumerate(val):
            pixels = np.clip(np.nan_to_num(image), 0, 255).astype("uint8")[:, :, :3][:, :, ::-1]
            encoded, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(pixels))
            if not encoded:
                logger.error("CometMLMonitor: OpenCV cannot encode '%s' of shape %s.", name, image.shape)
                continue
            self._experiment.log_image(io.BytesIO(jpeg.tobytes()), name=name if len(val) == 1 else "{}/{}".format(name, index),
                                       image_format="jpeg", step=self.global_step)

    def _trigger_epoch(self) -> None:
        self._experiment.log_epoch_end(self.epoch_num, step=self.global_step)

    def _after_train(self) -> None:
        self._has_ended = True
        self._experiment.end()
