"""What Python, numpy and scipy have lost since the days of TensorFlow 1, given back in this process."""
