"""checkpoint-prof and export-model, in this process."""
import importlib.util
import json
import os

import numpy as np
import pytest
from saved_run import GOLDEN, add_op, build_training_graph

from tensorpack._cli import checkpoint_prof, export_model
from tensorpack.compat import VERSION
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import DataFromList, TFRecordSerializer

ADAM = os.path.join(GOLDEN, "layers_adam")
TRAINING = """import numpy as np
from tensorpack import *
class Model(ModelDesc):
    def inputs(self):
        return [tfv1.TensorSpec([None, 1], tfv1.float32, "x")]
    def build_graph(self, x):
        w = tfv1.get_variable("w", [])
        return tfv1.reduce_mean(x * w, name="cost")
    def optimizer(self):
        return tfv1.train.GradientDescentOptimizer(0.1)
data = DataFromList([[np.zeros([2, 1], "float32")]])
logger.set_logger_dir("log", "k")
launch_train_with_config(TrainConfig(model=Model(), dataflow=data, callbacks=[ModelSaver()], max_epoch=1), SimpleTrainer())
"""
IN_STEPS = TRAINING[:TRAINING.index("launch_train")] + """trainer, model = SimpleTrainer(), Model()
trainer.setup_graph(model.get_input_signature(), FeedInput(data), model._build_graph_get_cost, model.get_optimizer)
trainer.setup_callbacks([ModelSaver()], [])
trainer.initialize(tfv1.train.ChiefSessionCreator(), SmartInit(None))
trainer.main_loop(1, 1, 1)
"""
MODEL = os.path.join(GOLDEN, "layers_model.py") + ":Model"
# The interpreter of TF 1.15 cannot run it: it transposes four dimensions at most
UNPROVEN = {"tflite": ["--no-verify"]} if VERSION < (2, 0) else {}
MODEL_FILE = '''
from neighbour import WIDTH
from tensorpack import *

class Model(ModelDesc):
    def __init__(self, width=WIDTH):
        self.width = width

    def inputs(self):
        return [tfv1.TensorSpec((None, self.width), tfv1.float32, "x")]

    def build_graph(self, x):
        tfv1.matmul(x, tfv1.get_variable("W", [self.width, 2]), name="y")

class Needs(Model):
    def __init__(self, width):
        pass

class Failing(Model):
    def build_graph(self, x):
        return 1 // 0

def make():
    return Model(3)

model = make()
number = 7
'''


def failure(main, argv, capsys):
    """The error line of a call that must fail without a traceback."""
    assert main(argv) == 1
    err = capsys.readouterr().err
    assert "Traceback" not in err and err.strip().splitlines()[-1].startswith("error: ")
    return err.strip().splitlines()[-1]


@pytest.fixture
def meta(run_dir):
    return str(run_dir / "graph-0102-000000.meta")


# ---- checkpoint-prof


def test_profile_counts_what_the_outputs_need_at_the_given_shape(capsys, run_dir, meta):
    assert checkpoint_prof.main(["--meta", meta, "--model", str(run_dir / "model-10"), "-i", "x=3,8", "-o", "y",
                                 "--warmup", "1"]) == 0
    out = capsys.readouterr().out
    assert "Total floating point operations: {}\n".format(2 * 3 * 8 * 4 + 3 * 4 + 3 * 4) in out
    assert "Total parameters: {}\n".format(8 * 4 + 4 + 8 * 4) in out  # with those of the second tower
    assert "total execution time" in out and "Total time of operations: " in out


@pytest.mark.parametrize("option, title", [("--print-flops", "Floating point"), ("--print-params", "Trainable"),
                                           ("--print-timing", "Time and memory")])
def test_only_the_reports_asked_for_are_printed(capsys, meta, option, title):
    assert checkpoint_prof.main(["--meta", meta, "-i", "x:0=3,8", "-o", "y:0", option]) == 0
    out = capsys.readouterr().out
    assert title in out and sum(each in out for each in ("Floating point", "Trainable", "Time and memory")) == 1


def test_integer_inputs_and_several_of_them(capsys, meta):
    assert checkpoint_prof.main(["--meta", meta, "-i", "x=3,8", "label=3", "-o", "y", "cost", "--warmup", "0"]) == 0
    assert "Total time of operations" in capsys.readouterr().out


def test_a_tensor_inside_the_graph_can_be_fed(tmp_path, capsys):
    queue = tf.FIFOQueue(1, [tf.float32], [[2, 8]])
    tf.matmul(queue.dequeue(name="batch"), tf.ones([8, 4]), name="y")
    path = str(tmp_path / "q.meta")
    tf.train.export_meta_graph(path)
    assert checkpoint_prof.main(["--meta", path, "-i", "batch=2,8", "-o", "y"]) == 0
    assert "Total floating point operations: 128\n" in capsys.readouterr().out
    tf.placeholder(tf.float32, [], name="unused")
    tf.train.export_meta_graph(path)
    assert "batch:0=(2, 8)" in failure(checkpoint_prof.main, ["--meta", path, "-i", "unused=", "-o", "y"], capsys)


@pytest.mark.parametrize("argv, words", [
    (["-i", "x=3,8", "-o", "nothing"], ["'nothing'"]),
    (["-i", "xx=3,8", "-o", "y"], ["'xx'", "did you mean"]),
    (["-i", "x=3,9", "-o", "y"], ["x:0", "(3, 9)"]),
    (["-i", "x=3,8", "-o", "cost"], ["label:0"]),
    (["-i", "x=3,8", "fc/W=8,4", "-o", "y"], ["fc/W", "variable"]),
    (["-i", "x=3,8", "-o", "y", "--model", "nowhere/model"], ["nowhere/model"]),
], ids=["output", "input", "shape", "unfed", "variable", "model"])
def test_profile_mistakes_are_one_line(capsys, meta, argv, words):
    line = failure(checkpoint_prof.main, ["--meta", meta] + argv, capsys)
    assert all(word in line for word in words)


def test_an_unknown_operation_is_named(tmp_path, capsys, meta):
    strange = add_op(meta, tmp_path / "strange.meta", "NoSuchOperation")
    line = failure(checkpoint_prof.main, ["--meta", strange, "-i", "x=3,8", "-o", "y"], capsys)
    assert "NoSuchOperation" in line and "unknown" in line


@pytest.mark.parametrize("argv", [
    ["-i", "x=a,b", "-o", "y"], ["-i", "x=-1,8", "-o", "y"], ["-i", "x", "-o", "y"], ["-o", "y"], ["-i", "x=3,8"],
    ["-i", "x=3,8", "-o", "y", "--warmup", "-1"]])
def test_profile_usage_errors_have_status_two(capsys, argv):
    with pytest.raises(SystemExit) as e:
        checkpoint_prof.main(["--meta", "any.meta"] + argv)
    assert e.value.code == 2 and "usage:" in capsys.readouterr().err


def test_the_graph_of_these_tests_has_a_second_tower():
    build_training_graph()
    assert "tower1/fc/W:0" in [v.name for v in tf.trainable_variables()]


# ---- export-model


@pytest.fixture
def user_code(tmp_path, monkeypatch):
    """A directory with a model, its neighbour and a checkpoint; the current one."""
    (tmp_path / "user_model.py").write_text(MODEL_FILE)
    (tmp_path / "neighbour.py").write_text("WIDTH = 5\n")
    np.savez(str(tmp_path / "five.npz"), W=np.ones((5, 2), "float32"))
    np.savez(str(tmp_path / "three.npz"), W=np.ones((3, 2), "float32"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    import sys
    for name in ("user_model", "_given_user_model", "neighbour"):
        sys.modules.pop(name, None)
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize("program, number", [(TRAINING, 13), (IN_STEPS, 17)], ids=["launched", "in steps"])
def test_a_file_that_trains_when_it_is_imported_is_refused(tmp_path, monkeypatch, capsys, program, number):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trains.py").write_text(program)
    line = failure(export_model.main, [ADAM, "trains.py:Model", "out", "--outputs", "cost"], capsys)
    assert "no training while a command line tool imports trains.py" in line and "__main__" in line
    assert "line {})".format(number) in line
    assert not (tmp_path / "log" / "checkpoint").exists()


@pytest.mark.parametrize("model", ["broken_model.py:Model", "broken_model:Model"])
def test_an_error_inside_of_the_users_module_has_its_place(tmp_path, monkeypatch, capsys, model):
    (tmp_path / "broken_model.py").write_text("import sys\n\nSIZE = int('nine')\n")
    monkeypatch.chdir(tmp_path)
    line = failure(export_model.main, [ADAM, model, "out", "--outputs", "prob"], capsys)
    assert "cannot be imported: ValueError: invalid literal for int()" in line and "broken_model.py, line 3)" in line


def golden_inputs():
    with np.load(os.path.join(ADAM, "io.npz")) as f:
        return {name: f[name] for name in f.files}


def test_a_compact_export_computes_what_the_original_did(tmp_path, capsys):
    path = str(tmp_path / "m.pb")
    assert export_model.main([ADAM, MODEL, path, "--inputs", "image", "--outputs", "prob", "--format", "compact"]) == 0
    assert capsys.readouterr().out == "Compact model is written to {}: image:0 -> prob:0\n".format(path)
    data, graph_def = golden_inputs(), tf.GraphDef()
    with open(path, "rb") as f:
        graph_def.ParseFromString(f.read())
    tf.import_graph_def(graph_def, name="")
    with tf.Session() as sess:
        np.testing.assert_allclose(sess.run("prob:0", {"image:0": data["image"]}), data["prob"], rtol=1e-4, atol=1e-5)


def test_a_serving_export_loads_with_its_signatures(tmp_path):
    path = str(tmp_path / "saved")
    assert export_model.main([ADAM, MODEL, path, "--inputs", "image", "--outputs", "prob,fc/output"]) == 0
    with tf.Session() as sess:
        loaded = tf.saved_model.loader.load(sess, ["serve"], path)
    assert set(loaded.signature_def) >= {"prediction_pipeline", "serving_default"}
    assert set(loaded.signature_def["prediction_pipeline"].outputs) == {"prob:0", "fc/output:0"}


@pytest.mark.parametrize("output, title", [("m.PB", "Compact"), ("m.tflite", "TFLite"), ("m", "Serving"), ("m.2", "Serving")])
def test_the_ending_of_the_output_gives_the_format(tmp_path, capsys, output, title):
    path = str(tmp_path / output)
    argv = [ADAM, MODEL, path, "--inputs", "image", "--outputs", "prob"] + UNPROVEN.get(title.lower(), [])
    assert export_model.main(argv) == 0
    names = "image:0 -> prob:0" if title == "Compact" else "image -> prob"
    assert capsys.readouterr().out == "{} model is written to {}: {}\n".format(title, path, names)


WIDE_MODEL = '''
from tensorpack import *

class Model(ModelDesc):
    def inputs(self):
        return [tfv1.TensorSpec((None, 64), tfv1.float32, "x"), tfv1.TensorSpec((None,), tfv1.int32, "label")]

    def build_graph(self, x, label):
        y = tfv1.matmul(x, tfv1.get_variable("W", [64, 64]), name="y")
        tfv1.equal(tfv1.argmax(y, 1, output_type=tfv1.int32), label, name="right")
'''


@pytest.fixture
def wide(tmp_path, monkeypatch):
    """A folder with a model with weights worth storing in fewer bits, and inputs for it; the current one."""
    random = np.random.RandomState(0)
    rows = random.rand(30, 64).astype("float32")
    (tmp_path / "wide.py").write_text(WIDE_MODEL)
    np.savez(str(tmp_path / "weights.npz"), W=random.randn(64, 64).astype("float32"))
    np.savez(str(tmp_path / "rows.npz"), x=rows)
    np.savez(str(tmp_path / "others.npz"), z=rows)
    TFRecordSerializer.save(DataFromList([[row, 3] for row in rows]), str(tmp_path / "rows.tfrecords"))
    monkeypatch.chdir(tmp_path)
    return ["weights.npz", "wide.py:Model", "small.tflite", "--outputs", "y"]


@pytest.mark.parametrize("options, part, written", [
    (["--weights", "float16"], .7, {"weights": "float16", "activations": "float32"}),
    (["--calibrate", "rows.npz"], .5, {"weights": "int8", "activations": "int8", "samples": 30}),
    (["--calibrate", "rows.tfrecords", "--weights", "int8"], .5, {"weights": "int8", "activations": "int8", "samples": 30}),
], ids=["float16", "npz", "tfrecords"])
def test_smaller_files(wide, options, part, written):
    assert export_model.main(wide + options) == 0
    assert os.path.getsize("small.tflite") < part * os.path.getsize("weights.npz")
    with open("small.tflite.json") as f:
        assert json.load(f)["quantized"] == written


@pytest.mark.parametrize("options, words", [
    (["--calibrate", "nowhere.npz"], "nothing named 'nowhere.npz'"),
    (["--calibrate", "wide.py"], "must be an .npz, .tfrecords or .lmdb file"),
    (["--calibrate", "others.npz"], "datapoint 0: it must have a value for each input, 'x'; got none for 'x'"),
    (["--calibrate", "rows.npz", "--weights", "float16"], "with representative the weights are int8"),
    (["--weights", "int8", "--format", "serving"], "--weights and --calibrate need the format tflite or onnx; got serving"),
], ids=["missing", "kind", "names", "both", "format"])
def test_bad_options_of_smaller_files_are_one_line(wide, capsys, options, words):
    assert words in failure(export_model.main, wide + options, capsys)
    assert not os.path.exists("small.tflite")


@pytest.mark.parametrize("kind, title, named", [
    ("tflite", "TFLite", "prob"), pytest.param("onnx", "ONNX", "prob:0", marks=pytest.mark.skipif(
        importlib.util.find_spec("tf2onnx") is None, reason="pip install tf2onnx"))])
def test_other_formats_are_one_file_with_its_description(tmp_path, capsys, kind, title, named):
    path = str(tmp_path / "model")
    argv = [ADAM, MODEL, path, "--inputs", "image", "--outputs", "prob", "--format", kind] + UNPROVEN.get(kind, [])
    assert export_model.main(argv) == 0
    assert capsys.readouterr().out == "{} model is written to {}: {} -> {}\n".format(
        title, path, named.replace("prob", "image"), named)
    with open(path + ".json") as f:
        assert [each["name"] for each in json.load(f)["outputs"]] == [named]
    assert os.path.getsize(path) > 1000


@pytest.mark.parametrize("model, checkpoint", [
    ("user_model:Model", "five.npz"), ("user_model.py:Model", "five.npz"), ("./user_model.py:make", "three.npz"),
    ("user_model:model", "three.npz")], ids=["module", "file", "function", "object"])
def test_ways_to_name_the_model(user_code, model, checkpoint):
    assert export_model.main([checkpoint, model, "out/m.pb", "--outputs", "y", "--format", "compact"]) == 0
    assert (user_code / "out" / "m.pb").exists()


@pytest.mark.parametrize("kind", ["serving", "compact", "tflite"])
def test_an_existing_output_is_replaced_only_when_asked(user_code, capsys, kind):
    argv = ["five.npz", "user_model:Model", "out", "--outputs", "y", "--format", kind]
    assert export_model.main(argv) == 0
    assert "out" in failure(export_model.main, argv, capsys)
    assert export_model.main(argv + ["--overwrite"]) == 0


@pytest.mark.parametrize("model, argv, words", [
    ("no_module_here:Model", [], ["no_module_here"]),
    ("nothing.py:Model", [], ["nothing.py"]),
    ("user_model:Mode", [], ["'Mode'", "'Model'"]),
    ("user_model:number", [], ["user_model:number"]),
    ("user_model:DataFlow", [], ["must be a ModelDesc"]),
    ("user_model:Needs", [], ["without arguments", "width"]),
    ("user_model:Failing", [], ["ZeroDivisionError", "--traceback"]),
    ("user_model:Model", ["--outputs", "z"], ["'z'"]),
    ("user_model:Model", ["--inputs", "z"], ["'z'"]),
    ("broken:Model", [], ["missing_dependency"]),
], ids=["module", "file", "name", "number", "class", "arguments", "graph", "output", "input", "dependency"])
def test_export_mistakes_are_one_line(user_code, capsys, model, argv, words):
    (user_code / "broken.py").write_text("import missing_dependency\n")
    line = failure(export_model.main, ["five.npz", model, "out", "--outputs", "y"] + argv, capsys)
    assert all(word in line for word in words)
    assert not (user_code / "out").exists()


def test_a_missing_checkpoint_is_one_line(user_code, capsys):
    assert "nowhere" in failure(export_model.main, ["nowhere", "user_model:Model", "out", "--outputs", "y"], capsys)


@pytest.mark.parametrize("argv", [
    ["c", "Model", "out", "--outputs", "y"], ["c", "m:", "out", "--outputs", "y"], ["", "m:M", "out", "--outputs", "y"],
    ["c", "m:M", "out"], ["c", "m:M", "out", "--outputs", "y", "--format", "png"]],
    ids=["no colon", "no class", "no checkpoint", "no outputs", "format"])
def test_export_usage_errors_have_status_two(capsys, argv):
    with pytest.raises(SystemExit) as e:
        export_model.main(argv)
    assert e.value.code == 2 and "usage:" in capsys.readouterr().err
