"""`tfutils.distributions`: distributions whose parameters are tensors, for networks that make them."""
from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from typing import Any, Callable, List, Sequence

import six

from ...compat import tfv1 as tf
from ...utils._types import wraps

__all__ = ["CategoricalDistribution", "Distribution", "GaussianDistribution", "ProductDistribution", "class_scope"]

_EPSILON = 1e-8


def class_scope(func: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator: the method runs in a name scope called like the object."""

    @wraps(func)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        with tf.name_scope(self.name):
            return func(self, *args, **kwargs)

    return method


@six.add_metaclass(ABCMeta)
class Distribution:
    """Base of distributions. `theta` are their parameters, [N, param_dim] or [param_dim]; samples are [N, sample_dim]."""

    def __init__(self, name: str):
        self.name = name

    @property
    @abstractmethod
    def param_dim(self) -> int:
        """How many parameters there are."""

    @property
    @abstractmethod
    def sample_dim(self) -> int:
        """How many numbers a sample has."""

    @class_scope
    def loglikelihood(self, x: Any, theta: Any) -> Any:
        """The logarithms of the probabilities, or their densities, of samples: [N]."""
        return self._loglikelihood(x, theta)

    @class_scope
    def entropy(self, x: Any, theta: Any) -> Any:
        """The mean of the negative log likelihood of samples, a scalar."""
        return -tf.reduce_mean(self._loglikelihood(x, theta), name="entropy")

    @class_scope
    def sample(self, batch_size: Any, theta: Any) -> Any:
        """Random samples, [batch_size, sample_dim]."""
        theta = tf.broadcast_to(theta, tf.stack([batch_size, self.param_dim]))
        sampled = self._sample(theta)
        sampled.set_shape([None, self.sample_dim])
        return sampled

    @class_scope
    def encoder_activation(self, param: Any) -> Any:
        """Valid parameters of any numbers, such as the output of a layer."""
        return self._encoder_activation(param)

    @abstractmethod
    def _loglikelihood(self, x: Any, theta: Any) -> Any: ...

    @abstractmethod
    def _sample(self, theta: Any) -> Any: ...

    @abstractmethod
    def _encoder_activation(self, param: Any) -> Any: ...


class CategoricalDistribution(Distribution):
    """One of `cardinality` classes; parameters are their probabilities, samples one-hot."""

    def __init__(self, name: str, cardinality: int):
        super().__init__(name)
        self.cardinality = cardinality

    @property
    def param_dim(self) -> int:
        return self.cardinality

    @property
    def sample_dim(self) -> int:
        return self.cardinality

    def _loglikelihood(self, x: Any, theta: Any) -> Any:
        return tf.reduce_sum(x * tf.log(theta + _EPSILON), 1)

    def _sample(self, theta: Any) -> Any:
        classes = tf.random.categorical(tf.log(theta + _EPSILON), num_samples=1)
        return tf.one_hot(tf.squeeze(classes, 1), self.cardinality)

    def _encoder_activation(self, param: Any) -> Any:
        return tf.nn.softmax(param)


class GaussianDistribution(Distribution):
    """`dim` independent normal numbers; parameters are their means, and unless `fixed_std` (of 1) standard deviations."""

    def __init__(self, name: str, dim: int, fixed_std: bool = True):
        super().__init__(name)
        self.dim = dim
        self.fixed_std = fixed_std

    @property
    def param_dim(self) -> int:
        return self.dim if self.fixed_std else 2 * self.dim

    @property
    def sample_dim(self) -> int:
        return self.dim

    def _split(self, theta: Any) -> List[Any]:
        if self.fixed_std:
            return [theta, tf.ones_like(theta)]
        return list(tf.split(theta, 2, axis=-1))

    def _loglikelihood(self, x: Any, theta: Any) -> Any:
        mean, std = self._split(theta)
        scaled = (x - mean) / (std + _EPSILON)
        return tf.reduce_sum(-0.5 * math.log(2 * math.pi) - tf.log(std + _EPSILON) - 0.5 * tf.square(scaled), 1)

    def _sample(self, theta: Any) -> Any:
        mean, std = self._split(theta)
        return mean + std * tf.random_normal(tf.shape(mean))

    def _encoder_activation(self, param: Any) -> Any:
        if self.fixed_std:
            return param
        mean, std = tf.split(param, 2, axis=-1)
        return tf.concat([mean, tf.sqrt(tf.exp(std))], axis=-1)


class ProductDistribution(Distribution):
    """Independent distributions side by side."""

    def __init__(self, name: str, dists: Sequence[Distribution]):
        super().__init__(name)
        self.dists = list(dists)

    @property
    def param_dim(self) -> int:
        return sum(dist.param_dim for dist in self.dists)

    @property
    def sample_dim(self) -> int:
        return sum(dist.sample_dim for dist in self.dists)

    def _parts(self, theta: Any) -> List[Any]:
        return list(tf.split(theta, [dist.param_dim for dist in self.dists], axis=-1))

    def _loglikelihood(self, x: Any, theta: Any) -> Any:
        samples = tf.split(x, [dist.sample_dim for dist in self.dists], axis=-1)
        parts = zip(self.dists, samples, self._parts(theta))
        return tf.add_n([dist.loglikelihood(sample, part) for dist, sample, part in parts])

    def _sample(self, theta: Any) -> Any:
        return tf.concat([dist._sample(part) for dist, part in zip(self.dists, self._parts(theta))], axis=-1)

    def _encoder_activation(self, param: Any) -> Any:
        return tf.concat([dist.encoder_activation(part) for dist, part in zip(self.dists, self._parts(param))], axis=-1)
