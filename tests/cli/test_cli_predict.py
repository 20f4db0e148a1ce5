"""tensorpack-predict: an exported model over images, arrays and datapoints."""
import json
import os

import cv2
import numpy as np
import pytest

from tensorpack import tfv1 as tf
from tensorpack._cli.predict import main
from tensorpack.dataflow import imgaug
from tensorpack.dataflow.raw import DataFromList
from tensorpack.dataflow.serialize import LMDBSerializer, NumpySerializer, TFRecordSerializer
from tensorpack.predict import PredictConfig
from tensorpack.tfutils.export import ModelExporter

PICTURES = np.random.RandomState(0).randint(0, 256, (5, 6, 4, 3)).astype("uint8")
NAMES = ["cat", "dog", "owl"]


def channel_means(image):
    """Scores of three classes: the means of blue, green and red."""
    tf.identity(tf.reduce_mean(tf.cast(image, tf.float32), [1, 2]), name="score")


def model(tmp_path_factory, shape, dtype, build=channel_means, outputs=("score",)):
    path = str(tmp_path_factory.mktemp("model") / "model.pb")
    config = PredictConfig(tower_func=build, input_signature=[tf.TensorSpec(shape, dtype, "image")], output_names=list(outputs))
    ModelExporter(config).export_compact(path, verify=False)
    return path


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    return model(tmp_path_factory, (None, None, None, 3), tf.uint8)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i, picture in enumerate(PICTURES):
        cv2.imwrite("{}.png".format(i), picture)
    (tmp_path / "classes.txt").write_text("\n".join(NAMES) + "\n")
    return tmp_path


def predict(*arguments):
    return main([*arguments, "--engine", "tensorflow"])


def read_lines(name):
    with open(name) as f:
        return [json.loads(line) for line in f]


def means(pictures=PICTURES):
    return pictures.astype("float32").mean((1, 2))


def test_images_give_a_line_each(colours, files, capsys):
    assert predict(colours, "--input", "*.png", "--output", "out.jsonl", "--classes", "classes.txt", "--batch", "2") == 0
    lines = read_lines("out.jsonl")
    assert [line["input"] for line in lines] == ["{}.png".format(i) for i in range(5)]
    np.testing.assert_allclose([line["outputs"]["score:0"] for line in lines], means(), rtol=1e-5)
    assert [line["class"] for line in lines] == [NAMES[i] for i in means().argmax(1)]
    np.testing.assert_allclose([line["score"] for line in lines], means().max(1), rtol=1e-5)
    assert "5 of {} are written to out.jsonl, computed by tensorflow".format(colours) in capsys.readouterr().out


def test_images_of_several_sizes_are_predicted_one_size_after_the_other(colours, files):
    cv2.imwrite("2.png", np.full((9, 3, 3), (1, 2, 3), "uint8"))
    assert predict(colours, "--input", "*.png", "--output", "out.npz") == 0
    with np.load("out.npz") as found:
        assert found["inputs"].tolist() == ["{}.png".format(i) for i in range(5)] and found["score:0"].shape == (5, 3)
        np.testing.assert_allclose(found["score:0"][2], [1, 2, 3])
        np.testing.assert_allclose(found["score:0"][3], means()[3], rtol=1e-5)


def brightness(image):
    """A mask of the size of the image, and its mean."""
    x = tf.cast(image, tf.float32)
    tf.reduce_mean(x, [1, 2, 3], name="mean")
    tf.reduce_max(x, 3, name="score")


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    return model(tmp_path_factory, (None, None, None, 3), tf.uint8, brightness, ["score", "mean"])


def test_outputs_of_several_shapes_get_an_array_for_each_example(masks, files, log_records):
    cv2.imwrite("2.png", np.full((9, 3, 3), (1, 2, 3), "uint8"))
    assert predict(masks, "--input", "*.png", "--output", "out.npz") == 0
    with np.load("out.npz") as found:
        assert sorted(found.files) == ["inputs", "mean:0"] + ["score:0/{}".format(i) for i in range(5)]
        assert found["mean:0"].shape == (5,) and found["score:0/2"].tolist() == [[3, 3, 3]] * 9
        np.testing.assert_array_equal(found["score:0/4"], PICTURES[4].max(2))
    (told,) = [r.getMessage() for r in log_records if r.levelname == "WARNING" and "shape" in r.getMessage()]
    assert "score:0 of 2.png has the shape (9, 3), and that of 0.png (6, 4)" in told


@pytest.mark.parametrize("output", ["out.jsonl", "out.npz"])
def test_what_was_predicted_before_an_error_is_kept_beside_the_old_output(masks, files, log_records, output):
    (files / "3.png").write_text("no image")
    (files / output).write_text("old")
    assert predict(masks, "--input", "*.png", "--output", output, "--batch", "2") == 1
    assert (files / output).read_text() == "old"
    assert any("after 2 examples, whose results are in {}".format(output.replace(".", ".partial.")) in r.getMessage()
               for r in log_records)
    if output == "out.jsonl":
        assert [line["input"] for line in read_lines("out.partial.jsonl")] == ["0.png", "1.png"]
    else:
        with np.load("out.partial.npz") as found:
            assert found["inputs"].tolist() == ["0.png", "1.png"] and found["score:0"].shape == (2, 6, 4)


@pytest.mark.parametrize("output", ["out.jsonl", "out.npz"])
def test_outputs_have_the_same_names_in_all_formats(tmp_path, files, output):
    config = PredictConfig(tower_func=channel_means, input_signature=[tf.TensorSpec((None, 6, 4, 3), tf.uint8, "image")],
                           output_names=["score"])
    ModelExporter(config).export_serving("saved", verify=False)
    ModelExporter(config).export_compact("frozen.pb", verify=False)
    for path in ("saved", "frozen.pb"):
        assert predict(path, "--input", "0.png", "--output", output) == 0
        names = list(read_lines(output)[0]["outputs"]) if output == "out.jsonl" else sorted(set(np.load(output)) - {"inputs"})
        assert names == ["score:0"]


def test_options_say_how_pixels_become_inputs(tmp_path_factory, files):
    floats = model(tmp_path_factory, (None, 6, 4, 3), tf.float32)
    assert predict(floats, "--input", "0.png", "--output", "out.jsonl", "--rgb", "--divide", "255") == 0
    np.testing.assert_allclose(read_lines("out.jsonl")[0]["outputs"]["score:0"], means()[0, ::-1] / 255, rtol=1e-5)
    assert predict(floats, "--input", "0.png", "--output", "out.jsonl") == 0
    np.testing.assert_allclose(read_lines("out.jsonl")[0]["outputs"]["score:0"], means()[0], rtol=1e-5)


@pytest.mark.parametrize("shape, sizes, arguments", [
    ((None, 3, 2, 3), (3, 2), []), ((None, None, None, 3), (5, 7), ["--size", "5x7"]), ((None, 8, 8), (8, 8), []),
    ((None, 4, 4, 1), (4, 4), []),
], ids=["of-the-model", "as-told", "gray", "gray-with-a-channel"])
def test_images_are_resized(tmp_path_factory, files, shape, sizes, arguments):
    def height_and_width(image):
        tf.tile(tf.shape(image, name="all")[tf.newaxis, 1:3], [tf.shape(image)[0], 1], name="score")

    resizing = model(tmp_path_factory, shape, tf.float32, height_and_width)
    assert predict(resizing, "--input", "0.png", "1.png", "--output", "out.jsonl", *arguments) == 0
    assert [line["outputs"]["score:0"] for line in read_lines("out.jsonl")] == [list(sizes)] * 2


@pytest.mark.parametrize("options", [["--divide", "255"], ["--rgb"], ["--size", "6x4"], ["--shortest-edge", "6"]], ids=" ".join)
def test_options_of_images_are_refused_with_arrays(tmp_path_factory, files, capsys, options):
    whole = model(tmp_path_factory, (None, 6, 4, 3), tf.uint8)
    np.save("images.npy", np.zeros((2, 6, 4, 3), "uint8"))
    assert predict(whole, "--input", "images.npy", "--output", "out.jsonl", *options) == 1
    error = capsys.readouterr().err
    assert options[0] + " must be left out, since what is in images.npy is given to the model as it is" in error


def test_a_resized_image_is_what_the_augmentor_makes_of_it(tmp_path_factory, files):
    resizing = model(tmp_path_factory, (None, 5, 4, 3), tf.uint8)
    picture = np.random.RandomState(0).randint(0, 256, (19, 17, 3)).astype("uint8")
    cv2.imwrite("large.png", picture)
    assert predict(resizing, "--input", "large.png", "--output", "out.jsonl") == 0
    expected = imgaug.Resize((5, 4)).augment(picture).astype("float32").mean((0, 1))
    np.testing.assert_allclose(read_lines("out.jsonl")[0]["outputs"]["score:0"], expected, rtol=1e-5)


@pytest.mark.parametrize("shape, arguments", [((None, 5, 4, 3), []), ((None, None, None, 3), ["--size", "5x4"])],
                         ids=["size-of-the-model", "size-as-told"])
def test_the_middle_is_cut_out_as_augmentors_do(tmp_path_factory, files, shape, arguments):
    cutting = model(tmp_path_factory, shape, tf.uint8)
    pictures = [np.random.RandomState(k).randint(0, 256, (9, 7 + 6 * k, 3)).astype("uint8") for k in range(2)]
    for k, picture in enumerate(pictures):
        cv2.imwrite("wide{}.png".format(k), picture)
    assert predict(cutting, "--input", "wide*.png", "--output", "out.jsonl", "--shortest-edge", "6", *arguments) == 0
    prepare = imgaug.AugmentorList([imgaug.ResizeShortestEdge(6), imgaug.CenterCrop((5, 4))])
    expected = [prepare.augment(picture).astype("float32").mean((0, 1)) for picture in pictures]
    np.testing.assert_allclose([line["outputs"]["score:0"] for line in read_lines("out.jsonl")], expected, rtol=1e-5)


def test_a_shortest_edge_alone_keeps_the_whole_image(tmp_path_factory, files):
    def height_and_width(image):
        tf.tile(tf.shape(image)[tf.newaxis, 1:3], [tf.shape(image)[0], 1], name="score")

    sizes = model(tmp_path_factory, (None, None, None, 3), tf.uint8, height_and_width)
    assert predict(sizes, "--input", "0.png", "--output", "out.jsonl", "--shortest-edge", "8") == 0
    assert read_lines("out.jsonl")[0]["outputs"]["score:0"] == [12, 8]


def test_an_edge_that_is_shorter_than_the_cut_is_refused(tmp_path_factory, files, capsys):
    small = model(tmp_path_factory, (None, 6, 4, 3), tf.uint8)
    assert predict(small, "--input", "0.png", "--output", "out.jsonl", "--shortest-edge", "2") == 1
    error = capsys.readouterr().err
    assert "--shortest-edge must not be smaller than the 6x4" in error and "got 2, which makes 0.png 3x2" in error
    assert not os.path.exists("out.jsonl")


@pytest.mark.parametrize("shape, arguments, is_told", [
    ((None, 6, 6, 3), [], True), ((None, 3, 2, 3), [], False), ((None, 4, 3, 3), [], False), ((None, 6, 4, 3), [], False),
    ((None, None, None, 3), ["--size", "4x8"], True), ((None, None, None, 3), [], False),
    ((None, 6, 6, 3), ["--shortest-edge", "6"], False),
], ids=["square", "half", "rounded", "as-it-is", "as-told", "any-size", "cut"])
def test_a_resize_that_distorts_is_told_once(tmp_path_factory, files, log_records, shape, arguments, is_told):
    any_shape = model(tmp_path_factory, shape, tf.uint8)
    assert predict(any_shape, "--input", "*.png", "--output", "out.jsonl", *arguments) == 0
    told = [r.getMessage() for r in log_records if "aspect ratio" in r.getMessage()]
    assert len(told) == is_told and all("0.png" in line and "--shortest-edge" in line for line in told)


def test_a_batch_that_the_file_fixes_is_filled_up(tmp_path_factory, files):
    pairs = model(tmp_path_factory, (2, 6, 4, 3), tf.uint8)
    assert predict(pairs, "--input", "*.png", "--output", "out.npz") == 0
    with np.load("out.npz") as found:
        np.testing.assert_allclose(found["score:0"], means(), rtol=1e-5)


def write(name):
    flow = DataFromList([[picture, 7] for picture in PICTURES], shuffle=False)
    if name == "arrays.npz":
        np.savez(name, image=PICTURES, other=np.zeros(2))
    elif name == "alone.npy":
        np.save(name, PICTURES)
    elif name == "one.npz":
        np.savez(name, PICTURES)
    elif name == "flow.npz":
        NumpySerializer.save(flow, name)
    elif name == "flow.lmdb":
        pytest.importorskip("lmdb")
        LMDBSerializer.save(flow, name)
    else:
        TFRecordSerializer.save(flow, name)


@pytest.mark.parametrize("name", ["arrays.npz", "one.npz", "alone.npy", "flow.npz", "flow.lmdb", "flow.tfrecords"])
def test_other_files_give_examples(colours, files, name):
    write(name)
    assert predict(colours, "--input", name, "--output", "out.npz", "--classes", "classes.txt", "--sheet", "sheet.png") == 0
    with np.load("out.npz") as found:
        assert found["inputs"].tolist() == list("01234") and found["classes"].tolist() == [NAMES[i] for i in means().argmax(1)]
        np.testing.assert_allclose(found["score:0"], means(), rtol=1e-5)
    assert cv2.imread("sheet.png").shape[0] > 200


def test_a_sheet_shows_the_pictures(colours, files):
    cv2.imwrite("large.png", np.full((900, 700, 3), (250, 0, 0), "uint8"))
    assert predict(colours, "--input", "large.png", "0.png", "--output", "out.jsonl", "--sheet", "sheet.png") == 0
    sheet = cv2.imread("sheet.png")
    assert 128 <= sheet.shape[0] <= 300 and (sheet == [250, 0, 0]).all(axis=2).mean() > .2


MISTAKES = [
    (["--input", "nothing*.png"], "error: --input must be files, or a pattern such as"),
    (["--input", "classes.txt"], "error: classes.txt: must be an image that OpenCV can read"),
    (["--input", "table.csv"], "table.csv: must be an image that OpenCV can read, or else --input must be one .npz, .npy, "
                               ".tfrecords or .lmdb file; got something else"),
    (["--input", "."], "or .lmdb file; got a directory"),
    (["--input", "scalar.npy"], "scalar.npy: the arrays must have an element for each example; got a scalar for image"),
    (["--input", "0.png", "bad.npz"], "error: --input must be files of one kind; got arrays and images"),
    (["--input", "bad.npz"], "bad.npz: must have an array for each input of the model, image; got a, b"),
    (["--input", "*.png", "--classes", "two.txt"], "error: --classes must be a file with a line for each class; got 2 lines"),
    (["--input", "*.png", "--engine", "torch"], "engine must be one of"),
    (["--input", "flat.npz", "--sheet", "sheet.png"], "must have the shape"),
]


@pytest.mark.parametrize("arguments, words", MISTAKES, ids=[words[7:40] for _, words in MISTAKES])
def test_a_mistake_is_told_and_the_old_output_stays(colours, files, capsys, arguments, words):
    (files / "out.jsonl").write_text("old")
    (files / "two.txt").write_text("a\nb\n")
    (files / "table.csv").write_text("1,2\n3,4\n")
    np.save("scalar.npy", np.float32(1))
    np.savez("bad.npz", a=np.zeros(3), b=np.zeros(3))
    np.savez("flat.npz", image=np.zeros((3, 4)))
    before = sorted(os.listdir("."))
    assert main([colours, "--output", "out.jsonl", "--engine", "tensorflow", *arguments]) == 1
    assert words in capsys.readouterr().err
    assert (files / "out.jsonl").read_text() == "old" and sorted(os.listdir(".")) == before


@pytest.mark.parametrize("arguments", [["--output", "out.txt"], ["--output", "o.npz", "--batch", "0"],
                                       ["--output", "o.npz", "--size", "ax3"]])
def test_wrong_usage_is_status_2(colours, files, arguments):
    with pytest.raises(SystemExit) as e:
        main([colours, "--input", "0.png", *arguments])
    assert e.value.code == 2
