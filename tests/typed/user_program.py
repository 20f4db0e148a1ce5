"""A program as a user writes it, with its own functions annotated: `mypy --strict` has nothing to say, and it runs."""
from __future__ import annotations

import argparse
import os
from typing import Any, Iterator, List, Optional, Tuple

import numpy as np

from tensorpack import (
    AugmentImageComponent,
    BatchData,
    BatchNorm,
    BNReLU,
    Callback,
    ClassificationError,
    Conv2D,
    DataFlow,
    FullyConnected,
    GlobalAvgPooling,
    HyperParamSetterWithFunc,
    InferenceRunner,
    LinearWrap,
    MapData,
    ModelDesc,
    ModelSaver,
    MultiThreadMapData,
    OfflinePredictor,
    PeriodicTrigger,
    PredictConfig,
    QueueInput,
    RNGDataFlow,
    ScalarStats,
    ScheduledHyperParamSetter,
    SimpleTrainer,
    SmartInit,
    SyncMultiGPUTrainerReplicated,
    TrainConfig,
    argscope,
    dataset,
    imgaug,
    l2_regularizer,
    launch_train_with_config,
    layer_register,
    logger,
    regularize_cost,
    summary,
)
from tensorpack import tfv1 as tf
from tensorpack.utils.argtools import memoized
from tensorpack.utils.gpu import get_num_gpu

SIZE = 8
CLASSES = 10


class Noise(RNGDataFlow):
    """Images without a meaning."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[List[Any]]:
        for _ in range(self.number):
            yield [self.rng.rand(SIZE, SIZE).astype("float32"), int(self.rng.randint(CLASSES))]


class Border(imgaug.ImageAugmentor):
    """Cuts a border of random width off."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def get_transform(self, img: np.ndarray) -> imgaug.Transform:
        h, w = img.shape[:2]
        k = int(self.rng.randint(self.width + 1))
        return imgaug.CropTransform(k, k, h - 2 * k, w - 2 * k)


def centred(dp: List[Any]) -> Optional[List[Any]]:
    image, label = dp
    return [image[:, :, np.newaxis] - 0.5, label] if label >= 0 else None


def get_data(is_training: bool, batch: int) -> DataFlow:
    ds: DataFlow = dataset.Digits("train", shuffle=True) if is_training else Noise(2 * batch)
    augmentors: List[imgaug.ImageAugmentor] = [Border(1), imgaug.Resize((SIZE, SIZE)), imgaug.GaussianNoise(0.1)]
    ds = AugmentImageComponent(ds, imgaug.AugmentorList(augmentors), index=0, copy=True)
    ds = MultiThreadMapData(ds, 2, centred) if is_training else MapData(ds, centred)
    return BatchData(ds, batch, remainder=not is_training)


@layer_register(log_shape=True)
def Scale(x: tf.Tensor, factor: float = 1.0) -> tf.Tensor:
    w = tf.get_variable("w", [], initializer=tf.constant_initializer(factor))
    return tf.multiply(x, w, name="output")


@memoized
def channels(level: int) -> int:
    return 8 << level


class Model(ModelDesc):
    """A small convnet."""

    def inputs(self) -> List[tf.TensorSpec]:
        return [tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        with argscope(Conv2D, kernel_size=3, activation=tf.nn.relu), argscope([BatchNorm], momentum=0.9):
            x = Conv2D("conv0", image, channels(0))
            x = Conv2D("conv1", x, filters=channels(1), strides=2, activation=BNReLU)
            x = LinearWrap(x).Conv2D("conv2", channels(2)).BatchNorm("bn").apply(tf.nn.relu)()
        x = Scale("scale", GlobalAvgPooling("gap", x), factor=2.0)
        logits = FullyConnected("fc", x, CLASSES)
        tf.nn.softmax(logits, name="prob")
        wrong = tf.cast(tf.logical_not(tf.nn.in_top_k(logits, label, 1)), tf.float32, name="wrong")
        summary.add_moving_summary(tf.reduce_mean(wrong, name="train_error"))
        cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label))
        if self.training:
            cost = cost + regularize_cost("fc/W", l2_regularizer(1e-5))
        return tf.identity(cost, name="cost")

    def optimizer(self) -> tf.train.Optimizer:
        rate = tf.get_variable("learning_rate", initializer=1e-3, trainable=False)
        summary.add_moving_summary(tf.identity(rate, name="rate"))
        return tf.train.AdamOptimizer(rate)


class Steps(Callback):
    """Reports how many steps were made, and the last learning rate."""

    def __init__(self) -> None:
        self.steps = 0

    def _setup_graph(self) -> None:
        self._rate = self.trainer.graph.get_tensor_by_name("rate:0")

    def _before_run(self, ctx: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs(fetches=self._rate)

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self.steps += 1
        self.last_rate = float(run_values.results)

    def _trigger(self) -> None:
        self.trainer.monitors.put_scalar("rate", self.last_rate)
        logger.info("%d steps in this run until epoch %d, %d in all", self.steps, self.epoch_num, self.global_step)


def decayed(epoch: int, value: float) -> float:
    return value * 0.1 if epoch % 10 == 0 else value


def get_config(batch: int, load: str, steps: int) -> TrainConfig:
    data, test = get_data(True, batch), get_data(False, batch)
    callbacks: List[Callback] = [
        ModelSaver(max_to_keep=3),
        InferenceRunner(test, [ScalarStats("cost"), ClassificationError("wrong")]),
        ScheduledHyperParamSetter("learning_rate", [(1, 1e-3), (5, 1e-4)], interp="linear"),
        HyperParamSetterWithFunc("learning_rate", decayed),
        PeriodicTrigger(Steps(), every_k_epochs=1),
    ]
    return TrainConfig(model=Model(), data=QueueInput(data), callbacks=callbacks, session_init=SmartInit(load),
                       steps_per_epoch=steps or len(data), max_epoch=1)


def predict(checkpoint: str, images: np.ndarray) -> Tuple[np.ndarray, List[int]]:
    config = PredictConfig(model=Model(), session_init=SmartInit(checkpoint), input_names=["image"], output_names=["prob"])
    predictor = OfflinePredictor(config)
    prob = predictor(images)[0]
    return prob, [int(label) for label in np.argmax(prob, axis=1)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--load", default="")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--logdir", default="train_log/typed")
    args = parser.parse_args()
    logger.set_logger_dir(args.logdir, "k")
    config = get_config(args.batch, args.load, args.steps)
    num_gpu = get_num_gpu()
    launch_train_with_config(config, SimpleTrainer() if num_gpu <= 1 else SyncMultiGPUTrainerReplicated(num_gpu))
    prob, labels = predict(os.path.join(args.logdir, "checkpoint"), np.zeros((2, SIZE, SIZE, 1), "float32"))
    print(prob.shape, len(labels))


if __name__ == "__main__":
    main()
