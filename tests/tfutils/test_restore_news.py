"""What is told of names that only training needs, when a training begins with stored values: one line, no warning."""
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.common import get_global_step_var
from tensorpack.tfutils.sessinit import SmartInit
from tensorpack.tfutils.varmanip import save_checkpoint_vars

WEIGHTS = {"fc/W": np.ones(2, "float32"), "fc/bn/mean/EMA": np.zeros(2, "float32")}
OPTIMIZERS = {
    "adam": lambda rate: tf.train.AdamOptimizer(rate),
    "momentum": lambda rate: tf.train.MomentumOptimizer(rate, 0.9),
    "rmsprop": lambda rate: tf.train.RMSPropOptimizer(rate),
    "ftrl": lambda rate: tf.train.FtrlOptimizer(rate),
}


def a_training(optimizer):
    get_global_step_var()
    rate = tf.get_variable("learning_rate", initializer=0.1, trainable=False)
    weight = tf.get_variable("fc/W", [2])
    average = tf.get_variable("fc/bn/mean/EMA", [2], trainable=False)
    tf.add_to_collection(tf.GraphKeys.MODEL_VARIABLES, average)
    OPTIMIZERS[optimizer](rate).minimize(tf.reduce_sum(weight), global_step=tf.train.get_global_step())


def source(kind, folder, values):
    if kind == "dict":
        return dict(values)
    path = str(folder / ("m.npz" if kind == "npz" else "m"))
    save_checkpoint_vars(values, path)
    return path


def load(init, log_records):
    log_records.clear()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        init.init(sess)
    return [[r.getMessage() for r in log_records if r.levelname == level] for level in ("WARNING", "INFO")]


KINDS = pytest.mark.parametrize("kind", ["dict", "npz", "checkpoint"])


@KINDS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_training_makes_anew_is_one_line(kind, optimizer, tmp_path, log_records):
    a_training(optimizer)
    warnings, infos = load(SmartInit(source(kind, tmp_path, WEIGHTS)), log_records)
    number = len(tf.global_variables()) - len(WEIGHTS)
    assert warnings == []
    line, = [m for m in infos if "only training needs" in m]
    assert line.startswith("Not in the {}".format("checkpoint" if kind == "checkpoint" else "dict" if kind == "dict" else ""))
    assert "global_step" in line and "{} variables, such as".format(number) in line
    assert "loaded 2, missing 0, unused 0 variables" in infos[-1]


@KINDS
@pytest.mark.parametrize("lacks", sorted(WEIGHTS))
def test_a_weight_that_is_missing_is_warned_of(kind, lacks, tmp_path, log_records):
    a_training("momentum")
    values = {name: value for name, value in WEIGHTS.items() if name != lacks}
    (warning,), infos = load(SmartInit(source(kind, tmp_path, values)), log_records)
    assert warning.endswith(": " + lacks) and "missing 1, " in infos[-1]


@KINDS
def test_what_an_optimizer_has_left_in_the_file_is_no_news(kind, tmp_path, log_records):
    a_training("momentum")
    values = dict(WEIGHTS, beta1_power=np.float32(.9), other=np.ones(2, "float32"), **{"fc/W/Adam": np.ones(2, "float32")})
    (warning,), infos = load(SmartInit(source(kind, tmp_path, values)), log_records)
    assert warning.endswith(": other") and "unused 1 " in infos[-1]


def test_a_variable_that_nobody_knows_is_warned_of(log_records):
    a_training("momentum")
    tf.get_variable("counts", [3], trainable=False)
    (warning,), _ = load(SmartInit(dict(WEIGHTS)), log_records)
    assert warning.endswith(": counts")
