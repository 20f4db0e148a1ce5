"""Batch prediction on many processes and machines: `PredictBatches`, for `map_batches` of Ray's datasets.

Ray reads and writes the data, starts the actors, gives them batches, and does again what is lost with an actor that dies. What
is here is one actor: a model that is loaded once, and the columns of its batches.
"""
from __future__ import annotations

import math
from typing import Dict, Mapping, Optional

import numpy as np

from ..utils._arguments.numbers import whole_number
from ..utils._text.spec import describe
from ..utils.optional import optional_import
from ._ray.columns import InputColumns, OutputColumns
from ._ray.model import ModelSource, load_model

__all__ = ["PredictBatches"]

_WHO = "PredictBatches"  # Ray calls a class of its own that is made of this one

ray = optional_import("ray", needed_by="PredictBatches(threads=None)", pip="ray[data]")


class PredictBatches:
    """A callable class for `ray.data.Dataset.map_batches`: each actor loads the model once, and predicts batch after batch.

    A batch is a dict from names of columns to arrays with a row for each element, as `batch_format="numpy"` gives, which is
    Ray's default. An input is read from the column of its name, without `:0`. A call returns a new dict: all columns of the
    batch, and one for each output, of the output's name without `:0`, its dtype, and in the order of the rows. A batch without
    rows is not computed: its outputs have no rows, and 0 for each size that the model leaves open.

    Ray makes a task of each block, and an actor waits between two tasks for longer than between two batches of a block: let a
    block hold several batches, by `repartition(target_num_rows_per_block=)` or what reads the data.

    Values are converted and checked as by the predictor. A model file that holds batches of one size takes no other
    `batch_size`.

    Args:
        model: the path of what ModelExporter wrote, at the same place on each machine; or a function without arguments that
            returns a PredictConfig, which is called in each actor.
        engine: see ExportedPredictor; only for a path.
        threads: how many threads compute one call. Default: as many as the CPUs that Ray gives to the actor (`num_cpus=` of
            `map_batches`), at least one; outside of an actor, one for each core. Session options of the config's own
            session_creator are left as they are.
        input_columns: {name of an input: name of its column}, for those that are not called the same.
        output_columns: {name of an output: name of its column}, likewise.

    Attributes:
        predictor: the ExportedPredictor or OfflinePredictor.

    Raises:
        FileNotFoundError: there is nothing at the path on this machine.
        ImportError: the engine is not installed; or Ray is not, and `threads` is None.
        TypeError, ValueError: an argument is wrong, or the model cannot be loaded; the shape of an input or output says that
            its first dimension is not the batch. In a call: the batch lacks a column, or has one that is called as an output;
            values do not fit an input; an output does not have a row for each element.
    """

    def __init__(self, model: ModelSource, engine: Optional[str] = None, *, threads: Optional[int] = None,
                 input_columns: Optional[Mapping[str, str]] = None, output_columns: Optional[Mapping[str, str]] = None):
        threads = _threads_of_actor() if threads is None else whole_number(_WHO, "threads", threads, minimum=1)
        loaded = load_model(_WHO, model, engine, threads)
        self.predictor = loaded.predictor
        try:
            self._inputs = InputColumns(_WHO, loaded.inputs, input_columns)
            self._outputs = OutputColumns(_WHO, loaded.outputs, output_columns)
        except Exception:
            self.close()
            raise

    def __call__(self, batch: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
        """The batch with a column for each output."""
        if not isinstance(batch, dict):
            raise TypeError("{}: a batch must be a dict of arrays; got {}; leave batch_format out, or say "
                            'batch_format="numpy"'.format(_WHO, describe(batch)))
        values = self._inputs(batch)
        self._outputs.require_new(batch)
        num_rows = max(map(len, batch.values()), default=0)
        predicted = self._outputs(self.predictor(*values), num_rows) if num_rows else self._outputs.empty()
        return dict(batch, **predicted)

    def close(self) -> None:
        """Free the model. Ray ends the process of an actor, which does so as well."""
        self.predictor.close()


def _threads_of_actor() -> Optional[int]:
    """As many as the CPUs that Ray has given to the actor in which this runs; None outside of one."""
    if not ray.is_initialized() or ray.get_runtime_context().get_actor_id() is None:
        return None
    return max(1, math.ceil(ray.get_runtime_context().get_assigned_resources().get("CPU", 0)))
