"""Behind `contrib/keras.py`: a Keras model called in towers, and its cost."""
