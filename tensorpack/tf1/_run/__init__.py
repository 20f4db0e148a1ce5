"""Running programs of TensorFlow 1: `python -m tensorpack.tf1`. All that is patched is patched in that process alone."""
