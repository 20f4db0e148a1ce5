"""A program that imports cells, decoders and the smaller packages of `tf.contrib` by many paths, run as it is."""
PROGRAM = """
import numpy as np
import tensorflow as tf
from tensorflow.contrib import crf, rnn, seq2seq
from tensorflow.contrib.crf import viterbi_decode
from tensorflow.contrib.lookup import HashTable, KeyValueTensorInitializer
from tensorflow.contrib.rnn import BasicLSTMCell, LSTMStateTuple
from tensorflow.contrib.rnn.python.ops.core_rnn_cell import _linear
from tensorflow.contrib.seq2seq.python.ops import beam_search_decoder
from tensorflow.contrib.seq2seq.python.ops.attention_wrapper import BahdanauAttention

ds = tf.contrib.distributions


class My(tf.nn.rnn_cell.RNNCell):
    def __init__(self, n):
        super(My, self).__init__()
        self.n = n

    @property
    def state_size(self):
        return self.n

    @property
    def output_size(self):
        return self.n

    def call(self, inputs, state):
        new = tf.tanh(_linear([inputs, state], self.n, True))
        return new, new


x = tf.placeholder(tf.float32, [2, 5, 3])
lstm = tf.nn.rnn_cell.DropoutWrapper(BasicLSTMCell(4), output_keep_prob=0.5)
cell = tf.nn.rnn_cell.MultiRNNCell([lstm, My(3), rnn.LSTMBlockCell(4)])
memory, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
assert isinstance(state[0], LSTMStateTuple)
attention = seq2seq.AttentionWrapper(rnn.GRUCell(4), BahdanauAttention(5, memory), attention_layer_size=4)
helper = seq2seq.GreedyEmbeddingHelper(tf.eye(4), [0, 1], 2)
decoder = seq2seq.BasicDecoder(attention, helper, attention.zero_state(2, tf.float32), tf.layers.Dense(4))
outputs, _, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=3)
words = HashTable(KeyValueTensorInitializer(['a'], [3]), -1).lookup(tf.constant(['a', 'b']))
likelihood, transitions = crf.crf_log_likelihood(memory, tf.zeros([2, 5], tf.int32), tf.constant([5, 3]))
density = ds.Logistic(0., 1.).log_prob(0.) + tf.reduce_sum(tf.abs(tf.contrib.signal.stft(x[:, :, 0], 4, 2)))
with tf.Session() as sess:
    sess.run([tf.global_variables_initializer(), tf.tables_initializer()])
    results = sess.run([outputs.sample_id, words, density, likelihood], {x: np.zeros([2, 5, 3])})
print(len(results[0]), results[1].tolist(), round(float(results[2]), 4), results[3].shape, tf.contrib.eager.executing_eagerly(),
      viterbi_decode(np.eye(2), np.zeros([2, 2]))[1], beam_search_decoder.tile_batch(x, 2).shape.as_list())
for variable in tf.trainable_variables():
    print(variable.name, variable.shape.as_list())
"""
EXPECTED = """
2 [3, -1] -1.3863 (2,) False 2.0 [4, 5, 3]
rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel:0 [7, 16]
rnn/multi_rnn_cell/cell_0/basic_lstm_cell/bias:0 [16]
rnn/multi_rnn_cell/cell_1/my/kernel:0 [7, 3]
rnn/multi_rnn_cell/cell_1/my/bias:0 [3]
rnn/multi_rnn_cell/cell_2/lstm_cell/kernel:0 [7, 16]
rnn/multi_rnn_cell/cell_2/lstm_cell/bias:0 [16]
memory_layer/kernel:0 [4, 5]
decoder/attention_wrapper/gru_cell/gates/kernel:0 [12, 8]
decoder/attention_wrapper/gru_cell/gates/bias:0 [8]
decoder/attention_wrapper/gru_cell/candidate/kernel:0 [12, 4]
decoder/attention_wrapper/gru_cell/candidate/bias:0 [4]
decoder/attention_wrapper/bahdanau_attention/query_layer/kernel:0 [4, 5]
decoder/attention_wrapper/bahdanau_attention/attention_v:0 [5]
decoder/attention_wrapper/attention_layer/kernel:0 [8, 4]
decoder/dense/kernel:0 [4, 4]
decoder/dense/bias:0 [4]
transitions:0 [4, 4]
"""


def test_a_program_of_cells_and_decoders_runs_as_it_is(run_tf1):
    output = run_tf1({"train.py": PROGRAM}, "train.py")
    assert EXPECTED.strip() in output
