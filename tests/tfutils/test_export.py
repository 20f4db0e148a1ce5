"""Exported models: loaded by plain TensorFlow, in this process and in one without the library."""
import importlib
import json
import os
import sys
import textwrap

import numpy as np
import pytest
from inference_towers import IMAGE, IMAGE_ONLY, SIGNATURE, batch_norm, conv, fc, load_graph_def, network, of, run_graph_def

from tensorpack.compat import NEWER_ATTRIBUTES, is_session_closed
from tensorpack.compat import tfv1 as tf
from tensorpack.predict import OfflinePredictor, PredictConfig
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.tfutils.sessinit import SmartInit
from tensorpack.tfutils.varmanip import save_checkpoint_vars

BOTH_KINDS = pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])


def export_and_compare(cfg, tmp_path, *values, **kwargs):
    """Export, run the file with plain TensorFlow, compare with the predictor to 1e-5; returns {op name: type}."""
    path = str(tmp_path / "model.pb")
    ModelExporter(cfg).export_compact(path, **kwargs)
    graph_def = load_graph_def(path)
    feed = {name + ":0" if ":" not in name else name: value for name, value in zip(cfg.input_names, values)}
    with OfflinePredictor(cfg) as predictor:
        for got, expected in zip(run_graph_def(graph_def, cfg.output_names, feed), predictor(*values)):
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    return {node.name: node.op for node in graph_def.node}


def all_nodes(graph_def):
    return list(graph_def.node) + [node for function in graph_def.library.function for node in function.node_def]


# ---- export_compact


@BOTH_KINDS
@pytest.mark.parametrize("optimize", [False, True], ids=["frozen", "optimized"])
def test_a_compact_graph_computes_the_same(tmp_path, use_resource, optimize):
    cfg = of(lambda i, n: network(i, n, use_resource), ["prob", "class", "features"], signature=SIGNATURE)
    ops = export_and_compare(cfg, tmp_path, IMAGE, optimize=optimize)
    assert "cost" not in ops and not any("dropout" in name for name in ops)
    assert not set(ops.values()) & {"VariableV2", "VarHandleOp", "ReadVariableOp", "Assign", "SaveV2", "RestoreV2"}
    nodes = all_nodes(load_graph_def(str(tmp_path / "model.pb")))
    assert all(node.device == "" for node in nodes)
    assert not any(NEWER_ATTRIBUTES.intersection(node.attr) for node in nodes)  # TF 1.15 would refuse the file of a later one
    if optimize:
        assert not any(op.startswith("FusedBatchNorm") for op in ops.values())
        assert [name for name, op in ops.items() if op == "Identity"] == ["features"]
        assert len(ops) <= 23


def test_a_restored_checkpoint_is_exported_and_what_it_may_lack_has_initial_values(tmp_path):
    def build(image):
        extra = tf.get_variable("extra", initializer=10.)
        tf.add(fc("fc", image, 2), extra, name="y")

    path = str(tmp_path / "model-1")
    weights = {"fc/W": np.ones((192, 2), "float32"), "fc/b": np.zeros(2, "float32")}
    save_checkpoint_vars(weights, path)
    cfg = PredictConfig(tower_func=build, input_signature=IMAGE_ONLY, output_names=["y"], session_init=SmartInit(path),
                        allow_missing=["extra"])
    ModelExporter(cfg).export_compact(str(tmp_path / "x.pb"))
    result, = run_graph_def(load_graph_def(str(tmp_path / "x.pb")), ["y"], {"image:0": IMAGE})
    np.testing.assert_allclose(result, IMAGE.sum((1, 2, 3))[:, None].repeat(2, 1) + 10, rtol=1e-5)


def test_names_dtypes_and_shapes_are_written_and_logged(tmp_path, log_records):
    path = str(tmp_path / "new" / "model.pb")
    ModelExporter(of(network, ["prob", "class"], signature=SIGNATURE)).export_compact(path)
    with open(path + ".json") as f:
        description = json.load(f)
    assert description["inputs"] == [{"name": "image:0", "dtype": "float32", "shape": [None, 8, 8, 3]}]
    assert description["outputs"] == [{"name": "prob:0", "dtype": "float32", "shape": [None, 5]},
                                      {"name": "class:0", "dtype": "int64", "shape": [None]}]
    assert "--inputs image:0 --outputs prob:0,class:0" in description["onnx"]
    logged = "\n".join(r.getMessage() for r in log_records)
    assert "image:0 float32" in logged and path in logged and description["onnx"] in logged


def test_an_inner_input_becomes_a_placeholder_and_what_computed_it_goes(tmp_path):
    cfg = of(network, ["prob"], ["preprocessed"], signature=SIGNATURE)
    ops = export_and_compare(cfg, tmp_path, IMAGE)
    assert ops["preprocessed"] == "Placeholder" and "image" not in ops
    node = [n for n in load_graph_def(str(tmp_path / "model.pb")).node if n.name == "preprocessed"][0]
    assert tf.TensorShape(node.attr["shape"].shape).as_list() == [None, 8, 8, 3]


def test_a_default_value_is_kept(tmp_path):
    def build(image):
        factor = tf.placeholder_with_default(np.float32(3), [], name="factor")
        tf.multiply(image, factor, name="y")

    cfg = of(build, inputs=["image", "factor"])
    ops = export_and_compare(cfg, tmp_path, IMAGE, 5.)
    assert ops["factor"] == "PlaceholderWithDefault"
    result, = run_graph_def(load_graph_def(str(tmp_path / "model.pb")), ["y"], {"image:0": IMAGE})
    np.testing.assert_allclose(result, IMAGE * 3, rtol=1e-6)


def test_an_input_that_is_a_second_output_can_still_be_fed(tmp_path):
    def build(image):
        _, second = tf.split(tf.reshape(image, [-1, 192]), 2, axis=1, name="halves")
        tf.identity(second * 2, name="y")

    ops = export_and_compare(of(build, inputs=["halves:1"]), tmp_path, np.ones((3, 96), "float32"))
    assert ops["halves"] == "Split"


def test_integers_and_strings_go_in_and_several_outputs_come_out(tmp_path):
    def build(raw, name):
        values, indices = tf.nn.top_k(tf.cast(raw, tf.float32) / 255., 2, name="best")
        tf.string_join([name, tf.as_string(indices[:, 0])], name="labelled")

    signature = [tf.TensorSpec((None, 4), tf.uint8, "raw"), tf.TensorSpec((None,), tf.string, "name")]
    cfg = of(build, ["best:0", "best:1", "labelled"], ["raw", "name"], signature)
    path = str(tmp_path / "m.pb")
    ModelExporter(cfg).export_compact(path)
    values, indices, labelled = run_graph_def(load_graph_def(path), cfg.output_names,
                                              {"raw:0": np.uint8([[1, 255, 3, 51]]), "name:0": ["class-"]})
    assert np.allclose(values, [[1, .2]]) and indices.tolist() == [[1, 3]] and labelled.tolist() == [b"class-1"]


def test_loops_and_conditions_survive(tmp_path):
    def build(image):
        scale = tf.get_variable("scale", initializer=2.)
        x = tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, tf.identity(x * scale) + tf.constant(1.)), [0, image])[1]
        tf.cond(tf.reduce_sum(image) > 0, lambda: x * tf.identity(scale), lambda: x - scale)
        y = tf.cond(tf.reduce_sum(image) > 0, lambda: x * tf.identity(scale) * tf.constant(2.) * 3., lambda: x - scale)
        tf.identity(y, name="y")

    cfg = of(build)
    export_and_compare(cfg, tmp_path, IMAGE)
    export_and_compare(cfg, tmp_path, -IMAGE)


def test_a_function_library_survives(tmp_path):
    def build(image):
        from tensorflow.python.ops import map_fn

        tf.enable_control_flow_v2()
        try:
            tf.identity(map_fn.map_fn(lambda x: x * 2. + 1., image), name="y")
        finally:
            tf.disable_control_flow_v2()

    export_and_compare(of(build), tmp_path, IMAGE)
    assert len(load_graph_def(str(tmp_path / "model.pb")).library.function) > 0


@pytest.mark.parametrize("old", [b"", b"old content"], ids=["new", "existing"])
def test_an_output_that_changes_a_variable_is_refused_and_nothing_written(tmp_path, old):
    def build(image):
        v = tf.get_variable("v", initializer=0.)
        tf.add(tf.reduce_sum(image), tf.assign_add(v, 1.), name="y")

    path = tmp_path / "x.pb"
    if old:
        path.write_bytes(old)
    with pytest.raises(ValueError, match="change variables|replaceable"):
        ModelExporter(of(build)).export_compact(str(path))
    assert os.listdir(str(tmp_path)) == (["x.pb"] if old else []) and (not old or path.read_bytes() == old)


def test_existing_files_are_replaced_unless_refused(tmp_path):
    path = str(tmp_path / "x.pb")
    exporter = ModelExporter(of(network, ["prob"], signature=SIGNATURE))
    exporter.export_compact(path)
    with pytest.raises(FileExistsError, match="overwrite"):
        exporter.export_compact(path, overwrite=False)
    with open(path, "w") as f:
        f.write("rubbish")
    exporter.export_compact(path)
    assert load_graph_def(path).node
    assert sorted(os.listdir(str(tmp_path))) == ["x.pb", "x.pb.json"]


def test_lookup_tables_tell_what_to_run_first(tmp_path, log_records):
    def build(image):
        used = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1, 2], [10, 20]), -1)
        tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1], [1]), -1, name="unused_table")
        tf.identity(used.lookup(tf.cast(image[0, 0, 0], tf.int32)), name="y")

    path = str(tmp_path / "x.pb")
    ModelExporter(of(build)).export_compact(path)
    with open(path + ".json") as f:
        first = json.load(f)["run_first"]
    assert len(first) == 1
    result, = run_graph_def(load_graph_def(path), ["y"], {"image:0": IMAGE * 0 + 2}, first)
    assert result.tolist() == [20, 20, 20]
    assert any(r.levelname == "WARNING" and first[0] in r.getMessage() for r in log_records)


def test_toco_compatible_needs_optimize(tmp_path):
    exporter = ModelExporter(of(network, ["prob"], signature=SIGNATURE))
    with pytest.raises(ValueError, match="optimize"):
        exporter.export_compact(str(tmp_path / "x.pb"), optimize=False, toco_compatible=True)
    exporter.export_compact(str(tmp_path / "x.pb"), True, True)


def test_large_results_of_small_constants_are_not_stored(tmp_path):
    def build(image):
        tf.add(tf.reduce_sum(image), tf.zeros([1000, 1000]) * tf.get_variable("v", initializer=1.), name="y")

    export_and_compare(of(build), tmp_path, IMAGE)
    assert os.path.getsize(str(tmp_path / "model.pb")) < 100000


def test_an_exporter_leaves_no_session_open(tmp_path, monkeypatch):
    opened, create_session = [], NewSessionCreator.create_session

    def create_and_keep(creator):
        opened.append(create_session(creator))
        return opened[-1]

    monkeypatch.setattr(NewSessionCreator, "create_session", create_and_keep)
    exporter = ModelExporter(of(network, ["prob"], signature=SIGNATURE))
    exporter.export_compact(str(tmp_path / "x.pb"))
    exporter.export_serving(str(tmp_path / "x"))
    with pytest.raises(FileExistsError):
        exporter.export_serving(str(tmp_path / "x"))
    assert len(opened) >= 2 and all(is_session_closed(sess) for sess in opened)
    assert isinstance(exporter.graph, tf.Graph)


def test_create_graph_false_exports_from_the_default_graph(tmp_path):
    cfg = PredictConfig(tower_func=lambda image: tf.multiply(image, 2., name="y"), input_signature=IMAGE_ONLY,
                        output_names=["y"], create_graph=False)
    exporter = ModelExporter(cfg)
    exporter.export_compact(str(tmp_path / "x.pb"))
    assert exporter.graph is tf.get_default_graph()


@pytest.mark.parametrize("config", [None, "model"], ids=repr)
def test_a_config_is_required(config):
    with pytest.raises(TypeError, match="PredictConfig"):
        ModelExporter(config)


def test_a_wrong_output_name_is_answered_with_names_like_it(tmp_path):
    cfg = PredictConfig(tower_func=network, input_signature=SIGNATURE, output_names=["probs"])
    with pytest.raises(KeyError, match="'prob:0'"):
        ModelExporter(cfg).export_compact(str(tmp_path / "x.pb"))


@pytest.mark.parametrize("optimize", [False, True], ids=["frozen", "optimized"])
def test_a_model_of_the_original_is_exported_with_its_numbers(tmp_path, monkeypatch, optimize):
    golden = os.path.join(os.path.dirname(__file__), "..", "data", "golden")
    monkeypatch.syspath_prepend(golden)
    layers_model = importlib.import_module("layers_model")
    directory = os.path.join(golden, "layers_adam")
    cfg = PredictConfig(model=layers_model.Model(), session_init=SmartInit(directory), input_names=["image"],
                        output_names=layers_model.OUTPUTS)
    path = str(tmp_path / "model.pb")
    ModelExporter(cfg).export_compact(path, optimize=optimize)
    with np.load(os.path.join(directory, "io.npz")) as io:
        results = run_graph_def(load_graph_def(path), layers_model.OUTPUTS, {"image:0": io["image"]})
        for name, value in zip(layers_model.OUTPUTS, results):
            np.testing.assert_allclose(value, io[name.replace("/", "__")], atol=1e-5)


# ---- folding batch normalisation


def depthwise(x):
    w = tf.get_variable("dw/W", [3, 3, 3, 2])
    return tf.nn.depthwise_conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME")


def transposed(x):
    w = tf.get_variable("deconv/W", [3, 3, 4, 3])
    return tf.nn.conv2d_transpose(x, w, tf.stack([tf.shape(x)[0], 16, 16, 4]), strides=[1, 2, 2, 1])


def with_bias(x):
    return tf.nn.bias_add(conv("conv", x), tf.get_variable("b", [4], initializer=tf.random_uniform_initializer()))


def separated(x):
    """Batch normalisation as tf.nn.batch_normalization writes it: a multiplication and an addition."""
    c = x.shape.as_list()[-1]
    g, b, m, v = [tf.get_variable(n, [c], initializer=tf.random_uniform_initializer(.5, 2)) for n in "gbmv"]
    return tf.nn.batch_normalization(x, m, v, b, g, 1e-3)


def set_shape(x, shape):
    x.set_shape(shape)
    return x


FOLDED = {
    "conv": lambda x: batch_norm("bn", conv("conv", x)),
    "conv-bias": lambda x: batch_norm("bn", with_bias(x)),
    "depthwise": lambda x: batch_norm("bn", set_shape(depthwise(x), [None, 8, 8, 6])),
    "transposed": lambda x: batch_norm("bn", set_shape(transposed(x), [None, 16, 16, 4])),
    "conv-separated": lambda x: separated(conv("conv", x)),
    "fc-separated": lambda x: separated(fc("fc", x, 5)),
    "twice": lambda x: batch_norm("bn1", batch_norm("bn0", conv("conv", x))),
    "scalar-per-channel": lambda x: tf.constant(np.float32([1, 2, 3, 4]).reshape(1, 1, 1, 4)) * conv("conv", x),
}


# What is folded does not depend on how variables are read: each case has one kind, and the first one both
@pytest.mark.parametrize("name, use_resource", [("conv", True)] + [
    (name, number % 2 == 1) for number, name in enumerate(sorted(FOLDED))])
def test_batch_normalisation_is_folded(tmp_path, name, use_resource):
    def build(image):
        with tf.variable_scope("", use_resource=use_resource):
            tf.nn.relu(FOLDED[name](image), name="y")

    ops = export_and_compare(of(build), tmp_path, IMAGE)
    assert not set(ops.values()) & {"FusedBatchNormV3", "FusedBatchNormV2", "FusedBatchNorm", "Mul", "AddV2", "Add", "Rsqrt"}
    assert sum(op == "BiasAdd" for op in ops.values()) == 1


def shared(x):
    c = conv("conv", x)
    return batch_norm("bn", c) + c


def rank_raising(x):
    return fc("fc", x, 5) * tf.constant(np.arange(5, dtype="float32").reshape(1, 1, 1, 5))


def scalar(x):
    return conv("conv", x, 1) * tf.constant(np.float32(np.arange(8)).reshape(8, 1))


def after_relu(x):
    return batch_norm("bn", tf.nn.relu(conv("conv", x)))


def input_conv(x):
    return batch_norm("bn", tf.nn.conv2d(x, tf.reshape(x[0, :3, :3], [3, 3, 3, 1]), strides=[1, 1, 1, 1], padding="SAME"))


@pytest.mark.parametrize("build", [shared, rank_raising, scalar, after_relu, input_conv], ids=lambda f: f.__name__)
def test_what_must_not_be_folded_is_not(tmp_path, build):
    def tower(image):
        tf.identity(build(image), name="y")

    ops = export_and_compare(of(tower), tmp_path, IMAGE)
    assert set(ops.values()) & {"FusedBatchNormV3", "FusedBatchNormV2", "FusedBatchNorm", "Mul"}


def test_a_convolution_that_is_an_output_is_not_changed(tmp_path):
    cfg = of(lambda image: tf.identity(batch_norm("bn", conv("conv", image)), name="y"), ["y", "conv"])
    export_and_compare(cfg, tmp_path, IMAGE)


def test_a_normalisation_that_is_an_output_keeps_its_name(tmp_path):
    cfg = of(lambda image: batch_norm("bn", conv("conv", image)), ["FusedBatchNormV3"])
    assert export_and_compare(cfg, tmp_path, IMAGE)["FusedBatchNormV3"] == "BiasAdd"


def test_channels_first_is_folded_along_its_channels(tmp_path):
    def build(image):
        x = tf.transpose(image, [0, 3, 1, 2])
        w = tf.get_variable("W", [3, 3, 3, 4])
        x = tf.nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME", data_format="NCHW")
        tf.identity(batch_norm("bn", x, "NCHW"), name="y")

    path = str(tmp_path / "x.pb")
    cfg = of(build)
    ModelExporter(cfg).export_compact(path)
    graph_def = load_graph_def(path)
    nodes = {node.op: node for node in graph_def.node}
    assert "FusedBatchNormV3" not in nodes and nodes["BiasAdd"].attr["data_format"].s == b"NCHW"
    values = cfg.session_init._prms
    weight, = [tf.make_ndarray(n.attr["value"].tensor) for n in graph_def.node if n.name.endswith("folded_weight")]
    scale = values["bn/gamma"] / np.sqrt(values["bn/variance/EMA"] + .001)
    np.testing.assert_allclose(weight, values["W"] * scale, rtol=1e-4)


# ---- export_serving


def read_signatures(path, tags=("serve",)):
    with tf.Graph().as_default(), tf.Session() as sess:
        meta = tf.saved_model.loader.load(sess, list(tags), path)
        return {name: (sorted(s.inputs), sorted(s.outputs), s.method_name) for name, s in meta.signature_def.items()}


def test_a_saved_model_has_the_signature_of_old_and_the_default_one(tmp_path, log_records):
    path = str(tmp_path / "saved")
    ModelExporter(of(network, ["prob", "class"], signature=SIGNATURE)).export_serving(path)
    assert read_signatures(path) == {
        "prediction_pipeline": (["image:0"], ["class:0", "prob:0"], "tensorflow/serving/predict"),
        "serving_default": (["image"], ["class", "prob"], "tensorflow/serving/predict"),
    }
    assert {"assets.extra", "saved_model.pb", "variables"} <= set(os.listdir(path))
    assert sorted(os.listdir(os.path.join(path, "variables"))) == ["variables.data-00000-of-00001", "variables.index"]
    logged = "\n".join(r.getMessage() for r in log_records)
    assert "serving_default" in logged and "image:0 = float32" in logged and path in logged


def test_keys_without_index_are_unique(tmp_path):
    def build(image):
        x = tf.reshape(image, [-1, 192])
        tf.split(x, 2, axis=1, name="part")
        tf.identity(x, name="part_1")
        with tf.name_scope("scope"):
            tf.identity(x, name="y")

    path = str(tmp_path / "saved")
    ModelExporter(of(build, ["part:1", "part:0", "part_1", "scope/y"])).export_serving(path)
    assert read_signatures(path)["serving_default"][1] == ["part", "part_1", "part_1_1", "scope/y"]


def test_tags_and_signature_name_are_the_users(tmp_path):
    exporter = ModelExporter(of(network, ["prob"], signature=SIGNATURE))
    exporter.export_serving(str(tmp_path / "a"), tags=["gpu", "v1"], signature_name="mine")
    assert set(read_signatures(str(tmp_path / "a"), ["gpu", "v1"])) == {"mine", "serving_default"}
    exporter.export_serving(str(tmp_path / "b"), signature_name="serving_default")
    assert read_signatures(str(tmp_path / "b"))["serving_default"][:2] == (["image:0"], ["prob:0"])


def test_an_existing_directory_is_not_touched_unless_asked(tmp_path):
    path = tmp_path / "saved"
    exporter = ModelExporter(of(network, ["prob"], signature=SIGNATURE))
    path.mkdir()
    exporter.export_serving(str(path))  # an empty one is fine
    (path / "note").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite"):
        exporter.export_serving(str(path))
    assert (path / "note").exists()
    exporter.export_serving(str(path), overwrite=True)
    assert not (path / "note").exists() and read_signatures(str(path))
    with pytest.raises(FileExistsError, match="a file"):
        exporter.export_serving(str(path / "saved_model.pb"), overwrite=True)
    assert os.listdir(str(tmp_path)) == ["saved"]


def test_a_failed_export_leaves_the_old_one(tmp_path, monkeypatch):
    path = str(tmp_path / "saved")
    exporter = ModelExporter(of(network, ["prob"], signature=SIGNATURE))
    exporter.export_serving(path)
    monkeypatch.setattr(tf.saved_model.Builder, "save", lambda self: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        exporter.export_serving(path, overwrite=True)
    assert os.listdir(str(tmp_path)) == ["saved"] and read_signatures(path)


def test_a_saved_model_has_no_devices(tmp_path):
    path = str(tmp_path / "saved")
    ModelExporter(of(network, ["prob"], signature=SIGNATURE)).export_serving(path)
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        tf.saved_model.loader.load(sess, ["serve"], path)
        assert not any("gpu" in op.device.lower() for op in graph.get_operations())


def test_vocabulary_files_travel_with_a_saved_model(tmp_path):
    vocabulary = tmp_path / "words.txt"
    vocabulary.write_text("cat\ndog\n")

    def build(word):
        initializer = tf.lookup.TextFileInitializer(
            str(vocabulary), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)
        tf.identity(tf.lookup.StaticHashTable(initializer, -1).lookup(word), name="y")

    path = str(tmp_path / "saved")
    cfg = of(build, inputs=["word"], signature=[tf.TensorSpec((None,), tf.string, "word")])
    ModelExporter(cfg).export_serving(path)
    vocabulary.unlink()
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.saved_model.loader.load(sess, ["serve"], path)
        assert sess.run("y:0", {"word:0": ["dog", "bird"]}).tolist() == [1, -1]


# ---- programs without the library

CONSUMER = textwrap.dedent("""
    import json, os, sys
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np
    import tensorflow
    tf = tensorflow.compat.v1
    directory = sys.argv[1]
    image = np.load(directory + "/image.npy")
    results = {}
    for name in ["frozen", "optimized"]:
        with open(directory + "/" + name + ".pb", "rb") as f:
            graph_def = tf.GraphDef.FromString(f.read())
        with open(directory + "/" + name + ".pb.json") as f:
            description = json.load(f)
        with tf.Graph().as_default(), tf.Session() as sess:
            tf.import_graph_def(graph_def)
            results[name] = sess.run("import/" + description["outputs"][0]["name"],
                                     {"import/" + description["inputs"][0]["name"]: image})
    for kind in ["reference", "resource"]:
        path = directory + "/" + kind
        with tf.Graph().as_default(), tf.Session() as sess:
            signatures = tf.saved_model.loader.load(sess, ["serve"], path).signature_def
            for key, x, y in [("prediction_pipeline", "image:0", "prob:0"), ("serving_default", "image", "prob")]:
                results[kind + "-1-" + key] = sess.run(
                    signatures[key].outputs[y].name, {signatures[key].inputs[x].name: image})
        if tensorflow.executing_eagerly():
            loaded = tensorflow.saved_model.load(path)
            results[kind + "-2"] = loaded.signatures["serving_default"](image=tensorflow.constant(image))["prob"].numpy()
            results[kind + "-3"] = loaded.signatures["prediction_pipeline"](
                **{"image:0": tensorflow.constant(image)})["prob:0"].numpy()
    converter = tf.lite.TFLiteConverter.from_frozen_graph(
        directory + "/optimized.pb", [i["name"][:-2] for i in description["inputs"]],
        [o["name"][:-2] for o in description["outputs"]], {"image": list(image.shape)})
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    results["tflite"] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert not any(name.split(".")[0] == "tensorpack" for name in sys.modules)
    np.savez(directory + "/results.npz", **results)
""")


def test_programs_without_the_library_get_the_same_numbers(run_program, tmp_path):
    configs = {kind: of(lambda i, n, r=kind == "resource": network(i, n, r), ["prob"], signature=SIGNATURE)
               for kind in ["reference", "resource"]}
    configs["resource"].session_init = configs["reference"].session_init
    for kind, cfg in configs.items():
        ModelExporter(cfg).export_serving(str(tmp_path / kind))
    ModelExporter(configs["resource"]).export_compact(str(tmp_path / "frozen.pb"), optimize=False)
    ModelExporter(configs["reference"]).export_compact(str(tmp_path / "optimized.pb"))
    np.save(str(tmp_path / "image.npy"), IMAGE)
    (tmp_path / "consumer.py").write_text(CONSUMER)
    # TF 1.15's converter calls a program that lies beside the interpreter
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    status, output = run_program("consumer.py", tmp_path, folder=tmp_path, PATH=path, PYTHONPATH="")
    assert status == 0, output[-3000:]
    with OfflinePredictor(configs["reference"]) as predictor, np.load(str(tmp_path / "results.npz")) as results:
        expected = predictor(IMAGE)[0]
        assert len(results.files) >= 7
        for name in results.files:
            np.testing.assert_allclose(results[name], expected, atol=1e-5, err_msg=name)
