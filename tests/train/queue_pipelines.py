"""Input pipelines of queue runners, as programs of TensorFlow 1 have them, and a training that reads numbers from one."""
import os

from tensorpack import Callback, ModelDesc, SimpleTrainer, TensorInput, TrainConfig, launch_train_with_config
from tensorpack.compat import tfv1 as tf


class Numbers(ModelDesc):
    """Adds up the numbers it is given; tensor `seen` has those of a step."""

    def inputs(self):
        return [tf.TensorSpec(None, tf.float32, "number")]

    def build_graph(self, number):
        weight = tf.get_variable("weight", [], initializer=tf.zeros_initializer())
        tf.identity(number, name="seen")
        return tf.reduce_sum(number) * weight

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(1.)


class Seen(Callback):
    """The numbers of all steps."""

    def __init__(self):
        self.numbers = []

    def _before_run(self, ctx):
        return ["seen:0"]

    def _after_run(self, ctx, values):
        number, = values.results
        self.numbers.extend(number.ravel().tolist())


def train(pipeline, steps=10, callbacks=(), trainer=None, **kwargs):
    """Train on what `pipeline()` gives; the numbers that the steps saw."""
    seen = Seen()
    data = pipeline if not callable(pipeline) else TensorInput(lambda: [pipeline()])
    launch_train_with_config(TrainConfig(
        model=Numbers(), data=data, steps_per_epoch=steps, max_epoch=kwargs.pop("max_epoch", 1), monitors=[],
        callbacks=[seen] + list(callbacks), extra_callbacks=[], **kwargs), trainer or SimpleTrainer())
    return seen.numbers


def range_input(limit=5, num_epochs=None, **kwargs):
    return tf.cast(tf.train.range_input_producer(limit, num_epochs=num_epochs, shuffle=False, **kwargs).dequeue(), tf.float32)


def files_of_numbers(directory, *numbers):
    """A text file for each number."""
    paths = [os.path.join(str(directory), "{}.txt".format(i)) for i in range(len(numbers))]
    for path, number in zip(paths, numbers):
        with open(path, "w") as f:
            f.write(str(number))
    return paths


def read_numbers(paths, num_epochs=None):
    path = tf.train.string_input_producer(paths, num_epochs=num_epochs, shuffle=False).dequeue()
    return tf.string_to_number(tf.read_file(path))
