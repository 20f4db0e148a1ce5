"""Programs that train with flows in eager TensorFlow with Keras 3, and in JAX: each in a process of its own.

Usage: adapter_programs.py NAME. A program prints a JSON object of what it has found.
"""
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np

from tensorpack.dataflow import (
    BatchData,
    DataFromGenerator,
    DataFromList,
    FixedSizeData,
    MapDataComponent,
    MultiProcessRunnerZMQ,
    dataset,
)
from tensorpack.utils import fix_rng_seed


def digits(name, batch_size=50):
    return BatchData(MapDataComponent(dataset.Digits(name), as_float), batch_size, remainder=True)


def as_float(image):
    return image.astype("float32")


def images():
    for k in range(48):
        yield [np.full((64, 64, 3), k, "uint8"), k]


def numbers(shuffle=True):
    return DataFromList([[np.int32(k)] for k in range(11)], shuffle=shuffle)


def message(function):
    try:
        function()
    except Exception as e:
        return "{}: {}".format(type(e).__name__, e)
    return "NO ERROR"


def shared_memory(adapt):
    """Of batches that are kept beyond their workers: whether their first and last elements are what they were."""
    with MultiProcessRunnerZMQ(BatchData(DataFromGenerator(images), 4), 1, start_method="spawn") as runner:
        kept = [dp[0] for dp in adapt(FixedSizeData(runner, 12))]
    return [[int(np.asarray(batch)[0].max()), int(np.asarray(batch)[3].min())] for batch in kept]


def keras():
    import keras
    import tensorflow as tf

    from tensorpack.dataflow.adapters import as_tf_dataset

    spec = (tf.TensorSpec((None, 8, 8), "float32"), tf.TensorSpec((None,), "int32"))
    count = tf.TensorSpec((), "int32")
    fix_rng_seed(0)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(64, "relu"), keras.layers.Dense(10)])
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                  metrics=["accuracy"])
    history = model.fit(as_tf_dataset(digits("train"), spec).prefetch(2), epochs=6, verbose=0,
                        validation_data=as_tf_dataset(digits("test"), spec)).history
    found = {"eager": tf.executing_eagerly(), "accuracy": history["val_accuracy"][-1]}

    data = as_tf_dataset(numbers(), [count])
    found["passes"] = [[int(x) for x, in data] for _ in range(2)]
    for _ in range(2):  # abandoned passes
        for _ in data.prefetch(1):
            break
    found["parts"] = [sorted(int(x) for x, in as_tf_dataset(numbers(), [count], size=2, rank=rank)) for rank in range(2)]
    found["dict"] = sorted(int(dp["x"][0]) for dp in as_tf_dataset(
        DataFromList([{"x": [k, k]} for k in range(3)]), {"x": [count, count]}))
    first = iter(data)
    next(first)
    found["twice"] = message(lambda: next(iter(data)))
    found["shape"] = message(lambda: list(as_tf_dataset(digits("test"), (spec[0], count))))
    found["signature"] = message(lambda: as_tf_dataset(numbers(), ["int32"]))
    found["flow"] = message(lambda: as_tf_dataset([1], [count]))
    found["kept"] = shared_memory(lambda df: as_tf_dataset(df, (tf.TensorSpec(None, "uint8"), tf.TensorSpec(None, "int32"))))
    return found


def jax():
    import jax
    import jax.numpy as jnp

    from tensorpack.dataflow.adapters import as_jax

    def logits(weights, image):
        hidden = jax.nn.relu(image.reshape(len(image), -1) @ weights[0] + weights[1])
        return hidden @ weights[2] + weights[3]

    def cost(weights, image, label):
        return -jnp.mean(jax.nn.log_softmax(logits(weights, image))[jnp.arange(len(label)), label])

    @jax.jit
    def step(weights, image, label):
        return [w - 0.3 * gradient for w, gradient in zip(weights, jax.grad(cost)(weights, image, label))]

    fix_rng_seed(0)
    keys = jax.random.split(jax.random.PRNGKey(0))
    weights = [jax.random.normal(keys[0], (64, 64)) / 8, jnp.zeros(64), jax.random.normal(keys[1], (64, 10)) / 8, jnp.zeros(10)]
    train = as_jax(digits("train"))
    for _ in range(8):
        for image, label in train:
            weights = step(weights, image, label)
    right = [np.asarray(logits(weights, image).argmax(1) == label) for image, label in as_jax(digits("test", 100))]
    found = {"accuracy": float(np.concatenate(right).mean()), "count": len(np.concatenate(right)), "length": len(train)}

    data = as_jax(numbers())
    found["passes"] = [[int(x) for x, in data] for _ in range(2)]
    found["parts"] = [sorted(int(x) for x, in as_jax(numbers(), size=2, rank=rank)) for rank in range(2)]
    dp = next(iter(as_jax(DataFromList([{"x": np.float32(1), "name": "text", "y": (np.zeros(2, "uint8"), 3)}]))))
    found["types"] = [isinstance(dp["x"], jax.Array), dp["x"].dtype.name, dp["name"], isinstance(dp["y"][0], jax.Array),
                      dp["y"][1]]
    first = iter(data)
    next(first)
    found["twice"] = message(lambda: next(iter(data)))
    found["flow"] = message(lambda: as_jax([1]))
    batch = next(iter(BatchData(DataFromGenerator(images), 8)))[0]
    array = next(iter(as_jax(DataFromList([[batch]]))))[0]
    found["is_zero_copy"] = array.unsafe_buffer_pointer() == batch.ctypes.data
    found["kept"] = shared_memory(as_jax)
    return found


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
