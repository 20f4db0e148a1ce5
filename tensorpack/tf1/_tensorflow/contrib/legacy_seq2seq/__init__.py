"""`tf.contrib.legacy_seq2seq`: losses of lists of steps, and decoders that are unrolled."""
from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "_attention": ["attention_decoder", "embedding_attention_decoder", "embedding_attention_seq2seq"],
    "_decoders": ["basic_rnn_seq2seq", "embedding_rnn_decoder", "rnn_decoder", "tied_rnn_seq2seq"],
    "_losses": ["sequence_loss", "sequence_loss_by_example"],
})
