"""Behind `tf.layers`: what its layers share, and the rooms of the larger ones."""
