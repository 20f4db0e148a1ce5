"""`tf.contrib.training.python`."""
