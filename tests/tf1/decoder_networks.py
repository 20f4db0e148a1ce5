"""The networks of the catalogue that decode sequences: attention, helpers, beam search, chains of tags."""
import numpy as np
from cells_networks import BATCH, DEPTH, INPUTS, TIME, network

from tensorpack.compat import tfv1 as tf

MEMORY = {"x": INPUTS["x"], "memory": [BATCH, 4, 6]}
WORDS = 6


def attend(make, lengths=(4, 2, 3), units=4, loop=False, **kwargs):
    """A cell with attention: two steps, or a loop."""
    def build(lib, memory, x):
        cell = lib.seq2seq.AttentionWrapper(lib.rnn.GRUCell(units), make(lib, memory, lengths), **kwargs)
        if loop:
            return lib.nn.dynamic_rnn(cell, x, dtype=tf.float32)
        state = cell.zero_state(BATCH, tf.float32)
        outputs = []
        with tf.variable_scope("steps"):
            for step in range(2):
                output, state = cell(x[:, step], state)
                outputs.append(output)
        arrays = state.alignment_history if isinstance(state.alignment_history, (list, tuple)) else [state.alignment_history]
        state = state._replace(alignment_history=[array.stack() for array in arrays if array != ()])
        return outputs, list(state)

    return build


def bahdanau(lib, memory, lengths, **kwargs):
    return lib.seq2seq.BahdanauAttention(5, memory, memory_sequence_length=lengths, **kwargs)


def luong(lib, memory, lengths, **kwargs):
    return lib.seq2seq.LuongAttention(4, memory, memory_sequence_length=lengths, **kwargs)


ATTENTION = {
    "bahdanau": attend(bahdanau),
    "bahdanau_loop": attend(bahdanau, loop=True),
    "bahdanau_no_lengths": attend(bahdanau, lengths=None, output_attention=False),
    "bahdanau_normalized": attend(lambda *args: bahdanau(*args, normalize=True), attention_layer_size=3),
    "luong": attend(luong, attention_layer_size=3),
    "luong_scaled": attend(lambda *args: luong(*args, scale=True), alignment_history=True),
    "luong_masked": attend(lambda *args: luong(*args, score_mask_value=-1.0, probability_fn=tf.nn.sigmoid), loop=True),
    "two": attend(lambda *args: [bahdanau(*args), luong(*args)], attention_layer_size=[3, 2], alignment_history=True),
    "own_input": attend(bahdanau, cell_input_fn=lambda x, attention: x + attention[:, :DEPTH]),
    "hardmax": attend(lambda lib, *args: luong(lib, *args, probability_fn=lib.seq2seq.hardmax)),
    "monotonic_bahdanau": attend(lambda lib, memory, lengths: lib.seq2seq.BahdanauMonotonicAttention(
        5, memory, memory_sequence_length=lengths, normalize=True, score_bias_init=0.3)),
    "monotonic_luong": attend(lambda lib, memory, lengths: lib.seq2seq.LuongMonotonicAttention(
        4, memory, memory_sequence_length=lengths, scale=True, mode="recursive")),
    "monotonic_hard": attend(lambda lib, memory, lengths: lib.seq2seq.LuongMonotonicAttention(
        4, memory, memory_sequence_length=lengths, mode="hard")),
}
for _name, _build in ATTENTION.items():
    network("attention_" + _name, _build, MEMORY)


def own_keys(lib, memory, x):
    mechanism = lib.seq2seq.BahdanauAttention(5, memory, custom_key_value_fn=lambda keys, values: (keys * 0.5, values + 1.0))
    cell = lib.seq2seq.AttentionWrapper(lib.rnn.LSTMCell(3), mechanism, initial_cell_state=lib.rnn.LSTMStateTuple(
        tf.ones([BATCH, 3]), x[:, 0, :3]))
    state = cell.zero_state(BATCH, tf.float32)
    state = state.clone(cell_state=lib.rnn.LSTMStateTuple(state.cell_state.h, state.cell_state.c))
    return cell(x[:, 1], state)[0]


network("attention_own_keys", own_keys, MEMORY)


# ---- decoders: `x` [batch, time, depth] is what is fed in training

def embedding():
    return tf.get_variable("embedding", [WORDS, DEPTH])


def decode(lib, helper, cell=None, state=None, **kwargs):
    cell = cell or lib.rnn.GRUCell(5)
    decoder = lib.seq2seq.BasicDecoder(cell, helper, cell.zero_state(BATCH, tf.float32) if state is None else state,
                                       output_layer=lib.dense(WORDS, "logits"))
    return lib.seq2seq.dynamic_decode(decoder, **kwargs)


def training(lib, x, **kwargs):
    return decode(lib, lib.seq2seq.TrainingHelper(x, [5, 1, 3]), **kwargs)


def greedy(lib, x, **kwargs):
    helper = lib.seq2seq.GreedyEmbeddingHelper(embedding(), start_tokens=[1, 2, 0], end_token=3)
    return decode(lib, helper, **kwargs)[0]


def custom(lib, x):
    helper = lib.seq2seq.CustomHelper(
        initialize_fn=lambda: (tf.constant([False] * BATCH), x[:, 0]),
        sample_fn=lambda time, outputs, state: tf.argmax(outputs, -1, output_type=tf.int32),
        next_inputs_fn=lambda time, outputs, state, sample_ids: (
            tf.fill([BATCH], time >= 2), x[:, 1] * tf.cast(time + 1, tf.float32), state))
    return decode(lib, helper)


def inference(lib, x):
    helper = lib.seq2seq.InferenceHelper(
        sample_fn=lambda outputs: tf.tanh(outputs), sample_shape=[WORDS], sample_dtype=tf.float32, start_inputs=x[:, 0],
        end_fn=lambda sample: sample[:, 0] > 0.1, next_inputs_fn=lambda sample: sample[:, :DEPTH])
    return decode(lib, helper, maximum_iterations=4)


def scheduled(lib, x, probability):
    helper = lib.seq2seq.ScheduledEmbeddingTrainingHelper(x, [5, 1, 3], embedding(), probability)
    # with probability one or zero nothing is random but the words
    return decode(lib, helper, maximum_iterations=1 if probability else None)[0].rnn_output


def scheduled_output(lib, x, probability, **kwargs):
    helper = lib.seq2seq.ScheduledOutputTrainingHelper(x, [5, 1, 3], probability, **kwargs)
    cell = lib.rnn.GRUCell(WORDS if kwargs.get("next_inputs_fn") else DEPTH)
    decoder = lib.seq2seq.BasicDecoder(cell, helper, cell.zero_state(BATCH, tf.float32))
    return lib.seq2seq.dynamic_decode(decoder)


network("decode_training", training)
network("decode_training_imputed", lambda lib, x: training(lib, x, impute_finished=True, output_time_major=True))
network("decode_training_short", lambda lib, x: training(lib, x, maximum_iterations=2, scope="mine"))
network("decode_greedy", lambda lib, x: greedy(lib, x, maximum_iterations=6), gradients=False)
network("decode_custom", custom, gradients=False)
network("decode_inference", inference, gradients=False)
network("decode_scheduled_never", lambda lib, x: scheduled(lib, x, 0.0), gradients=False)
network("decode_scheduled_always", lambda lib, x: scheduled(lib, x, 1.0), gradients=False)
network("decode_scheduled_output", lambda lib, x: scheduled_output(lib, x, 1.0), gradients=False)
network("decode_scheduled_output_mapped", lambda lib, x: scheduled_output(
    lib, x, 1.0, next_inputs_fn=lambda outputs: outputs[:, :DEPTH]), gradients=False)
network("decode_scheduled_output_auxiliary", lambda lib, x: scheduled_output(
    lib, x, 1.0, auxiliary_inputs=x * 0.5), gradients=False)


def beam_search(lib, x, memory=None, width=3, history=False, **kwargs):
    cell = lib.rnn.LSTMCell(5)
    if memory is not None:
        tiled = lib.seq2seq.tile_batch(memory, width)
        mechanism = lib.seq2seq.LuongAttention(5, tiled, memory_sequence_length=lib.seq2seq.tile_batch(
            tf.constant([4, 2, 3]), width))
        cell = lib.seq2seq.AttentionWrapper(cell, mechanism, alignment_history=history)
    decoder = lib.seq2seq.BeamSearchDecoder(
        cell, embedding() * 3, start_tokens=[1, 2, 0], end_token=3, beam_width=width,
        initial_state=cell.zero_state(BATCH * width, tf.float32), output_layer=lib.dense(WORDS, "logits"), **kwargs)
    outputs, state, lengths = lib.seq2seq.dynamic_decode(decoder, maximum_iterations=5)
    results = [outputs.predicted_ids, outputs.beam_search_decoder_output.scores, lengths, state.lengths, state.finished]
    return results + ([state.cell_state.alignment_history] if history else [])


def beam_search_of_known_sizes(lib, memory, x):
    """The history stays an array."""
    history = beam_search(lib, x, memory, history=True)[-1]
    return history.stack()


network("beam_search", beam_search, gradients=False)
network("beam_search_lengths", lambda lib, x: beam_search(lib, x, width=2, length_penalty_weight=0.7), gradients=False)
network("beam_search_attention", lambda lib, memory, x: beam_search(
    lib, x, tf.placeholder_with_default(memory, [BATCH, None, 6]), history=True), MEMORY, gradients=False)
network("beam_search_known_sizes", beam_search_of_known_sizes, MEMORY, gradients=False)
network("beam_search_coverage", lambda lib, memory, x: beam_search(
    lib, x, memory, width=2, coverage_penalty_weight=0.4), MEMORY, gradients=False)


def trees(lib, x):
    random = np.random.RandomState(5)
    steps, parents = random.randint(0, 4, [6, 3, 4]), random.randint(0, 4, [6, 3, 4])
    return lib.seq2seq.gather_tree(tf.constant(steps, tf.int32), tf.constant(parents, tf.int32), [6, 4, 0], 3)


network("gather_tree", trees, gradients=False)


def losses(lib, x):
    targets = tf.constant([[1, 0, 3, 2, 1], [3, 3, 0, 0, 0], [2, 1, 0, 3, 0]])
    weights = tf.constant([[1, 1, 1, 0.5, 0], [1, 0, 0, 0, 0], [1, 1, 0, 0, 0]])
    off = {"average_across_timesteps": False, "average_across_batch": False}
    options = [{}, off, {"average_across_batch": False}, {"average_across_timesteps": False},
               dict(off, sum_over_timesteps=True, sum_over_batch=True), dict(off, sum_over_timesteps=True),
               {"softmax_loss_function": lambda labels, logits: tf.reduce_sum(logits, 1) * tf.cast(labels, tf.float32)}]
    return [lib.seq2seq.sequence_loss(x, targets, weights, **one) for one in options]


network("sequence_loss", losses)


# ---- chains of tags

TAGS = [[1, 0, 3, 2, 1], [3, 3, 0, 0, 0], [2, 1, 0, 3, 0]]
CHAIN = [5, 1, 0]


def chain(lib, x):
    tags, lengths = tf.constant(TAGS), tf.constant(CHAIN)
    likelihood, transitions = lib.crf.crf_log_likelihood(x, tags, lengths)
    decoded, score = lib.crf.crf_decode(x, transitions, lengths)
    return (likelihood, score, lib.crf.crf_unary_score(tags, lengths, x),
            lib.crf.crf_binary_score(tags, lengths, transitions), decoded)


def chain_of_one(lib, x):
    tags, lengths = tf.constant(TAGS)[:, :1], tf.constant([1, 1, 0])
    likelihood, transitions = lib.crf.crf_log_likelihood(x[:, :1], tags, lengths)
    return likelihood, lib.crf.crf_decode(x[:, :1], transitions, lengths)


def chain_of_any_length(lib, x):
    x = tf.placeholder_with_default(x, [None, None, DEPTH])
    tags = tf.placeholder_with_default(tf.constant(TAGS, tf.int64), [None, None])
    lengths = tf.constant(CHAIN)
    likelihood, transitions = lib.crf.crf_log_likelihood(x, tags, lengths)
    decoded, score = lib.crf.crf_decode(x, transitions, lengths)
    likelihood.set_shape([BATCH])
    return likelihood, decoded, score


def multitag(lib, x):
    bitmap = tf.constant(np.random.RandomState(1).randint(0, 2, [BATCH, TIME, DEPTH]).astype(bool) | (np.arange(DEPTH) == 0))
    transitions = tf.get_variable("transitions", [DEPTH, DEPTH])
    return [lib.crf.crf_multitag_sequence_score(x, bitmap, tf.constant([5, 2, 3]), transitions),
            lib.crf.crf_multitag_sequence_score(x[:, :1], bitmap[:, :1], tf.constant([1, 1, 1]), transitions)]


network("crf", chain)
network("crf_one_step", chain_of_one)
network("crf_any_length", chain_of_any_length)
network("crf_multitag", multitag)


# ---- lists of steps

def unrolled(lib, x):
    steps, old = tf.unstack(x, axis=1), lib.legacy_seq2seq
    weights = [tf.ones([BATCH]), tf.constant([0.5, 0.0, 0.0])]
    targets = [tf.constant([1, 0, 3]), tf.constant([2, 2, 2])]
    ids = [tf.constant([1, 2, 0]), tf.constant([0, 0, 1])]
    state = tf.ones([BATCH, WORDS])
    return [old.basic_rnn_seq2seq(steps[:3], steps[3:], lib.rnn.LSTMCell(2)),
            old.tied_rnn_seq2seq(steps[:2], steps[2:], lib.rnn.GRUCell(DEPTH), loop_function=lambda output, _: output * 0.5),
            old.embedding_rnn_decoder(ids, state, lib.rnn.BasicRNNCell(WORDS), WORDS, 3, feed_previous=True),
            old.embedding_rnn_decoder(ids, state, lib.rnn.GRUCell(WORDS), WORDS, 3, scope="fed"),
            old.sequence_loss_by_example(steps[:2], targets, weights), old.sequence_loss(steps[:2], targets, weights),
            old.sequence_loss(steps[:2], targets, weights, average_across_timesteps=False, average_across_batch=False)]


network("unrolled", unrolled)


def unrolled_attention(lib, x, **kwargs):
    words = [tf.constant([1, 2, 0]), tf.constant([0, 3, 1])]
    old, cell = lib.legacy_seq2seq, lib.rnn.LSTMCell(4)
    return old.embedding_attention_seq2seq(words, words[::-1], cell, WORDS, WORDS, 3, scope="words", **kwargs)


def unrolled_heads(lib, x):
    steps, state = tf.unstack(x, axis=1), tf.ones([BATCH, 3])
    return lib.legacy_seq2seq.attention_decoder(steps[:3], state, x * 0.5, lib.rnn.GRUCell(3), output_size=2, num_heads=2)


network("unrolled_attention", lambda lib, x: unrolled_attention(lib, x, initial_state_attention=True, feed_previous=True))
network("unrolled_attention_either", lambda lib, x: unrolled_attention(
    lib, x, feed_previous=tf.placeholder_with_default(True, [])), gradients=False)
network("unrolled_heads", unrolled_heads)
