"""`tf.contrib.opt.python.training`."""
