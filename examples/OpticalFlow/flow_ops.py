"""What the networks consist of: convolutions with their variables, warping, correlation. All tensors are [N, H, W, C]."""
from tensorpack import tfv1 as tf


def _parameters(shape, num_bias, fan_in):
    stddev = (2. / fan_in) ** 0.5
    kernel = tf.get_variable("kernel", shape, initializer=tf.truncated_normal_initializer(stddev=stddev))
    bias = tf.get_variable("bias", [num_bias], initializer=tf.zeros_initializer()) if num_bias else None
    return kernel, bias


def _finish(x, bias, linear):
    if bias is not None:
        x = tf.nn.bias_add(x, bias)
    return x if linear else tf.nn.leaky_relu(x, 0.1)


def conv(name, x, filters, size=3, stride=2, linear=False):
    """A convolution, padded alike on all sides, also where 'SAME' would put less at the left: `name/kernel`, `name/bias`."""
    channels, side = int(x.shape[3]), size // 2
    with tf.variable_scope(name):
        kernel, bias = _parameters([size, size, channels, filters], filters, size * size * channels)
        x = tf.pad(x, [[0, 0], [side, side], [side, side], [0, 0]])
        return _finish(tf.nn.conv2d(x, kernel, strides=[1, stride, stride, 1], padding="VALID"), bias, linear)


def deconv(name, x, filters, linear=False, use_bias=True):
    """A transposed convolution to twice the size: `name/kernel` [4, 4, filters, channels], `name/bias`."""
    batch, height, width, channels = x.shape.as_list()
    with tf.variable_scope(name):
        kernel, bias = _parameters([4, 4, filters, channels], filters if use_bias else 0, 4 * channels)
        x = tf.nn.conv2d_transpose(x, kernel, [batch, height * 2, width * 2, filters], [1, 2, 2, 1], padding="SAME")
        return _finish(x, bias, linear)


def resize_bilinear(x, factor=4):
    """Corners stay corners."""
    height, width = x.shape.as_list()[1:3]
    return tf.image.resize_bilinear(x, [height * factor, width * factor], align_corners=True)


def resize_nearest(x, factor=4):
    """Each value becomes a square."""
    height, width = x.shape.as_list()[1:3]
    return tf.image.resize_nearest_neighbor(x, [height * factor, width * factor])


def channel_norm(x):
    """Euclidean norm over the channels: [N, H, W, C] -> [N, H, W, 1]."""
    return tf.sqrt(tf.reduce_sum(tf.square(x), axis=3, keepdims=True))


def warp(image, flow):
    """What `image` [1, H, W, C] has at (x + dx, y + dy), bilinear; its border goes on outside. `flow` [..., 2] is (dx, dy)."""
    _, height, width, channels = image.shape.as_list()
    pixels = tf.reshape(image, [height * width, channels])
    x = flow[0, :, :, 0] + tf.range(width, dtype=tf.float32)
    y = flow[0, :, :, 1] + tf.range(height, dtype=tf.float32)[:, tf.newaxis]
    left, top = tf.floor(x), tf.floor(y)
    right_weight, bottom_weight = (x - left)[:, :, tf.newaxis], (y - top)[:, :, tf.newaxis]

    def clipped(values, size):  # before the cast: a float beyond the range of int32 has no integer
        return tf.cast(tf.clip_by_value(values, 0, size - 1), tf.int32)

    columns = [clipped(left + k, width) for k in (0, 1)]
    rows = [clipped(top + k, height) * width for k in (0, 1)]
    top_row, bottom_row = [
        tf.gather(pixels, row + columns[0]) * (1 - right_weight) + tf.gather(pixels, row + columns[1]) * right_weight
        for row in rows]
    return (top_row * (1 - bottom_weight) + bottom_row * bottom_weight)[tf.newaxis]


def correlation(a, b, max_displacement=20, step=2):
    """How alike `a` at each place and `b` at each displaced place are, both [1, H, W, C].

    For each row of displacements one product of matrices compares all columns with all columns of the same remainder by `step`,
    and the band around its diagonal is kept. That computes more than is needed, but in one fast operation, and never holds a
    displaced copy for each of the displacements.

    Returns:
        [1, H, W, D * D], D = 2 * max_displacement / step + 1: means over the channels of a(y, x) * b(y + dy, x + dx), where
        dy, dx = -max_displacement, -max_displacement + step ...; dx runs faster. Outside `b` is zero.
    """
    _, height, width, channels = a.shape.as_list()
    count = 2 * max_displacement // step + 1
    extra = -width % step

    def by_remainder(x):  # [rows, step, columns / step, C]
        rows, columns, _ = x.shape.as_list()
        return tf.transpose(tf.reshape(x, [rows, columns // step, step, channels]), [0, 2, 1, 3])

    sides = [max_displacement, max_displacement]
    a = by_remainder(tf.pad(a[0], [[0, 0], [0, extra], [0, 0]]) / channels)
    b = by_remainder(tf.pad(b[0], [sides, [max_displacement, max_displacement + extra], [0, 0]]))
    rows = [_diagonals(tf.matmul(a, b[k * step:k * step + height], transpose_b=True), count) for k in range(count)]
    result = tf.transpose(tf.stack(rows, axis=3), [0, 2, 1, 3, 4])  # [H, columns, remainder, dy, dx]
    return tf.reshape(result, [1, height, width + extra, count * count])[:, :, :width]


def _diagonals(matrices, count):
    """Element (i, i + k) of matrices [..., N, N + count - 1] at (i, k) of the result [..., N, count]."""
    first, second, size, length = matrices.shape.as_list()
    flat = tf.reshape(matrices, [first, second, size * length])
    # in rows that are longer by one, each diagonal is a column
    flat = tf.pad(flat, [[0, 0], [0, 0], [0, size]])
    return tf.reshape(flat, [first, second, size, length + 1])[:, :, :, :count]
