"""`tf.contrib.slim.python.slim.nets`: networks for images."""
