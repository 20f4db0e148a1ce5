"""bfloat16 and float8 through numpy files: exact, under their own dtype, and readable by numpy alone."""
import os
import subprocess
import sys

import numpy as np
import pytest

from tensorpack import tfv1
from tensorpack._cli import checkpoint_manipulate, ls_checkpoint
from tensorpack.callbacks.graph import DumpTensors
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.tfutils.sessinit import JustCurrentSession, SmartInit
from tensorpack.tfutils.varmanip import SessionUpdate, dump_session_params, load_checkpoint_vars, save_checkpoint_vars
from tensorpack.train.base import Trainer

tf = tfv1


def exists(name):
    try:
        return bool(tf.as_dtype(name))
    except TypeError:
        return False


DTYPES = [name for name in ("bfloat16", "float8_e5m2", "float8_e4m3fn") if exists(name)]
EACH = pytest.mark.parametrize("name", DTYPES)


def numpy_dtype(name):
    return np.dtype(tf.as_dtype(name).as_numpy_dtype)


def every_value(name):
    """All 256 values of a float8, or as many of bfloat16 with numbers, infinities and NaNs among them."""
    dtype = numpy_dtype(name)
    if dtype.itemsize == 1:
        return np.arange(256, dtype="uint8").view(dtype)
    return np.arange(0, 1 << 16, 251).astype("uint16").view(dtype)


def bits(array):
    return np.asarray(array).view("uint{}".format(8 * array.dtype.itemsize)).tolist()


@EACH
@pytest.mark.parametrize("suffix", [".npz", ""], ids=["npz", "checkpoint"])
@pytest.mark.parametrize("shape", ["vector", "matrix", "strided", "number", "empty"])
def test_values_come_back_bit_for_bit(tmp_path, name, suffix, shape):
    value = every_value(name)
    value = {"vector": value, "matrix": value[:256].reshape(16, 16), "strided": value[:256].reshape(16, 16)[::2, 1],
             "number": value[77], "empty": value[:0]}[shape]
    path = str(tmp_path / "m") + suffix
    save_checkpoint_vars({"w:0": value, "other": np.float32([1, 2])}, path)
    loaded = load_checkpoint_vars(path)
    assert loaded["w"].dtype == numpy_dtype(name) and loaded["w"].shape == np.shape(value)
    assert bits(loaded["w"]) == bits(value) and loaded["other"].tolist() == [1, 2]


@EACH
def test_plain_numpy_reads_the_file(tmp_path, name):
    path = str(tmp_path / "m.npz")
    save_checkpoint_vars({"w": every_value(name)}, path)
    script = "import numpy, sys; w = numpy.load(sys.argv[1])['w']; print(w.dtype.names[0], int(w[w.dtype.names[0]][77]))"
    out = subprocess.run([sys.executable, "-c", script, path], stdout=subprocess.PIPE, check=True, timeout=60).stdout
    assert out.decode().split() == [name, str(bits(every_value(name))[77])]


def variable(name, size, dtype):
    # no kernel makes zeros of a float8 reference variable
    initial = tf.constant(np.zeros(size).astype(numpy_dtype(dtype) if exists(dtype) else dtype))
    with tf.variable_scope("", use_resource=True):
        return tf.get_variable(name, initializer=initial)


@EACH
def test_a_variable_goes_through_a_file(tmp_path, name):
    v = variable("w", 3, name)
    value = np.array([1, -2, .5]).astype(numpy_dtype(name))
    path = str(tmp_path / "m.npz")
    with tf.Session() as sess:
        SessionUpdate(sess, [v]).update({"w": value})
        with sess.as_default():
            dump_session_params(path)
    with tf.Session() as sess:
        sess.run(v.initializer)
        SmartInit(path).init(sess)
        assert bits(sess.run(v)) == bits(value)


@EACH
def test_a_file_of_a_narrow_float_is_cast_to_a_variable_of_another(tmp_path, name):
    v = variable("w", 3, "float32")
    path = str(tmp_path / "m.npz")
    save_checkpoint_vars({"w": np.array([1, -2, .5]).astype(numpy_dtype(name))}, path)
    with tf.Session() as sess:
        sess.run(v.initializer)
        SmartInit(path).init(sess)
        assert sess.run(v).tolist() == [1, -2, .5]


def test_what_numpy_itself_has_written_of_bfloat16_loads_into_such_a_variable(tmp_path):
    value = np.array([1, -2, .5]).astype(numpy_dtype("bfloat16"))
    path = str(tmp_path / "m.npz")
    np.savez(path, w=value)
    with np.load(path) as f:
        assert f["w"].dtype.str == "|V2"
    v = variable("w", 3, "bfloat16")
    with tf.Session() as sess:
        sess.run(v.initializer)
        SmartInit(path).init(sess)
        assert bits(sess.run(v)) == bits(value)


@pytest.mark.parametrize("value", [np.zeros(3, "V2"), np.zeros(3, [("unknown", "u1")])], ids=["untyped", "unknown"])
def test_bytes_of_an_unknown_type_are_an_error_that_names_the_variable(tmp_path, value):
    variable("w", 3, "float32")
    np.savez(str(tmp_path / "m.npz"), w=value)
    with tf.Session() as sess, pytest.raises(TypeError, match="variable w:0.*must be float32"):
        SmartInit(str(tmp_path / "m.npz")).init(sess)


@EACH
def test_the_tools_keep_the_type(tmp_path, name, capsys):
    value = every_value(name)
    save_checkpoint_vars({"w": value}, str(tmp_path / "m.npz"))
    assert checkpoint_manipulate.main([str(tmp_path / "m.npz"), "--dump", str(tmp_path / "again.npz")]) == 0
    loaded = load_checkpoint_vars(str(tmp_path / "again.npz"))
    assert loaded["w"].dtype == value.dtype and bits(loaded["w"]) == bits(value)
    capsys.readouterr()
    assert ls_checkpoint.main([str(tmp_path / "again.npz")]) == 0
    assert capsys.readouterr().out.strip() == "{{'w': ({},)}}".format(len(value))


def test_dumped_tensors_keep_the_type(log_dir):
    v = variable("w", 3, "bfloat16")
    trainer = Trainer()
    trainer.train_op = tf.assign_add(tf.train.get_or_create_global_step(), 1).op
    trainer.train([DumpTensors(["w/Read/ReadVariableOp:0"])], [], NewSessionCreator(), JustCurrentSession(), 1, 1, 1)
    loaded, = load_checkpoint_vars(os.path.join(log_dir, "DumpTensor-1.npz")).values()
    assert loaded.dtype == v.dtype.base_dtype.as_numpy_dtype
