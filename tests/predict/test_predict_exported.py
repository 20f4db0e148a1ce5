"""ExportedPredictor computes what the session computes, in each engine, and says what is wrong with a file that it refuses."""
import json
import os
import pickle
import shutil
import threading

import numpy as np
import pytest
from crashing_engine import CrashingEngine
from exported_small import FILES, IMAGES, config, expected, export_all, make_wrong

from tensorpack import tfv1 as tf
from tensorpack.predict import ExportedPredictor, MultiThreadAsyncPredictor, _choose_engine
from tensorpack.tfutils._engines import choose
from tensorpack.tfutils._engines.engine import Engine
from tensorpack.tfutils.export import ModelExporter

PAIRS = [(kind, engine) for kind, engines in choose._READERS.items() for engine in engines]
IDS = ["{}-{}".format(*pair) for pair in PAIRS]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    return export_all(str(tmp_path_factory.mktemp("exported")))


@pytest.fixture(scope="module")
def wanted():
    return expected()


@pytest.fixture
def copied(paths, tmp_path):
    """A function from a kind of file to a copy of one with its JSON, which may be damaged."""
    def copy(kind):
        path = str(tmp_path / FILES[kind])
        if os.path.isdir(paths[kind]):
            shutil.copytree(paths[kind], path)
        else:
            shutil.copy(paths[kind], path)
            shutil.copy(paths[kind] + ".json", path + ".json")
        return path

    return copy


def needs_engine(name):
    if not choose.engine_class(name).is_installed():
        pytest.skip("needs the engine " + name)


def batch_for(predictor):
    """As many images as the file takes: a TFLite file of TF 1.15 takes one."""
    return IMAGES[:predictor.input_signature[0].shape.as_list()[0]]


@pytest.mark.parametrize("kind, engine", PAIRS, ids=IDS)
def test_each_engine_computes_what_the_session_does(paths, wanted, kind, engine):
    needs_engine(engine)
    if (kind, engine) == ("frozen", "opencv"):
        with pytest.raises(ValueError, match="model.pb: OpenCV must be able to load it; it refused: .*ExpandDims"):
            ExportedPredictor(paths[kind], engine)
        return
    with ExportedPredictor(paths[kind], engine) as predictor:
        assert predictor.engine == engine
        assert [name.split(":")[0] for name in predictor.input_names + predictor.output_names] == ["image", "prob", "class"]
        images = batch_for(predictor)
        for values in (images, images.astype("float64"), images[:1]):
            prob, digit = predictor(values)
            np.testing.assert_allclose(prob, wanted[0][:len(values)], atol=1e-5)
            assert prob.dtype == np.float32 and digit.dtype == np.int64 and digit.tolist() == wanted[1][:len(values)].tolist()


@pytest.mark.parametrize("kind", FILES)
def test_the_default_engine_is_one_that_is_proven_and_the_log_says_why(paths, wanted, kind, log_records):
    with ExportedPredictor(paths[kind]) as predictor:
        np.testing.assert_allclose(predictor(batch_for(predictor))[0], wanted[0][:len(batch_for(predictor))], atol=1e-5)
        said = [record.getMessage() for record in log_records if record.getMessage().startswith("ExportedPredictor: ")][-1]
        assert choose.engine_class(predictor.engine).title in said and paths[kind] in said
    reasons = {"onnx": "the export was verified with it, worst difference", "tflite": "nothing proves its result",
               "frozen": "TensorFlow comput", "savedmodel": "TensorFlow comput"}
    assert reasons[kind] in said


def test_an_engine_that_computes_something_else_is_passed_over(paths, monkeypatch, log_records):
    needs_engine("openvino")
    make_wrong(monkeypatch, "tensorflow")  # the one that runs in this process
    with ExportedPredictor(paths["frozen"]) as predictor:
        assert predictor.engine == "tensorflow"
    assert any("Passed over: OpenVINO: output 'prob:0' differs" in record.getMessage() for record in log_records)


def test_an_engine_that_crashes_is_passed_over(paths, wanted, monkeypatch, log_records):
    needs_engine("openvino")
    right = choose.engine_class

    def engine_class(name, who="engine"):
        return CrashingEngine if name == "openvino" else right(name, who)

    for module in (choose, _choose_engine):
        monkeypatch.setattr(module, "engine_class", engine_class)
    with ExportedPredictor(paths["frozen"]) as predictor:
        assert predictor.engine == "tensorflow"
        np.testing.assert_allclose(predictor(IMAGES)[0], wanted[0], atol=1e-5)
    assert any("Passed over: OpenVINO: the process of OpenVINO crashed by SIGSEGV" in record.getMessage()
               for record in log_records)


def test_a_verification_by_another_version_proves_nothing(copied, log_records):
    path = copied("onnx")
    with open(path + ".json") as f:
        description = json.load(f)
    description["verified"]["engines"]["onnxruntime"]["version"] = "0.1"
    with open(path + ".json", "w") as f:
        json.dump(description, f)
    with ExportedPredictor(path) as predictor:
        assert predictor.engine == "onnxruntime"
    assert any("verified with its version 0.1, and " in record.getMessage() for record in log_records)


@pytest.mark.parametrize("kind", ["onnx", "savedmodel", "frozen", "tflite"])
def test_without_its_json_a_file_tells_its_own_names(copied, wanted, kind):
    path = copied(kind)
    os.remove(path + ".json" if kind != "savedmodel" else os.path.join(path, "assets.extra", "tensorpack.json"))
    with ExportedPredictor(path, choose.OWN_ENGINE[kind]) as predictor:
        assert predictor.input_names[0].split(":")[0] == "image"
        names = [name.split(":")[0] for name in predictor.output_names]
        assert {"prob", "class"} <= set(names)
        np.testing.assert_allclose(predictor(batch_for(predictor)[:1])[names.index("prob")], wanted[0][:1], atol=1e-5)


# ---- calls


BAD_CALLS = [
    ((), ValueError, "must be called with 1 inputs .image.*; got 0"),
    ((IMAGES, IMAGES), ValueError, "must be called with 1 inputs .image.*; got 2"),
    ((IMAGES[:, :7],), ValueError, r"input 'image.*must have the shape .*8, 8\)?; got \(5, 7, 8\)"),
    ((IMAGES[0],), ValueError, r"for a batch of one write \[value\]"),
    (("digit.png",), ValueError, "read it first, as cv2.imread"),
    (([[["x"] * 8] * 8],), ValueError, "must fit float32"),
    (([[[1e300] * 8] * 8],), ValueError, r"must fit float32; got 1e\+300"),
]


@pytest.mark.parametrize("values, error, words", BAD_CALLS, ids=[words[:24] for _, _, words in BAD_CALLS])
@pytest.mark.parametrize("kind", ["onnx", "frozen"])
def test_values_that_do_not_fit_are_told_as_by_offline_predictor(paths, kind, values, error, words):
    with ExportedPredictor(paths[kind], choose.OWN_ENGINE[kind]) as predictor, pytest.raises(error, match=words):
        predictor(*values)


def test_inputs_by_name_are_refused_with_their_order(paths):
    words = r"ExportedPredictor: its inputs must be given by position, in the order image; got image=; write predictor\(image\)"
    with ExportedPredictor(paths["frozen"], "tensorflow") as predictor, pytest.raises(TypeError, match=words):
        predictor(image=IMAGES)


@pytest.mark.parametrize("kind, engine", PAIRS, ids=IDS)
def test_threads_may_call_at_the_same_time(paths, wanted, kind, engine):
    needs_engine(engine)
    if (kind, engine) == ("frozen", "opencv"):
        pytest.skip("cannot load the model")
    wrong = []
    with ExportedPredictor(paths[kind], engine, threads=1) as predictor:
        def call(k):
            for _ in range(10):
                if abs(predictor(IMAGES[k:k + 1])[0] - wanted[0][k]).max() > 1e-5:
                    wrong.append(k)

        threads = [threading.Thread(target=call, args=(k,)) for k in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not wrong and not any(thread.is_alive() for thread in threads)


def test_a_closed_one_says_so(paths):
    predictor = ExportedPredictor(paths["onnx"])
    predictor.close()
    predictor.close()
    with pytest.raises(RuntimeError, match="ExportedPredictor: must not be called after close"):
        predictor(IMAGES)
    with pytest.raises(RuntimeError, match="must not be called after close"):
        pickle.loads(pickle.dumps(predictor))(IMAGES)


def test_with_return_input_the_inputs_come_back(paths):
    with ExportedPredictor(paths["onnx"], return_input=True) as predictor:
        inputs, outputs = predictor(IMAGES)
        assert inputs[0] is IMAGES and len(outputs) == 2


def test_a_pool_of_threads_batches_for_it(paths, wanted):
    with ExportedPredictor(paths["onnx"]) as predictor, MultiThreadAsyncPredictor([predictor], batch_size=3) as pool:
        rows = [pool.put_task([image]) for image in IMAGES]
        np.testing.assert_allclose([row.result(60)[0] for row in rows], wanted[0], atol=1e-5)


# ---- what is refused


def test_arguments_are_checked(paths, tmp_path):
    with pytest.raises(ValueError, match="ExportedPredictor: engine must be one of .*'onnxruntime'.*; got 'torch'"):
        ExportedPredictor(paths["onnx"], "torch")
    with pytest.raises(ValueError, match="ONNX Runtime does not read a frozen graph; .*try one of the engines 'openvino'"):
        ExportedPredictor(paths["frozen"], "onnxruntime")
    with pytest.raises(TypeError, match="path must be the name of a file"):
        ExportedPredictor(3)
    with pytest.raises(ValueError, match="threads must be at least 1; got 0"):
        ExportedPredictor(paths["onnx"], threads=0)
    with pytest.raises(FileNotFoundError, match="got nothing of that name"):
        ExportedPredictor(str(tmp_path / "nothing.onnx"))


def test_a_missing_engine_is_named_with_its_pip_line(paths, monkeypatch):
    monkeypatch.setattr(choose.engine_class("openvino"), "modules", ("a_package_that_is_not_there",))
    with pytest.raises(ImportError, match="'openvino' needs .*a_package_that_is_not_there.*pip install openvino"):
        ExportedPredictor(paths["onnx"], "openvino")
    with ExportedPredictor(paths["frozen"]) as predictor:
        assert predictor.engine == "tensorflow"
    for name in choose._READERS["onnx"]:
        monkeypatch.setattr(choose.engine_class(name), "modules", ("a_package_that_is_not_there",))
    with pytest.raises(ImportError, match="needs one of the engines 'onnxruntime', .*pip install onnxruntime"):
        ExportedPredictor(paths["onnx"])


OTHERS = {
    "text": (b"hello, world\n" * 50, "got another file"),
    "empty": (b"", "got an empty file"),
    "png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "got a PNG image"),
    "npz": (b"PK\x03\x04" + b"\0" * 100, "got a zip file, such as .npz or .keras"),
    "h5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "got an HDF5 file"),
}


@pytest.mark.parametrize("content, words", list(OTHERS.values()), ids=list(OTHERS))
@pytest.mark.parametrize("ending", [".onnx", ".pb", ".tflite"])
def test_a_file_of_another_program_is_told(tmp_path, content, words, ending):
    path = tmp_path / ("model" + ending)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="must be an exported model.*" + words):
        ExportedPredictor(str(path))


def test_what_is_mistaken_for_an_export_is_told(paths, tmp_path):
    (tmp_path / "checkpoint").write_text("")
    with pytest.raises(ValueError, match="a directory of checkpoints; export one first"):
        ExportedPredictor(str(tmp_path))
    with pytest.raises(ValueError, match="the saved_model.pb of a SavedModel; give its directory"):
        ExportedPredictor(os.path.join(paths["savedmodel"], "saved_model.pb"))


@pytest.mark.parametrize("ending", ["", ".index", ".data-00000-of-00001", ".meta"])
def test_a_checkpoint_is_no_export(tmp_path, ending):
    for part in (".index", ".data-00000-of-00001", ".meta"):
        (tmp_path / ("model-20" + part)).write_bytes(b"\0\1\2" * 50)
    with pytest.raises(ValueError, match="got a checkpoint; export it first, by ModelExporter or tensorpack-export-model"):
        ExportedPredictor(str(tmp_path / ("model-20" + ending)))


@pytest.mark.parametrize("with_json", [True, False], ids=["with-json", "without"])
@pytest.mark.parametrize("kind", ["onnx", "frozen"])
def test_a_file_that_was_cut_off_is_told(copied, kind, with_json):
    path = copied(kind)
    if not with_json:
        os.remove(path + ".json")
    os.truncate(path, os.path.getsize(path) * 2 // 3)
    with pytest.raises(ValueError, match="must be whole; it ends in the middle"):
        ExportedPredictor(path)


@pytest.mark.parametrize("kind", ["onnx", "frozen", "tflite"])
def test_a_bit_that_has_changed_is_told(copied, kind):
    path = copied(kind)
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) - 300)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 1]))
    with pytest.raises(ValueError, match="must be the file that .*json was written with; bytes in it have changed"):
        ExportedPredictor(path)


def test_a_tflite_file_that_was_cut_off_is_told(copied):
    path = copied("tflite")
    os.truncate(path, os.path.getsize(path) * 2 // 3)
    with pytest.raises(ValueError, match="must be the file that .* was written with; it has .* bytes instead of"):
        ExportedPredictor(path)


@pytest.mark.parametrize("name", ["variables.index", "variables.data-00000-of-00001"])
def test_a_saved_model_whose_variables_were_cut_off_is_told(copied, name):
    path = copied("savedmodel")
    file = os.path.join(path, "variables", name)
    os.truncate(file, os.path.getsize(file) // 2)
    with pytest.raises(ValueError, match="TensorFlow must be able to load it; it refused"):
        ExportedPredictor(path, "tensorflow")


MISFITS = [
    ("onnx", lambda d: d["inputs"][0].update(name="picture:0"), "it names the input 'picture:0', and the model has .*image:0"),
    ("onnx", lambda d: d["outputs"][0].update(name="probability:0"), "names the output 'probability:0', and the model has"),
    ("onnx", lambda d: d["outputs"][0].update(dtype="int32"), "'prob:0' is int32, and in the model it is float32"),
    ("onnx", lambda d: d["inputs"][0].update(shape=[None, 9, 9]), r"'image:0' has the shape \[None, 9, 9\], and in the model"),
    ("frozen", lambda d: d["inputs"][0].update(name="picture:0"), "it names the input 'picture:0'"),
    ("frozen", lambda d: d["outputs"][0].update(name="probability:0"), "it names the output 'probability:0'"),
    ("tflite", lambda d: d["outputs"][0].update(name="probability"), "it names the output 'probability'"),
    ("onnx", lambda d: d.pop("inputs"), "have the inputs and outputs of model.onnx"),
    ("onnx", lambda d: d.update(outputs=[{"name": 3}]), "have the inputs and outputs of model.onnx"),
]


@pytest.mark.parametrize("kind, change, words", MISFITS, ids=["{}-{}".format(k, i) for i, (k, _, _) in enumerate(MISFITS)])
def test_a_json_that_does_not_fit_is_told(copied, kind, change, words):
    path = copied(kind)
    with open(path + ".json") as f:
        description = json.load(f)
    change(description)
    with open(path + ".json", "w") as f:
        json.dump(description, f)
    with pytest.raises(ValueError, match=r"\.json: must .*" + words):
        ExportedPredictor(path, choose.OWN_ENGINE[kind])


def test_a_json_that_is_none_is_told(copied):
    path = copied("onnx")
    with open(path + ".json", "w") as f:
        f.write("{")
    with pytest.raises(ValueError, match="model.onnx.json: must have the inputs and outputs"):
        ExportedPredictor(path)


def test_a_batch_that_the_file_does_not_allow_is_told(tmp_path):
    fixed = config()
    fixed.input_signature[0] = tf.TensorSpec((2, 8, 8), tf.float32, "image")
    path = str(tmp_path / "fixed.onnx")
    ModelExporter(fixed).export_onnx(path)
    for engine in choose.installed_readers(path):
        with ExportedPredictor(path, engine) as predictor:
            assert len(predictor(IMAGES[:2])[0]) == 2
            with pytest.raises(ValueError, match="holds batches of 2 alone: call it with as many"):
                predictor(IMAGES)


@pytest.mark.parametrize("kind, engine", PAIRS, ids=IDS)
def test_after_a_call_that_failed_others_are_right(paths, wanted, kind, engine):
    needs_engine(engine)
    if (kind, engine) == ("frozen", "opencv"):
        pytest.skip("cannot load the model")
    with ExportedPredictor(paths[kind], engine) as predictor:
        images = batch_for(predictor)
        for values in (IMAGES[:0], images, images[:1]):
            try:
                prob = predictor(values)[0]
            except (RuntimeError, ValueError):  # some cannot compute a batch of no images, and some files do not allow it
                assert not len(values)
                continue
            np.testing.assert_allclose(prob, wanted[0][:len(values)], atol=1e-5)


def read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


LAYOUTS = {"read only": read_only, "columns first": np.asfortranarray, "backwards": lambda values: values[::-1].copy()[::-1],
           "other order of bytes": lambda values: values.astype(">f4"), "misaligned": lambda values: np.frombuffer(
               b"." + values.tobytes(), dtype="u1")[1:].view("float32").reshape(values.shape)}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind, engine", PAIRS, ids=IDS)
def test_arrays_of_each_layout_are_read(paths, wanted, kind, engine, layout):
    needs_engine(engine)
    if (kind, engine) == ("frozen", "opencv"):
        pytest.skip("cannot load the model")
    with ExportedPredictor(paths[kind], engine) as predictor:
        images = LAYOUTS[layout](batch_for(predictor))
        first = predictor(images)[0]
        predictor(batch_for(predictor)[::-1])
        np.testing.assert_allclose(first, wanted[0][:len(images)], atol=1e-5)


def test_an_engine_that_fails_at_an_operation_is_told(paths, monkeypatch):
    engine = choose.engine_class("onnxruntime")

    def fail(self, inputs):
        raise NotImplementedError("no kernel for Foo\nat line 3")

    assert issubclass(engine, Engine)
    monkeypatch.setattr(engine, "_run", fail)
    with ExportedPredictor(paths["onnx"], "onnxruntime") as predictor, pytest.raises(
            RuntimeError, match=r"ONNX Runtime must be able to compute it; .*\(5, 8, 8\).*no kernel for Foo at line 3"):
        predictor(IMAGES)
