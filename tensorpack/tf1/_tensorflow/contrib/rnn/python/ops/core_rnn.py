"""The former path of loops over lists of steps."""
from ..._loops import static_bidirectional_rnn, static_rnn, static_state_saving_rnn

__all__ = ["static_bidirectional_rnn", "static_rnn", "static_state_saving_rnn"]
