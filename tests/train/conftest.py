"""A model that trains in milliseconds, and data for it."""
import numpy as np
import pytest

from tensorpack import DataFlow, ModelDesc, tfv1


class LinearModel(ModelDesc):
    """y = x W with mean squared error; tensors `prediction`, `cost`."""

    def __init__(self, make_optimizer=lambda: tfv1.train.GradientDescentOptimizer(0.1)):
        super().__init__()
        self.make_optimizer = make_optimizer

    def inputs(self):
        return [tfv1.TensorSpec((None, 3), tfv1.float32, "x"), tfv1.TensorSpec((None,), tfv1.float32, "y")]

    def build_graph(self, x, y):
        weights = tfv1.get_variable("W", [3, 1], initializer=tfv1.zeros_initializer())
        prediction = tfv1.squeeze(tfv1.matmul(x, weights), 1, name="prediction")
        return tfv1.reduce_mean(tfv1.square(prediction - y), name="cost")

    def optimizer(self):
        return self.make_optimizer()


class LinearData(DataFlow):
    """`size` batches of four; the i-th is the same in every pass."""

    def __init__(self, size=8):
        self.size = size

    def __len__(self):
        return self.size

    def __iter__(self):
        for i in range(self.size):
            x = np.random.RandomState(i).rand(4, 3).astype("float32")
            yield [x, x.dot(np.array([1., -2., 0.5], dtype="float32"))]


@pytest.fixture
def linear_model():
    return LinearModel


@pytest.fixture
def linear_data():
    return LinearData
