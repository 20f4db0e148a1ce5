"""`tensorflow.contrib.layers.python.layers.encoders`."""
from ..._embedding import bow_encoder, embed_sequence

__all__ = ["bow_encoder", "embed_sequence"]
