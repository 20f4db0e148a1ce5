"""Values that the dtype of an input cannot hold are one error, on every way to a predictor; all others arrive unchanged."""
import pathlib

import numpy as np
import pytest

from tensorpack import tfv1
from tensorpack.dataflow.common import BatchData
from tensorpack.dataflow.raw import DataFromList
from tensorpack.predict import (
    DataParallelOfflinePredictor,
    MultiThreadAsyncPredictor,
    MultiTowerOfflinePredictor,
    OfflinePredictor,
    OnlinePredictor,
    PredictConfig,
    SimpleDatasetPredictor,
)
from tensorpack.tfutils._session.hooked_session import HookedSession

tf = tfv1


def config(dtype, shape=None):
    return PredictConfig(tower_func=lambda x: tf.identity(x, name="y"), input_signature=[tf.TensorSpec(shape, dtype, "x")],
                         output_names=["y"])


REFUSED = [
    ("uint8", np.array([300]), "300"),
    ("uint8", [-1], "-1"),
    ("uint8", 256, "256"),
    ("uint8", -1, "-1"),
    ("uint8", np.int8([3, -4]), "-4"),
    ("uint8", [.5], "0.5"),
    ("uint8", np.float32([[1, 300]]), "300"),
    ("uint8", np.array([1, 1000], dtype=object), "1000"),
    ("int8", np.uint8([128]), "128"),
    ("int32", np.array([2**31]), "2147483648"),
    ("int32", [2**70], "1180591620717411303424"),
    ("int32", float("nan"), "nan"),
    ("int32", np.float64([1, np.inf]), "inf"),
    ("int64", np.uint64([2**63]), "9223372036854775808"),
    ("int64", [1e19], "1e\\+19"),
    ("uint64", np.array([-1]), "-1"),
    ("int32", [None], "None"),
    ("bool", [0, 1, 2], "2"),
    ("bool", [.5], "0.5"),
    ("float16", np.array([70000.]), "70000"),
    ("float16", np.array([70000]), "70000"),
    ("float32", [1., -1e300], "-1e\\+300"),
    ("bfloat16", [1e300], "1e\\+300"),
    ("float32", [1 + 2j], "1\\+2j"),
    ("int32", [1j], "1j"),
    ("float32", ["x"], "x"),
]


@pytest.mark.parametrize("dtype, value, got", REFUSED, ids=["{}-{}".format(dtype, got) for dtype, _, got in REFUSED])
def test_a_value_that_the_dtype_cannot_hold_is_an_error_that_names_the_input(dtype, value, got):
    words = "input 'x:0'.*{}.*{}".format(dtype, got)
    with OfflinePredictor(config(dtype)) as predictor, pytest.raises(ValueError, match=words):
        predictor(value)


@pytest.mark.parametrize("value", ["circle/000.png", ["circle/000.png"], pathlib.Path("circle/000.png"), b"000.png"],
                         ids=["str", "list", "Path", "bytes"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_the_path_of_an_image_is_told_to_be_read_first(dtype, value):
    with OfflinePredictor(config(dtype)) as predictor, pytest.raises(
            ValueError, match=r"input 'x:0'.*got .*000.png.*; if this is the path of an image, read it first, as cv2.imread"):
        predictor(value)


def test_a_dict_is_told_to_be_given_by_order():
    with OfflinePredictor(config("float32")) as predictor, pytest.raises(
            ValueError, match="input 'x:0'.*got dict of 1: .*; give an array for each input, in the order of the inputs"):
        predictor({"x": np.zeros(2)})


HELD = [
    ("uint8", [0, 255], [0, 255]),
    ("uint8", np.int64([[7]]), [[7]]),
    ("uint8", np.float64([0., 255.]), [0, 255]),
    ("uint8", np.array([True]), [1]),
    ("uint8", np.array([1, 2], dtype=object), [1, 2]),
    ("uint8", [], []),
    ("int32", np.array([2**31 - 1, -2**31]), [2**31 - 1, -2**31]),
    ("int64", np.uint64([5]), [5]),
    ("uint64", 2**64 - 1, 2**64 - 1),
    ("bool", [0, 1], [False, True]),
    ("bool", [0., 1.], [False, True]),
    ("float16", np.array([1., np.inf]), [1, np.inf]),
    ("float32", 2**24 + 1, 2.**24),
    ("float32", [1e-300, -np.inf], [0, -np.inf]),
    ("float32", np.array([1, 2], dtype=object), [1, 2]),
    ("float64", np.float32([.1]), [np.float32(.1)]),
    ("complex64", [1, 2j], [1, 2j]),
    ("string", ["a", b"b"], [b"a", b"b"]),
]


@pytest.mark.parametrize("dtype, value, expected", HELD, ids=["{}-{}".format(dtype, i) for i, (dtype, _, _) in enumerate(HELD)])
def test_every_other_value_arrives(dtype, value, expected):
    with OfflinePredictor(config(dtype)) as predictor:
        result = predictor(value)[0]
    assert np.asarray(result).tolist() == expected


def test_nan_stays_nan():
    with OfflinePredictor(config("float16")) as predictor:
        assert np.isnan(predictor([np.nan])[0]).all()


def with_options():
    class Tracing(OnlinePredictor):
        ACCEPT_OPTIONS = True

    built = OfflinePredictor(config("uint8"))
    return built, Tracing(["x"], ["y"], sess=built.sess)


def fetch_what_is_fed():
    built = OfflinePredictor(config("uint8"))
    return built, OnlinePredictor(["x"], ["y", "x"], sess=built.sess)


def offline():
    built = OfflinePredictor(config("uint8"))
    return built, built


def towers():
    built = MultiTowerOfflinePredictor(config("uint8"), [0, 1])
    return built, built.get_predictor(1)


def data_parallel():
    built = DataParallelOfflinePredictor(config("uint8"), [0])
    return built, built


@pytest.mark.parametrize("make", [with_options, fetch_what_is_fed, offline, towers, data_parallel])
def test_on_every_way(make):
    built, predictor = make()
    with built:
        assert predictor(np.array([200]))[0].tolist() == [200]
        with pytest.raises(ValueError, match="input '.*x:0'.*300"):
            predictor(np.array([300]))


def test_in_threads():
    with OfflinePredictor(config("uint8")) as predictor:
        pool = MultiThreadAsyncPredictor([predictor], batch_size=2)
        pool.start()
        try:
            with pytest.raises(ValueError, match="input 'x:0'.*300"):
                pool.put_task([np.array(300)]).result(timeout=120)
        finally:
            pool.close()


def test_over_a_dataset():
    flow = BatchData(DataFromList([[1], [300]], shuffle=False), 2)
    predictor = SimpleDatasetPredictor(config("uint8"), flow)
    with pytest.raises(ValueError, match="input 'x:0'.*300"):
        list(predictor.get_result())


def test_hooks_of_a_session_feed_what_the_dtype_holds():
    x = tf.placeholder(tf.uint8, None, name="x")
    y = tf.identity(x)
    value = [0]

    class Feed(tf.train.SessionRunHook):
        def before_run(self, run_context):
            return tf.train.SessionRunArgs([y], {x: np.array(value)})

        def after_run(self, run_context, run_values):
            self.result = run_values.results[0].tolist()

    with tf.Session() as sess:
        hook = Feed()
        hooked = HookedSession(sess, [hook])
        for value[0] in (5, 6):
            hooked.run(())
            assert hook.result == [value[0]]
        value[0] = 300
        with pytest.raises(ValueError, match="input 'x:0'.*300"):
            hooked.run(())


def test_a_value_without_the_axis_of_the_batch_and_one_that_is_large():
    cfg = PredictConfig(tower_func=lambda x: tf.identity(x, name="y"), input_names=["x"], output_names=["y"],
                        input_signature=[tf.TensorSpec([None, 8, 8], tf.float32, "x")])
    with OfflinePredictor(cfg) as predictor:
        with pytest.raises(ValueError, match=r"got \(8, 8\); for a batch of one write \[value\]$"):
            predictor(np.zeros((8, 8), "float32"))
        with pytest.raises(ValueError, match=r"got \(9, 9\)$"):
            predictor(np.zeros((9, 9), "float32"))
        with pytest.raises(ValueError, match=r"got list of 2: \[float32 \(50, 8, 8\), int64 \(50,\)\]"):
            predictor([np.zeros((50, 8, 8), "float32"), np.zeros(50, "int64")])
        with pytest.raises(ValueError, match=r"must be called with 1 inputs \(x:0\); got 0; input_names says which"):
            predictor()
