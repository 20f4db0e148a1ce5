"""Quantizers of weights, activations and gradients (Zhou et al. 2016, https://arxiv.org/abs/1606.06160).

Rounding has a gradient of zero nearly everywhere. Where the paper passes the gradient straight through instead, the value is
`x + stop_gradient(quantized - x)`.
"""
from tensorpack import *

tf = tfv1


def straight_through(x, value):
    """`value` forwards, and backwards as if it were `x`."""
    return x + tf.stop_gradient(value - x)


def quantize(x, bits):
    """Equation 5: x in [0, 1] becomes one of 2^bits values in [0, 1]."""
    n = float(2 ** bits - 1)
    return straight_through(x, tf.round(x * n) / n)


def quantize_weight(w, bits):
    """Equations 7 to 9: one bit makes +-(mean of |w|), more bits make 2^bits values in [-1, 1]."""
    if bits == 32:
        return w
    if bits == 1:
        mean = tf.stop_gradient(tf.reduce_mean(tf.abs(w)))
        return straight_through(w, tf.where(w >= 0, tf.fill(tf.shape(w), mean), tf.fill(tf.shape(w), -mean)))
    x = tf.tanh(w)
    x = x / (2 * tf.reduce_max(tf.abs(x))) + 0.5
    return 2 * quantize(x, bits) - 1


def quantize_activation(x, bits):
    """Equation 11: x is limited to [0, 1], and then quantized; 32 bits make a ReLU of it."""
    if bits == 32:
        return tf.nn.relu(x)
    return quantize(tf.clip_by_value(x, 0., 1.), bits)


def quantize_gradient(x, bits):
    """Equation 12: x forwards; the gradient that comes back is quantized, with noise, in the range that each sample has."""
    if bits == 32:
        return x

    @tf.custom_gradient
    def identity(x):
        def gradient(dx):
            n = float(2 ** bits - 1)
            axes = list(range(1, dx.shape.ndims))
            range_ = 2 * tf.reduce_max(tf.abs(dx), axes, keepdims=True)
            noise = tf.random_uniform(tf.shape(dx), -0.5, 0.5) / n
            # the noise must not leave the range of the values
            scaled = tf.clip_by_value(tf.math.divide_no_nan(dx, range_) + 0.5 + noise, 0., 1.)
            return range_ * (tf.round(scaled * n) / n - 0.5)
        return tf.identity(x), gradient

    return identity(x)


class DoReFa:
    """The quantizers of a network; `bits` are those of weights, activations and gradients."""

    def __init__(self, bits):
        self.weight_bits, self.activation_bits, self.gradient_bits = bits

    def weights(self, but=()):
        """A context in which the variables `<layer>/W` are quantized, unless their layer is one of `but`."""
        def replace(variable):
            scopes = variable.op.name.split("/")
            if scopes[-1] != "W" or set(scopes) & set(but):
                return variable
            logger.info("Quantizing weight %s", variable.op.name)
            return quantize_weight(variable, self.weight_bits)

        return varreplace.remap_variables(replace)

    def convolved(self, x):
        """The output of a layer, as `activation=`; only gradients change."""
        return quantize_gradient(x, self.gradient_bits)

    def activate(self, x):
        """The output of a layer, as `activation=`: normalized and quantized, and so are its gradients."""
        return quantize_activation(BatchNorm("bn", self.convolved(x)), self.activation_bits)


def bits(text):
    """The type of an argument for argparse: "1,2,6" are the bits of weights, activations and gradients."""
    values = tuple(int(part) for part in text.split(","))
    if len(values) != 3 or not all(1 <= value <= 32 for value in values):
        raise ValueError(text)
    return values
