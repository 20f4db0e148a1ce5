"""The former paths of `tf.contrib.rnn`."""
