"""What type checkers tell a user: each line that ends with `# [code]` is an error of that kind, and no other line is."""
from __future__ import annotations

from pathlib import Path
from typing import List

import numpy as np

import tensorpack
from tensorpack import (
    BatchData,
    BatchNorm,
    Callback,
    CallbackFactory,
    Conv2D,
    DataFlow,
    InferenceRunner,
    ModelDesc,
    ModelSaver,
    OfflinePredictor,
    PredictConfig,
    QueueInput,
    RNGDataFlow,
    SimpleTrainer,
    SmartInit,
    TrainConfig,
    dataset,
    enable_argscope_for_function,
    imgaug,
    launch_train_with_config,
    layer_register,
    logger,
)
from tensorpack import tfv1 as tf
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.utils.argtools import call_only_once, graph_memoized, memoized, memoized_method, shape2d
from tensorpack.utils.develop import HIDE_DOC, deprecated
from tensorpack.utils.stats import StatCounter


class Letters(RNGDataFlow):
    def __len__(self) -> str:  # [override]
        return "26"

    def draw(self) -> int:
        return int(self.rng.randnit(26))  # [attr-defined]


class Shift(imgaug.ImageAugmentor):
    def get_transform(self, img: np.ndarray) -> int:  # [override]
        return self.rng  # [return-value]


class Greeter(Callback):
    def _trigger_epoch(self, epoch: int) -> None:  # [override]
        pass

    @deprecated("use greet")
    def hello(self, name: str) -> str:
        return name

    @memoized_method
    def length(self, name: str) -> int:
        return len(name)

    @call_only_once
    def finish(self, name: str) -> None:
        pass


@memoized
def double(x: int) -> int:
    return 2 * x


@HIDE_DOC
@graph_memoized
def triple(x: int) -> int:
    return 3 * x


@auto_reuse_variable_scope
def shared(x: int) -> int:
    return x


@enable_argscope_for_function
def scaled(x: int, factor: int) -> int:
    return factor * x


@layer_register()
def Pair(x: tf.Tensor, factor: float) -> List[int]:
    return [1, 2]


@layer_register(use_scope=None)
def Free(x: tf.Tensor) -> int:
    return 1


def functions_that_decorators_have_changed(greeter: Greeter) -> None:
    greeter.hello(5)  # [arg-type]
    greeter.length()  # [call-arg]
    greeter.finish("a", "b")  # [call-arg]
    double("1")  # [arg-type]
    triple(1).upper()  # [attr-defined]
    shared("1")  # [arg-type]
    scaled(1).upper()  # [attr-defined]


def layers(x: tf.Tensor) -> None:
    Conv2D(3, x, 32)  # [arg-type]
    Conv2D("conv")  # [call-arg]
    BatchNorm(x=x)  # [call-arg]
    Pair("pair", x, factor=2.0).upper()  # [attr-defined]
    Free(x).upper()  # [attr-defined]
    Free("free", x).upper()  # [attr-defined]


def names() -> None:
    tensorpack.Nonsense()  # [attr-defined]
    tensorpack.callbacks.Unheard()  # [attr-defined]
    dataset.Unseen()  # [attr-defined]


def data(df: DataFlow) -> None:
    BatchData(df, "32")  # [arg-type]
    BatchData([1, 2], 32)  # [arg-type]
    dataset.Mnist("train", dir=5)  # [arg-type]
    imgaug.Resize("large")  # [arg-type]
    imgaug.AugmentorList([imgaug.Flip(horiz=True), 5])  # [list-item]
    logger.set_logger_dir(Path("log"))
    logger.set_logger_dir(5)  # [arg-type]
    shape2d("3")  # [arg-type]
    StatCounter().average.upper()  # [attr-defined]


def training(df: DataFlow, model: ModelDesc) -> None:
    TrainConfig(model=model, dataflow=QueueInput(df))  # [arg-type]
    TrainConfig(model=model, dataflow=df, steps=3)  # [call-arg]
    config = TrainConfig(model=model, dataflow=df, callbacks=[ModelSaver(), InferenceRunner])  # [list-item]
    launch_train_with_config(config)  # [call-arg]
    launch_train_with_config(SimpleTrainer(), config)  # [arg-type] [arg-type]
    OfflinePredictor(model)  # [arg-type]
    PredictConfig(model=model, session_init=SmartInit(""), input_names="image").nonsense  # [attr-defined] # noqa: B018
    tensorpack.callbacks.ModelSaver(max_to_keep="all")  # [arg-type]
    tensorpack.callbacks.ModelSaver(max_to_keep=None)
    CallbackFactory(trigger=5)  # [arg-type]
    CallbackFactory(trigger=lambda cb: cb.nonsense)  # [attr-defined]


def what_a_trainer_has(trainer: SimpleTrainer) -> None:
    trainer.monitors.put_scalars("accuracy", 1.0)  # [attr-defined]
    trainer.hooked_sess.should_stop().upper()  # [attr-defined]
    trainer.tower_func.towers.training()[0].name  # [attr-defined] # noqa: B018
