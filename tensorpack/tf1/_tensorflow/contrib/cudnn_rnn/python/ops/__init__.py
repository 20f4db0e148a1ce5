"""The former paths of `tf.contrib.cudnn_rnn`."""
