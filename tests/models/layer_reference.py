"""Independent numpy references of the layers, in float64 and NHWC, and helpers to run a layer and check its gradients."""
import numpy as np

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.tower import TowerContext


def training_tower(name=""):
    return TowerContext(name, is_training=True)


def inference_tower(name=""):
    return TowerContext(name, is_training=False)


def to_nchw(x):
    return np.transpose(x, [0, 3, 1, 2])


def to_nhwc(x):
    return np.transpose(x, [0, 2, 3, 1])


def random_array(*shape, **kwargs):
    rng = np.random.RandomState(kwargs.get("seed", 0) + sum(shape))
    return rng.normal(size=shape).astype(kwargs.get("dtype", "float32"))


def randomize(sess, seed=3):
    """Give every trainable variable random values; return {name: float64 array}."""
    sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    rng = np.random.RandomState(seed)
    values = {}
    for variable in tf.trainable_variables():
        value = rng.normal(size=variable.shape.as_list())
        variable.load(value.astype(variable.dtype.base_dtype.as_numpy_dtype), sess)
        values[variable.op.name] = value
    return values


def collection_names(key):
    return [item.name.split(":")[0] for item in tf.get_collection(key)]


def op_names():
    return {op.name for op in tf.get_default_graph().get_operations()}


def window_starts(size, extent, stride, padding):
    """Number of windows and zeros before the first pixel, by the rules of TensorFlow."""
    if padding.upper() == "VALID":
        return -(-(size - extent + 1) // stride), 0
    count = -(-size // stride)
    return count, max((count - 1) * stride + extent - size, 0) // 2


def conv2d(x, w, strides=(1, 1), padding="same", dilations=(1, 1), groups=1):
    x, w = x.astype("float64"), w.astype("float64")
    n, height, width, _ = x.shape
    kh, kw, cin, cout = w.shape
    rows, top = window_starts(height, (kh - 1) * dilations[0] + 1, strides[0], padding)
    cols, left = window_starts(width, (kw - 1) * dilations[1] + 1, strides[1], padding)
    y = np.zeros((n, rows, cols, cout))
    per_group = cout // groups
    for r in range(rows):
        for c in range(cols):
            for i in range(kh):
                for j in range(kw):
                    row = r * strides[0] - top + i * dilations[0]
                    col = c * strides[1] - left + j * dilations[1]
                    if not (0 <= row < height and 0 <= col < width):
                        continue
                    for g in range(groups):
                        out = slice(g * per_group, (g + 1) * per_group)
                        y[:, r, c, out] += x[:, row, col, g * cin:(g + 1) * cin].dot(w[i, j, :, out])
    return y


def conv2d_transpose(x, w, strides=(1, 1), padding="same"):
    """The adjoint of a convolution whose output has the shape of `x`; w is [kh, kw, out, in]."""
    n, height, width, _ = x.shape
    kh, kw, cout, _ = w.shape
    sizes = [size * s + (max(k - s, 0) if padding.upper() == "VALID" else 0)
             for size, k, s in zip((height, width), (kh, kw), strides)]
    y = np.zeros((n, sizes[0], sizes[1], cout))
    _, top = window_starts(sizes[0], kh, strides[0], padding)
    _, left = window_starts(sizes[1], kw, strides[1], padding)
    for r in range(height):
        for c in range(width):
            for i in range(kh):
                for j in range(kw):
                    row, col = r * strides[0] - top + i, c * strides[1] - left + j
                    if 0 <= row < sizes[0] and 0 <= col < sizes[1]:
                        y[:, row, col] += x[:, r, c].astype("float64").dot(w[i, j].T)
    return y


def pool(x, size, strides, padding, reduce):
    n, height, width, channels = x.shape
    rows, top = window_starts(height, size[0], strides[0], padding)
    cols, left = window_starts(width, size[1], strides[1], padding)
    y = np.zeros((n, rows, cols, channels))
    for r in range(rows):
        for c in range(cols):
            row, col = r * strides[0] - top, c * strides[1] - left
            window = x[:, max(row, 0):row + size[0], max(col, 0):col + size[1]].astype("float64")
            y[:, r, c] = reduce(window, axis=(1, 2))
    return y


def normalize(x, axes, gamma, beta, epsilon, mean=None, variance=None):
    """Channels last; statistics over `axes` unless given."""
    x = x.astype("float64")
    mean = x.mean(axis=axes, keepdims=True) if mean is None else mean
    variance = x.var(axis=axes, keepdims=True) if variance is None else variance
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def check_gradients(sess, output, placeholder, value, epsilon=1e-2, tolerance=2e-3, directions=2):
    """Compare the gradients for the input and all trainable variables with central differences along random directions.

    The loss is a fixed random combination of the outputs; for layers that are linear in each argument `epsilon` may be large.
    """
    variables = tf.trainable_variables()
    shape = sess.run(tf.shape(output), {placeholder: value})
    rng = np.random.RandomState(7)
    weights = tf.constant(rng.normal(size=shape), dtype=output.dtype)
    loss = tf.reduce_sum(output * weights)
    sources = [placeholder] + variables
    gradients = tf.gradients(loss, sources)
    assert None not in gradients, dict(zip(sources, gradients))
    gradients = sess.run(gradients, {placeholder: value})
    start = sess.run(variables)

    def loss_at(shift, steps):
        for variable, base, step in zip(variables, start, steps[1:]):
            variable.load((base + shift * step).astype(base.dtype), sess)
        return float(sess.run(loss, {placeholder: (value + shift * steps[0]).astype(value.dtype)}))

    for _ in range(directions):
        steps = [rng.normal(size=np.shape(g)) for g in gradients]
        numeric = (loss_at(epsilon, steps) - loss_at(-epsilon, steps)) / (2 * epsilon)
        loss_at(0, steps)
        analytic = sum(float((np.asarray(g, "float64") * s).sum()) for g, s in zip(gradients, steps))
        scale = sum(np.abs(np.asarray(g, "float64") * s).sum() for g, s in zip(gradients, steps))
        assert abs(numeric - analytic) <= tolerance * scale + 1e-6, (numeric, analytic)
