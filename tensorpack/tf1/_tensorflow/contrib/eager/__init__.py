"""`tf.contrib.eager`: eager execution, which TensorFlow still has; programs of graphs import it and do not use it."""
from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "_gradients": ["gradients_function", "implicit_gradients", "implicit_value_and_gradients",
                   "value_and_gradients_function"],
    "_names": ["Checkpoint", "GradientTape", "TensorSpec", "Variable", "custom_gradient", "enable_eager_execution",
               "executing_eagerly", "function", "in_eager_mode", "num_gpus", "py_func"],
})
