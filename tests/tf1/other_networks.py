"""The networks of the catalogue that are functions: distributions, signals, tables."""
import numpy as np
from cells_networks import BATCH, DEPTH, network

from tensorpack.compat import tfv1 as tf

MATRIX = {"x": [BATCH, DEPTH]}


def statistics(names, make):
    """Methods of a distribution, of values in (0.1, 1)."""
    def build(lib, x):
        values, results = tf.sigmoid(x) * 0.9 + 0.1, []
        distribution = make(lib.distributions, x)
        for name in names.split():
            method = getattr(distribution, name)
            results.append(method(values) if name.endswith(("prob", "cdf", "function")) else method())
        return results + [distribution.batch_shape_tensor(), distribution.event_shape_tensor()]

    return build


def positive(x):
    return tf.exp(x[0])


DISTRIBUTIONS = {
    "logistic": ("log_prob prob cdf log_cdf survival_function log_survival_function entropy mean stddev variance mode",
                 lambda lib, x: lib.Logistic(x * 0.5, positive(x))),
    "cauchy": ("log_prob cdf log_cdf entropy mode", lambda lib, x: lib.Cauchy(x * 0.5, positive(x))),
    "half_normal": ("log_prob cdf entropy mean mode variance", lambda lib, x: lib.HalfNormal(positive(x))),
    "poisson": ("log_prob cdf mean variance mode", lambda lib, x: lib.Poisson(positive(x))),
    "poisson_log": ("log_prob mean", lambda lib, x: lib.Poisson(log_rate=x)),
    "geometric": ("log_prob cdf entropy mean variance mode", lambda lib, x: lib.Geometric(logits=x)),
    "geometric_probs": ("log_prob mean", lambda lib, x: lib.Geometric(probs=tf.sigmoid(x))),
    "normal": ("log_prob entropy", lambda lib, x: lib.Normal(x, positive(x))),
    "normal_softplus": ("log_prob stddev", lambda lib, x: lib.NormalWithSoftplusScale(x, x)),
    "laplace_softplus": ("log_prob", lambda lib, x: lib.LaplaceWithSoftplusScale(x, x)),
    "exponential_softplus": ("log_prob", lambda lib, x: lib.ExponentialWithSoftplusRate(x)),
    "gamma_softplus": ("log_prob", lambda lib, x: lib.GammaWithSoftplusConcentrationRate(x, x)),
    "beta_softplus": ("log_prob", lambda lib, x: lib.BetaWithSoftplusConcentration(x, x)),
    "multivariate": ("log_prob entropy mean mode stddev variance covariance",
                     lambda lib, x: lib.MultivariateNormalDiag(x, positive(x))),
    "multivariate_scale": ("log_prob mean stddev", lambda lib, x: lib.MultivariateNormalDiag(scale_diag=tf.exp(x))),
    "multivariate_identity": ("log_prob stddev", lambda lib, x: lib.MultivariateNormalDiag(
        x, scale_identity_multiplier=2.0)),
    "multivariate_softplus": ("log_prob", lambda lib, x: lib.MultivariateNormalDiagWithSoftplusScale(x, x)),
    "one_hot": ("log_prob entropy mode covariance", lambda lib, x: lib.OneHotCategorical(x, dtype=tf.float32)),
    "relaxed_one_hot": ("log_prob", lambda lib, x: lib.RelaxedOneHotCategorical(0.7, logits=x)),
    "relaxed_bernoulli": ("log_prob", lambda lib, x: lib.RelaxedBernoulli(0.7, logits=x)),
}
for _name, (_methods, _make) in DISTRIBUTIONS.items():
    network("distribution_" + _name, statistics(_methods, _make), MATRIX)


def divergences(lib, x):
    d = lib.distributions
    return [d.kl_divergence(d.MultivariateNormalDiag(x, tf.exp(x)), d.MultivariateNormalDiag(-x, positive(x))),
            d.kl_divergence(d.OneHotCategorical(x), d.OneHotCategorical(-x)),
            d.kl_divergence(d.Normal(x, positive(x)), d.Normal(-x, 1.0)),
            d.softplus_inverse(tf.exp(x * 8)), d.softplus_inverse(tf.exp(x * 30))]


network("distribution_divergences", divergences, MATRIX)


def signals(lib, x):
    spectrum = lib.signal.stft(x, 8, 4, 16)
    mel = lib.signal.linear_to_mel_weight_matrix(5, 9, 800, 20.0, 380.0)
    frames = lib.signal.frame(x, 6, 3, pad_end=True)
    return [tf.abs(spectrum), tf.real(lib.signal.inverse_stft(spectrum, 8, 4, 16)), frames,
            lib.signal.overlap_and_add(frames, 3), lib.signal.hann_window(6), lib.signal.hamming_window(5), mel,
            lib.signal.mfccs_from_log_mel_spectrograms(tf.log(tf.tensordot(tf.abs(spectrum), mel, 1) + 1.0))]


network("signal", signals, {"x": [2, 32]})


def tables(lib, x):
    t = lib.lookup
    words, ids = tf.constant(["b", "z", "a"]), tf.constant([2, 0, 9], tf.int64)
    table = t.HashTable(t.KeyValueTensorInitializer(["a", "b"], [7, 8], key_dtype=tf.string, value_dtype=tf.int64), -1)
    vocabulary = tf.constant(["a", "b", "c"])
    mutable = t.MutableHashTable(tf.string, tf.float32, -1.0)
    with tf.control_dependencies([mutable.insert(["b", "q"], [0.5, 0.25])]):
        found = mutable.lookup(tf.identity(words))
    return [table.lookup(words), t.index_table_from_tensor(vocabulary, num_oov_buckets=2).lookup(words),
            t.index_table_from_tensor([5, 6, 7], dtype=tf.int64).lookup(tf.constant([7, 1], tf.int64)),
            t.index_to_string_table_from_tensor(vocabulary, default_value="?").lookup(ids), found,
            t.string_to_index(words, vocabulary), t.index_to_string(ids, vocabulary), table.size()]


network("tables", tables, MATRIX, gradients=False)


def buffers(lib, x):
    proto = lib.util.make_tensor_proto(np.arange(6), shape=[2, 3], dtype=tf.int32)
    value = lib.util.constant_value(tf.constant([2, 3]) * 1)
    return lib.util.make_ndarray(proto), np.array([1, 2] if value is None else value)


network("buffers", buffers, MATRIX, gradients=False)
