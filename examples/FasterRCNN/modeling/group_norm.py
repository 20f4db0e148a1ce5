"""Group normalisation, with a gradient that passes over the image seldom, as passes are what it costs."""
from tensorpack import *
from tensorpack.models.utils import VariableHolder

from . import layout

tf = tfv1


@layer_register(log_shape=True)
def GroupNorm(x, group=32, gamma_initializer=None):
    """Normalise over height, width and groups of consecutive channels (Wu and He 2018, https://arxiv.org/abs/1803.08494).

    Variables: `name/beta`, `name/gamma`, [channels].
    """
    channels = layout.channels(x)
    if channels % group:
        raise ValueError("GroupNorm: channels must be a multiple of {}; got {}".format(group, channels))
    beta = tf.get_variable("beta", [channels], initializer=tf.zeros_initializer())
    gamma = tf.get_variable("gamma", [channels], initializer=gamma_initializer or tf.ones_initializer())

    def normalize(x, gamma, beta):
        return normalize_groups(x, gamma, beta, group)

    if get_current_tower_context().is_training:
        x = tf.custom_gradient(normalize)(x, gamma, beta)
    else:  # exported graphs have no operations for gradients
        x, _ = normalize(x, gamma, beta)
    x = tf.identity(x, name="output")
    x.variables = VariableHolder(beta=beta, gamma=gamma)
    return x


def normalize_groups(x, gamma, beta, group):
    """Returns: the normalised image, and a function from the gradient with respect to it to those of x, gamma and beta."""
    channels = layout.channels(x)
    groups = [-1, group, channels // group]
    broadcast = [-1, channels, 1, 1] if layout.is_channels_first() else [-1, 1, 1, channels]
    gamma, beta = tf.reshape(gamma, groups), tf.reshape(beta, groups)
    # moments of channels first: sums of fewer values are more exact, and nothing of the size of the image is reshaped
    means = tf.reshape(mean_of_pixels(x), broadcast)
    variances = tf.reshape(mean_of_pixels(tf.squared_difference(x, means)), groups)
    means = tf.reshape(means, groups)
    mean = tf.reduce_mean(means, 2, keepdims=True)
    variance = tf.reduce_mean(variances + tf.square(means - mean), 2, keepdims=True)
    inverse = tf.rsqrt(variance + 1e-5)
    scale = inverse * gamma
    shift = beta - mean * scale

    def gradient(wanted):
        """Of groups: gradients of the normalised values less their mean, and less their part along the normalised values."""
        pixels = tf.cast(tf.reduce_prod(layout.spatial_shape(x)), tf.float32)
        straight = tf.reshape(mean_of_pixels(wanted), groups)
        along = (tf.reshape(mean_of_pixels(wanted * x), groups) - mean * straight) * inverse
        factor = -tf.square(inverse) * tf.reduce_mean(gamma * along, 2, keepdims=True)
        offset = -inverse * tf.reduce_mean(gamma * straight, 2, keepdims=True) - factor * mean
        factor, offset = (tf.reshape(each + tf.zeros_like(scale), broadcast) for each in (factor, offset))
        of_x = wanted * tf.reshape(scale, broadcast) + (x * factor + offset)
        of_gamma, of_beta = (tf.reshape(tf.reduce_sum(each, 0) * pixels, [channels]) for each in (along, straight))
        return of_x, of_gamma, of_beta

    return x * tf.reshape(scale, broadcast) + tf.reshape(shift, broadcast), gradient


def mean_of_pixels(x):
    """[n, channels]: the mean of each channel, by rows and then by columns."""
    last, first = (3, 2) if layout.is_channels_first() else (2, 1)
    return tf.reduce_mean(tf.reduce_mean(x, last), first)
