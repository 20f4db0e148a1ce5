"""The former path of loops over layers."""
from ..._loops import stack_bidirectional_dynamic_rnn, stack_bidirectional_rnn

__all__ = ["stack_bidirectional_dynamic_rnn", "stack_bidirectional_rnn"]
