"""ExportedPredictor in forked and spawned processes, which load the file for themselves."""
import multiprocessing
import os
import pickle

import numpy as np
import pytest
from exported_small import IMAGES, expected, export_all

from tensorpack.predict import ExportedPredictor
from tensorpack.tfutils._engines import choose

FORKED = [("onnx", "onnxruntime"), ("onnx", "openvino"), ("onnx", "opencv"), ("tflite", "litert")]
PATIENCE = 120


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    pytest.importorskip("tf2onnx")
    return export_all(str(tmp_path_factory.mktemp("exported")))


def predict_into(connection, predictor, images):
    try:
        connection.send(predictor(images))
    except Exception as e:
        connection.send(e)


def run_in(method, predictor, images):
    """What a call gives, or the error it raises, in a new process."""
    context = multiprocessing.get_context(method)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=predict_into, args=(sender, predictor, images))
    process.start()
    try:
        assert receiver.poll(PATIENCE), "the process gives nothing"
        return receiver.recv()
    finally:
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()


def needs(engine):
    if not choose.engine_class(engine).is_installed():
        pytest.skip("needs the engine " + engine)


@pytest.mark.parametrize("kind, engine", FORKED, ids=["-".join(pair) for pair in FORKED])
def test_a_forked_process_loads_the_file_again(paths, kind, engine):
    needs(engine)
    with ExportedPredictor(paths[kind], engine, threads=2) as predictor:
        wanted = predictor(IMAGES[:1])[0]
        np.testing.assert_allclose(run_in("fork", predictor, IMAGES[:1])[0], wanted, atol=1e-6)
        np.testing.assert_array_equal(predictor(IMAGES[:1])[0], wanted)


PROGRAM = """
import os, sys
sys.path[:0] = [{tests!r}]
from test_predict_exported_processes import ExportedPredictor, IMAGES, run_in
predictor = ExportedPredictor({path!r}, "tensorflow")
print("first", run_in("fork", predictor, IMAGES)[0].shape)
predictor(IMAGES)
print("after", run_in("fork", predictor, IMAGES))
print("new", run_in("spawn", predictor, IMAGES)[0].shape)
"""


def test_tensorflow_works_in_a_forked_process_before_its_first_call_and_says_so_after_it(paths, run_program, tmp_path):
    program = PROGRAM.format(tests=os.path.dirname(os.path.abspath(__file__)), path=paths["frozen"])
    (tmp_path / "program.py").write_text(
        "if __name__ == '__main__':\n" + "".join("    {}\n".format(line) for line in program.strip().splitlines()))
    # without Keras 3, whose import is half of TensorFlow's, in the process that is spawned
    status, output = run_program("program.py", folder=tmp_path, TF_USE_LEGACY_KERAS="1")
    assert status == 0 and "first (5, 10)" in output and "new (5, 10)" in output, output[-2000:]
    assert "after ExportedPredictor: TensorFlow cannot be used in a process that was forked after it had run" in output


@pytest.mark.parametrize("kind", ["onnx", "savedmodel"])
def test_it_can_be_pickled(paths, kind):
    with ExportedPredictor(paths[kind], choose.OWN_ENGINE[kind], threads=1) as predictor:
        data = pickle.dumps(predictor)
        assert len(data) < 3000
        with pickle.loads(data) as other:
            assert (other.path, other.engine, other.input_names) == (predictor.path, predictor.engine, predictor.input_names)
            np.testing.assert_array_equal(other(IMAGES)[0], predictor(IMAGES)[0])
    np.testing.assert_allclose(predictor_result(paths), expected()[0], atol=1e-5)


def predictor_result(paths):
    with ExportedPredictor(paths["onnx"]) as predictor:
        return predictor(IMAGES)[0]


AFTER_THE_OTHERS = """
import signal, threading
from tensorpack.predict import ExportedPredictor

predictors = [ExportedPredictor({path!r}, {engine!r}) for _ in range(3)]
while predictors:
    predictors.pop(0).close()
try:
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("kind, engine", [pair for pair in FORKED if pair[1] != "opencv"])
def test_ctrl_c_is_only_ctrl_c_after_several_were_closed_one_after_another(paths, run_code, kind, engine):
    """Two cores of OpenVINO leave the main thread without a stack for its signal handlers."""
    needs(engine)
    assert "interrupted" in run_code(AFTER_THE_OTHERS.format(path=paths[kind], engine=engine))
