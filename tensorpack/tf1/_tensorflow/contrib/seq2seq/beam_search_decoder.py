"""The former module of beam search, with names that `tf.contrib.seq2seq` does not have."""
from ._beam_search import (
    BeamSearchDecoder,
    BeamSearchDecoderOutput,
    BeamSearchDecoderState,
    FinalBeamSearchDecoderOutput,
)
from ._beams import gather_tree_from_array, tile_batch

__all__ = [
    "BeamSearchDecoder", "BeamSearchDecoderOutput", "BeamSearchDecoderState", "FinalBeamSearchDecoderOutput",
    "gather_tree_from_array", "tile_batch",
]
