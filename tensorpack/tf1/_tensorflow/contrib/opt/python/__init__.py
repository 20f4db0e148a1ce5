"""`tf.contrib.opt.python`."""
