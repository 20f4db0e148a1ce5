"""`tf.contrib.seq2seq`: attention, decoders, and what feeds them."""
from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "_attention": ["AttentionMechanism", "BahdanauAttention", "LuongAttention"],
    "_beam_search": ["BeamSearchDecoder", "BeamSearchDecoderOutput", "BeamSearchDecoderState",
                     "FinalBeamSearchDecoderOutput"],
    "_beams": ["gather_tree", "tile_batch"],
    "_decoder": ["BasicDecoder", "BasicDecoderOutput", "Decoder", "dynamic_decode"],
    "_helpers": ["CustomHelper", "GreedyEmbeddingHelper", "Helper", "InferenceHelper", "SampleEmbeddingHelper",
                 "TrainingHelper"],
    "_loss": ["sequence_loss"],
    "_monotonic_attention": ["BahdanauMonotonicAttention", "LuongMonotonicAttention", "monotonic_attention", "safe_cumprod"],
    "_scheduled_helpers": ["ScheduledEmbeddingTrainingHelper", "ScheduledOutputTrainingHelper"],
    "_wrapper": ["AttentionWrapper", "AttentionWrapperState", "hardmax"],
})
