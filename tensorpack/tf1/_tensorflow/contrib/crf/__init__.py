"""`tf.contrib.crf`: linear chains of tags, as conditional random fields."""
from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "_decoding": ["CrfDecodeBackwardRnnCell", "CrfDecodeForwardRnnCell", "crf_decode", "viterbi_decode"],
    "_likelihood": ["CrfForwardRnnCell", "crf_binary_score", "crf_log_likelihood", "crf_log_norm",
                    "crf_multitag_sequence_score", "crf_sequence_score", "crf_unary_score"],
})
