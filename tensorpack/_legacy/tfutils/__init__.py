"""Tools around TensorFlow of older releases."""
