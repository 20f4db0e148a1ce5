"""The tables of all subjects. They are literals and import nothing: whole, they are read when `tensorpack` is imported."""
from __future__ import annotations

from .._table import Table
from . import (
    callbacks,
    data,
    environment,
    gradients,
    imgaug,
    inference,
    input_source,
    layers,
    model_desc,
    monitors,
    predict,
    session,
    summary,
    symbolic,
    tfutils,
    train_config,
    trainers,
    utils,
)

TABLE = Table(subject.PART for subject in (
    model_desc, train_config, trainers, predict, session, callbacks, inference, monitors, summary, input_source,
    environment, layers, symbolic, gradients, tfutils, data, imgaug, utils))
