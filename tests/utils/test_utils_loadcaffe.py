"""utils.loadcaffe: models in new and old form, what their arrays become, and the compiler for caffe.proto."""
import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from caffe_models import (
    ARRAYS,
    DEPLOY,
    IMAGE,
    blob,
    caffemodel,
    double_blob,
    field,
    layer,
    old_blob,
    old_layer,
    values,
)

from tensorpack.utils import loadcaffe
from tensorpack.utils._files.remote_file import RemoteFile
from tensorpack.utils.loadcaffe import get_caffe_pb, load_caffe

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def load(tmp_path):
    """Writes both files and loads them."""
    def load(description, model):
        (tmp_path / "deploy.prototxt").write_text(description)
        (tmp_path / "weights.caffemodel").write_bytes(model)
        return load_caffe(str(tmp_path / "deploy.prototxt"), str(tmp_path / "weights.caffemodel"))

    return load


def warnings_in(records):
    return [r.getMessage() for r in records if r.levelname == "WARNING"]


def test_names_shapes_and_values(load, log_records):
    params = load(DEPLOY, caffemodel())
    assert {name: array.shape for name, array in params.items()} == {
        "conv1/W": (3, 3, 3, 4), "conv1/b": (4,), "bn1/mean/EMA": (4,), "bn1/variance/EMA": (4,), "bn1/gamma": (4,),
        "bn1/beta": (4,), "fc/W": (36, 3), "fc/b": (3,)}
    assert all(array.dtype == np.float32 and array.flags.c_contiguous for array in params.values())
    np.testing.assert_array_equal(params["conv1/W"][1, 2, 0], ARRAYS["conv1"][0][:, 0, 1, 2])
    np.testing.assert_array_equal(params["conv1/b"], ARRAYS["conv1"][1])
    np.testing.assert_allclose(params["bn1/mean/EMA"], ARRAYS["bn1"][0] / 4, rtol=1e-6)
    np.testing.assert_allclose(params["bn1/variance/EMA"], ARRAYS["bn1"][1] / 4, rtol=1e-6)
    np.testing.assert_array_equal(params["bn1/gamma"], ARRAYS["scale1"][0])
    np.testing.assert_array_equal(params["bn1/beta"], ARRAYS["scale1"][1])
    assert warnings_in(log_records) == []


def test_the_network_computes_what_it_computes_in_caffe(load):
    """The expected values are those of OpenCV 4.10, which read the same bytes with its importer for Caffe."""
    p = load(DEPLOY, caffemodel())
    padded = np.pad(IMAGE, ((1, 1), (1, 1), (0, 0)), mode="constant")
    image = np.array([[np.tensordot(padded[y:y + 3, x:x + 3], p["conv1/W"], 3) for x in range(0, 9, 2)]
                      for y in range(0, 11, 2)]) + p["conv1/b"]
    image = (image - p["bn1/mean/EMA"]) / np.sqrt(p["bn1/variance/EMA"] + 1e-5) * p["bn1/gamma"] + p["bn1/beta"]
    image = np.maximum(image, 0)
    image = np.array([[image[y:y + 2, x:x + 2].max(axis=(0, 1)) for x in (0, 2, 4)] for y in (0, 2, 4)])
    np.testing.assert_allclose(image.reshape(-1).dot(p["fc/W"]) + p["fc/b"], [6.328400, 3.967174, -3.662503], rtol=1e-5)


OLD = """
input: "data" input_dim: 1 input_dim: 3 input_dim: 11 input_dim: 9
layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1"
         convolution_param { num_output: 4 pad: 1 kernel_size: 3 stride: 2 } }
layers { name: "relu1" type: RELU bottom: "conv1" top: "conv1" }
layers { name: "pool1" type: POOLING bottom: "conv1" top: "pool1" pooling_param { kernel_size: 2 stride: 2 } }
layers { name: "fc" type: INNER_PRODUCT bottom: "pool1" top: "fc" inner_product_param { num_output: 3 } }
"""


def test_the_old_form_of_both_files_gives_the_same(load):
    new = load(DEPLOY, caffemodel())
    old = load(OLD, field(1, "Old") + old_layer("conv1", 4, *map(old_blob, ARRAYS["conv1"]))
               + old_layer("relu1", 18) + old_layer("fc", 14, *map(old_blob, ARRAYS["fc"])))
    assert sorted(old) == ["conv1/W", "conv1/b", "fc/W", "fc/b"]
    for name in old:
        np.testing.assert_array_equal(old[name], new[name])


def test_double_precision_arrays_become_float32(load):
    new = load(DEPLOY, caffemodel())
    double = load(DEPLOY, layer("conv1", "Convolution", *map(double_blob, ARRAYS["conv1"])))
    assert double["conv1/W"].dtype == np.float32
    np.testing.assert_array_equal(double["conv1/W"], new["conv1/W"])


# The layers between an input 6x12x10 and the InnerProduct, and the image that reaches that, as channel, height, width.
BETWEEN = {
    "nothing": ("", (6, 12, 10)),
    "convolution": ("convolution_param { num_output: 2 kernel_h: 3 kernel_w: 5 stride: 2 pad_h: 1 pad_w: 0 }", (2, 6, 3)),
    "dilated": ("convolution_param { num_output: 2 kernel_size: [3, 2] dilation: 2 }", (2, 8, 8)),
    "deconvolution": ("convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 }", (2, 24, 20)),
    "pooling rounds up": ("pooling_param { kernel_size: 3 stride: 2 }", (6, 6, 5)),
    "pooling rounds down": ("pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }", (6, 5, 4)),
    "padded pooling": ("pooling_param { kernel_size: 2 stride: 2 pad: 1 }", (6, 7, 6)),
    "padded pooling, last window outside": ("pooling_param { kernel_size: 1 stride: 2 pad: 1 }", (6, 7, 6)),
    "global pooling": ("pooling_param { pool: AVE global_pooling: true }", (6, 1, 1)),
    "flatten": ("", (6, 12, 10)),
    "concat": ("", (12, 12, 10)),
}


def type_of(case):
    return {"dilated": "Convolution", "nothing": "ReLU"}.get(
        case, "Pooling" if "pooling" in case else case.capitalize())


def description_with(case, fields, source='input: "data" input_shape { dim: 1 dim: 6 dim: 12 dim: 10 }'):
    bottoms = 'bottom: "data" ' * (2 if case == "concat" else 1)
    return source + """
        layer {{ name: "between" type: "{}" {} top: "between" {} }}
        layer {{ name: "fc" type: "InnerProduct" bottom: "between" top: "fc" inner_product_param {{ num_output: 2 }} }}
        """.format(type_of(case), bottoms, fields)


@pytest.mark.parametrize("case", BETWEEN)
def test_weights_on_an_image_are_reordered(load, case):
    fields, shape = BETWEEN[case]
    image = values(20, *shape)  # channels first
    weights = values(21, 2, image.size)
    params = load(description_with(case, fields), layer("fc", "InnerProduct", blob(weights)))
    assert sorted(params) == ["fc/W"]
    np.testing.assert_allclose(image.transpose(1, 2, 0).reshape(-1).dot(params["fc/W"]), weights.dot(image.reshape(-1)),
                               rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("source", [
    'layer { name: "d" type: "Data" top: "data" include { phase: TEST } transform_param { crop_size: 8 } }'
    'layer { name: "d" type: "Data" top: "data" include { phase: TRAIN } transform_param { crop_size: 5 } }',
    'layer { name: "d" type: "MemoryData" top: "data" memory_data_param { channels: 3 height: 8 width: 8 batch_size: 1 } }',
    'layer { name: "d" type: "DummyData" top: "data" dummy_data_param { shape { dim: [1, 3, 8, 8] } } }',
], ids=["crop of unknown channels", "memory", "dummy"])
def test_the_shape_of_the_input_may_come_from_data_layers(load, source):
    weights = values(22, 2, 3 * 8 * 8)
    params = load(description_with("nothing", "", source), layer("fc", "InnerProduct", blob(weights)))
    np.testing.assert_array_equal(params["fc/W"].reshape(8, 8, 3, 2), weights.reshape(2, 3, 8, 8).transpose(2, 3, 1, 0))


def test_weights_on_a_vector_are_only_transposed(load):
    description = description_with("nothing", "") + """
        layer { name: "fc2" type: "InnerProduct" bottom: "fc" top: "fc2" inner_product_param { num_output: 5 } }
        layer { name: "fc3" type: "InnerProduct" bottom: "fc2" top: "fc3"
                inner_product_param { num_output: 4 transpose: true } }"""
    params = load(description, layer("fc2", "InnerProduct", blob(values(1, 5, 2)))
                  + layer("fc3", "InnerProduct", blob(values(2, 5, 4))))
    np.testing.assert_array_equal(params["fc2/W"], values(1, 5, 2).T)
    np.testing.assert_array_equal(params["fc3/W"], values(2, 5, 4))


@pytest.mark.parametrize("description, size", [
    (description_with("nothing", "", ""), 720),
    (description_with("nothing", ""), 700),
    (description_with("nothing", "", 'layer { name: "d" type: "HDF5Data" top: "data" }'), 720),
    (description_with("nothing", "").replace('"ReLU"', '"SomethingNew"'), 720),
], ids=["no input", "other size", "unknown source", "unknown layer"])
def test_an_input_of_unknown_shape_is_an_error(load, description, size):
    with pytest.raises(ValueError, match="input of the InnerProduct layer fc must follow .* {} elements.*deploy".format(size)):
        load(description, layer("fc", "InnerProduct", blob(values(1, 2, size))))


@pytest.mark.parametrize("kinds", [["InnerProduct"], ["BatchNorm", "Scale"]], ids="-".join)
def test_a_layer_that_takes_nothing_is_named(load, kinds):
    arrays = {"InnerProduct": [values(1, 2, 3)], "BatchNorm": ARRAYS["bn1"], "Scale": [values(1, 4)]}
    with pytest.raises(ValueError, match="load_caffe: the {0} layer {0} must take a blob".format(kinds[-1])):
        load("".join('layer {{ name: "{0}" type: "{0}" top: "x" }}'.format(kind) for kind in kinds),
             b"".join(layer(kind, kind, *map(blob, arrays[kind])) for kind in kinds))


class TestBatchNormAndScale:
    def test_not_in_place(self, load):
        description = DEPLOY.replace('"BatchNorm" bottom: "conv1" top: "conv1"', '"BatchNorm" bottom: "conv1" top: "n"')
        description = description.replace('"Scale" bottom: "conv1" top: "conv1"', '"Scale" bottom: "n" top: "conv1"')
        assert {"bn1/gamma", "bn1/beta", "bn1/mean/EMA"} <= set(load(description, caffemodel()))

    def test_a_scale_belongs_to_the_nearest(self, load):
        description, model = "", b""
        for k in (1, 2):
            for name, kind, arrays in (("bn", "BatchNorm", ARRAYS["bn1"]), ("scale", "Scale", [values(k, 4)])):
                description += 'layer {{ name: "{}{}" type: "{}" bottom: "x" top: "x" }}'.format(name, k, kind)
                model += layer(name + str(k), kind, *map(blob, arrays))
        params = load(description, model)
        np.testing.assert_array_equal(params["bn1/gamma"], values(1, 4))
        np.testing.assert_array_equal(params["bn2/gamma"], values(2, 4))
        assert "bn1/beta" not in params

    def test_a_scale_of_its_own_is_an_error(self, load):
        with pytest.raises(ValueError, match="Scale layer scale1 must follow a BatchNorm layer; got .* the blob x"):
            load('layer { name: "scale1" type: "Scale" bottom: "x" top: "x" }', caffemodel())

    def test_statistics_that_were_never_updated_are_zero(self, load):
        params = load(DEPLOY, layer("bn1", "BatchNorm", *map(blob, [np.ones(4), np.ones(4), np.zeros(1)])))
        assert params["bn1/mean/EMA"].tolist() == params["bn1/variance/EMA"].tolist() == [0] * 4

    def test_a_batch_norm_has_three_arrays(self, load):
        with pytest.raises(ValueError, match="BatchNorm layer bn1 must have a mean, a variance and their scale; got 2 arrays"):
            load(DEPLOY, layer("bn1", "BatchNorm", blob(np.ones(4)), blob(np.ones(4))))


def test_only_layers_of_the_description_are_taken(load, log_records):
    description = DEPLOY + """
        layer { name: "p" type: "PReLU" bottom: "fc" top: "p" }
        layer { name: "c" type: "Convolution" bottom: "x" }"""
    model = caffemodel() + layer("p", "PReLU", blob(values(1, 3))) + layer("other", "Convolution", blob(values(1, 3)))
    params = load(description, model)
    assert not {name for name in params if name.startswith(("p/", "other"))}
    assert [w.split("caffemodel ")[-1] for w in warnings_in(log_records)] == [
        "load_caffe: the parameters of the PReLU layer p are left out.", "has no parameters of the Convolution layer c."]


BAD_MODELS = {
    "truncated": caffemodel()[:-7],
    "hdf5": b"\x89HDF\r\n\x1a\n" + b"\0" * 50,
    "error page": b"<html>404 Not Found</html>",
    "nothing": b"",
    "no arrays": layer("a", "ReLU"),
    "layer without name": field(100, field(2, "Convolution") + field(7, blob(np.ones(3)))),
    "wrong number of values": layer("a", "Convolution", field(7, field(1, b"\x05")) + field(5, b"\0" * 8)),
    "half a value": layer("a", "Convolution", field(7, field(1, b"\x01")) + field(5, b"\0" * 3)),
}


@pytest.mark.filterwarnings("ignore:Unexpected end-group tag:RuntimeWarning")  # of protobuf 3
@pytest.mark.parametrize("model", BAD_MODELS.values(), ids=BAD_MODELS.keys())
def test_a_damaged_model_is_named(load, model):
    with pytest.raises(ValueError, match="weights.caffemodel must be a complete binary caffemodel"):
        load(DEPLOY, model)


@pytest.mark.parametrize("description, words", [
    ("layer { name: \"a\"", "1:15"),
    ("layer {\n  name }", "2:8"),
    ("a: }", "Invalid field value: }"),
    ("input: [\"a\", \"b\"", "1:17"),
    ("\x08\x01", "1:1"),
    ("input_dim: many", "1:12 .*input_dim"),
    ("scales: [1,\n 2]\ninput_dim: many", "3:12 .*input_dim"),
    ("layer { name: \"a\" }", "a layer without name or type"),
], ids=["open", "no value", "brace", "list", "binary", "no number", "after a list", "no type"])
def test_a_damaged_description_is_named(load, description, words):
    with pytest.raises(ValueError, match="(?s)deploy.prototxt must describe a network.*" + words):
        load(description, caffemodel())


SPELLINGS = {
    "comments": "# input: 5\n{} # and so on",
    "separators": "name: 'x';  force_backward: true, {}",
    "other fields": """
        debug_info: false state <level: 3 stage: "a" stage: 'b "c"' 'd'> numbers: [1, 0.5, -2e3] none: []
        layer {{ name: "n" type: "New" new_param {{ k: [ x, 1 ] k: "y" nested {{ value: AN_ENUM }} nested < a: 1 > }} }} {}""",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_text_format(load, text):
    shape = "input: 'da' \"ta\" input_shape: <dim: 1; dim: [3, 11], dim: 9>"
    description = description_with("nothing", "", text.format(shape))
    params = load(description, layer("fc", "InnerProduct", blob(values(1, 2, 3 * 11 * 9))))
    np.testing.assert_array_equal(params["fc/W"].reshape(11, 9, 3, 2),
                                  values(1, 2, 297).reshape(2, 3, 11, 9).transpose(2, 3, 1, 0))


def test_protobuf_without_its_compiled_part(load, tmp_path):
    expected = load(DEPLOY, caffemodel())
    code = """
from google.protobuf.internal import api_implementation
from tensorpack.utils import loadcaffe
assert api_implementation.Type() == "python"
loadcaffe.main(["deploy.prototxt", "weights.caffemodel", "out.npz"])
"""
    environment = dict(os.environ, PYTHONPATH=ROOT, PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="python")
    subprocess.check_call([sys.executable, "-c", code], cwd=str(tmp_path), env=environment)
    with np.load(str(tmp_path / "out.npz")) as params:
        assert sorted(params) == sorted(expected)
        for name in expected:
            np.testing.assert_array_equal(params[name], expected[name])


class TestCommand:
    @pytest.mark.parametrize("name", ["out.npz", "out.npy"])
    def test_converts(self, tmp_path, name):
        (tmp_path / "d.prototxt").write_text(DEPLOY)
        (tmp_path / "w.caffemodel").write_bytes(caffemodel())
        subprocess.check_call([sys.executable, "-m", "tensorpack.utils.loadcaffe"] + [
            str(tmp_path / file) for file in ("d.prototxt", "w.caffemodel", name)], cwd=ROOT)
        loaded = np.load(str(tmp_path / name), allow_pickle=True)
        loaded = dict(loaded) if name.endswith("npz") else loaded.item()
        assert len(loaded) == 8 and loaded["conv1/W"].shape == (3, 3, 3, 4)

    def test_the_output_must_be_of_a_known_kind(self, capsys):
        with pytest.raises(SystemExit):
            loadcaffe.main(["a", "b", "c.h5"])
        assert "must end with .npz or .npy; got 'c.h5'" in capsys.readouterr().err


class TestCompiler:
    @pytest.fixture
    def directory(self, tmp_path, monkeypatch):
        """The directory of datasets; nothing else is on the PATH."""
        monkeypatch.setenv("TENSORPACK_DATASET", str(tmp_path))
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        for name in ("bin", "caffe"):
            (tmp_path / name).mkdir()
        return tmp_path

    def install_protoc(self, directory, body):
        path = directory / "bin" / "protoc"
        path.write_text("#!/bin/sh\n" + body)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def test_compiles_once(self, directory):
        (directory / "caffe" / "caffe.proto").write_text("Datum")
        self.install_protoc(directory, """read content < "$1"
            test "$2 $3" = "--python_out ." && echo "$content = 5" > caffe_pb2.py""")
        assert get_caffe_pb().Datum == 5
        assert sorted(set(os.listdir(str(directory / "caffe"))) - {"__pycache__"}) == ["caffe.proto", "caffe_pb2.py"]
        (directory / "bin" / "protoc").unlink()
        (directory / "caffe" / "caffe.proto").unlink()
        assert get_caffe_pb() is get_caffe_pb()

    def test_the_definition_is_downloaded(self, directory, monkeypatch):
        (directory / "remote").write_text("Datum")
        monkeypatch.setattr(loadcaffe, "_PROTO", RemoteFile("caffe.proto", ((directory / "remote").as_uri(),)))
        self.install_protoc(directory, 'read content < "$1"; echo "$content = 6" > caffe_pb2.py')
        assert get_caffe_pb().Datum == 6

    def test_a_failing_compiler_is_quoted(self, directory):
        (directory / "caffe" / "caffe.proto").write_text("x")
        self.install_protoc(directory, "echo syntax error in line 7 >&2; exit 4")
        with pytest.raises(RuntimeError, match="(?s)protoc caffe.proto --python_out . must compile.*status 4 and: syntax"):
            get_caffe_pb()
        assert os.listdir(str(directory / "caffe")) == ["caffe.proto"]

    def test_a_missing_compiler_is_an_error_with_the_remedy(self, directory, monkeypatch):
        """The original ended the program."""
        (directory / "caffe" / "caffe.proto").write_text("x")
        monkeypatch.setattr(loadcaffe.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(RuntimeError, match="neither the program protoc .*protobuf-compiler, or pip install grpcio"):
            get_caffe_pb()
