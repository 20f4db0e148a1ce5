"""The example OpticalFlow: the original's numbers, operations against plain NumPy, files, and the command."""
import json
import os
import re
import runpy

import numpy as np
import pytest
from example_models import example_globals
from example_runner import run_example

from tensorpack import OfflinePredictor, PredictConfig, SmartInit
from tensorpack import tfv1 as tf

cv2 = pytest.importorskip("cv2")

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "golden", "flow")
MODELS = {"flownet2-s": "FlowNet2S", "flownet2-c": "FlowNet2C", "flownet2": "FlowNet2"}


@pytest.fixture(scope="module")
def golden():
    with np.load(os.path.join(GOLDEN, "golden.npz")) as f:
        return dict(f)


@pytest.fixture(scope="module")
def variables():
    with open(os.path.join(GOLDEN, "variables.json")) as f:
        return json.load(f)


@pytest.fixture
def example(monkeypatch):
    names = {}
    for script in ("flow_ops.py", "flownet_models.py", "flow_data.py", "flownet2.py"):
        names.update(example_globals(monkeypatch, "OpticalFlow/" + script))
    return names


def weights(shapes):
    return runpy.run_path(os.path.join(GOLDEN, "recipe.py"))["fill"](shapes)


def evaluate(build, *arrays):
    with tf.Graph().as_default(), tf.Session() as sess:
        return sess.run(build(*[tf.constant(array) for array in arrays]))


def last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


@pytest.mark.parametrize("result, build", [
    ("ops_resample_x_by_flow", lambda ops, x, y, flow: ops["warp"](x, flow)),
    ("ops_correlation_d4_s2", lambda ops, x, y, flow: ops["correlation"](x, y, 4, 2)),
    ("ops_resize_bilinear", lambda ops, x, y, flow: ops["resize_bilinear"](flow)),
    ("ops_resize_nearest", lambda ops, x, y, flow: ops["resize_nearest"](flow)),
    ("ops_channel_norm", lambda ops, x, y, flow: ops["channel_norm"](x)),
])
def test_operations_give_the_numbers_of_the_original(example, golden, result, build):
    got = evaluate(lambda *tensors: build(example, *tensors), *[last(golden["ops_" + name]) for name in ("x", "y", "flow")])
    np.testing.assert_allclose(got, last(golden[result]), atol=1e-5, rtol=0)


# The largest one is made of the parts of the others.
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.slow] if name == "flownet2" else []) for name in sorted(MODELS)])
def test_networks_give_the_numbers_of_the_original(example, golden, variables, name):
    left, right = (golden[side].transpose(2, 0, 1)[np.newaxis].astype("float32") for side in ("left", "right"))
    truth = np.tile(np.array([-3, -2], "float32").reshape(1, 2, 1, 1), (1, 1) + left.shape[2:])
    config = PredictConfig(model=example[MODELS[name]](*left.shape[2:]), session_init=SmartInit(weights(variables[name])),
                           input_names=["left", "right", "gt_flow"], output_names=["prediction", "epe"])
    with OfflinePredictor(config) as predict:
        found = {v.op.name: v.shape.as_list() for v in predict.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)}
        prediction, error = predict(left, right, truth)
    assert found == variables[name]
    np.testing.assert_allclose(prediction, golden[name + "_prediction"], atol=1e-3, rtol=0)
    np.testing.assert_allclose(error, golden[name + "_epe"], atol=1e-3, rtol=0)


def correlation_by_loops(a, b, max_displacement, step):
    _, height, width, channels = a.shape
    padded = np.pad(b[0], [[max_displacement] * 2, [max_displacement] * 2, [0, 0]], mode="constant")
    offsets = range(0, 2 * max_displacement + 1, step)
    return np.stack([(a[0] * padded[dy:dy + height, dx:dx + width]).mean(axis=2) for dy in offsets for dx in offsets], axis=2)


@pytest.mark.parametrize("height, width, max_displacement, step", [(8, 16, 20, 2), (3, 5, 4, 2), (1, 1, 2, 1), (4, 7, 6, 3)])
def test_correlation_is_that_of_plain_loops(example, height, width, max_displacement, step):
    a, b = np.random.RandomState(0).randn(2, 1, height, width, 6).astype("float32")
    got = evaluate(lambda a, b: example["correlation"](a, b, max_displacement, step), a, b)
    np.testing.assert_allclose(got[0], correlation_by_loops(a, b, max_displacement, step), atol=1e-5)


def test_warping_goes_on_at_the_border_and_beyond_all_integers(example):
    rng = np.random.RandomState(0)
    image = rng.rand(1, 5, 7, 3).astype("float32")
    flow = rng.uniform(-9, 9, size=(1, 5, 7, 2)).astype("float32")
    flow[0, 0, :3] = [[1e12, 0], [-1e12, 1e12], [0, -1e12]]
    got = evaluate(example["warp"], image, flow)[0]
    for y in range(5):
        for x in range(7):
            x0, y0 = (np.float32(each) for each in (x + flow[0, y, x, 0], y + flow[0, y, x, 1]))
            columns, rows = (np.clip([np.floor(each), np.floor(each) + 1], 0, size - 1).astype(int)
                             for each, size in ((x0, 7), (y0, 5)))
            fx, fy = x0 - np.floor(x0), y0 - np.floor(y0)
            expected = np.einsum("yxc,y,x->c", image[0][rows][:, columns], [1 - fy, fy], [1 - fx, fx])
            np.testing.assert_allclose(got[y, x], expected, atol=1e-4)


@pytest.mark.parametrize("height, width", [(100, 128), (64, 0), (-64, 64)])
def test_a_model_of_another_size_than_multiples_of_64_is_refused(example, height, width):
    with pytest.raises(ValueError, match="multiples of 64"):
        example["FlowNet2S"](height, width)


def test_flow_files_are_read_as_they_were_written(example, tmp_path):
    flow = np.random.RandomState(0).randn(3, 5, 2).astype("float32")
    path = str(tmp_path / "a.flo")
    example["Flow"].write(path, flow)
    np.testing.assert_array_equal(example["Flow"].read(path), flow)
    with open(path, "rb") as f:
        content = f.read()
    assert content[:12] == np.array(202021.25, "<f4").tobytes() + np.array([5, 3], "<i4").tobytes()
    assert os.listdir(str(tmp_path)) == ["a.flo"]


@pytest.mark.parametrize("damage", [
    lambda content: content[:-4], lambda content: content + b"\0", lambda content: b"PIEG" + content[4:],
    lambda content: content[:4] + np.array([-5, -3], "<i4").tobytes() + content[12:], lambda content: content[:7],
    lambda content: b""])
def test_damaged_flow_files_are_errors(example, tmp_path, damage):
    path = tmp_path / "a.flo"
    example["Flow"].write(str(path), np.zeros((3, 5, 2)))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="a.flo"):
        example["Flow"].read(str(path))


def test_colours_of_the_wheel(example):
    flow = example["Flow"]()
    assert flow.wheel.shape == (55, 3) and len({tuple(colour) for colour in flow.wheel}) == 55
    directions = {(1, 0): (1, 0, 0), (0, 0): (1, 1, 1)}  # right is red, rest is white
    got = flow.visualize(np.array([list(directions)], "float32"))
    np.testing.assert_allclose(got[0, :, ::-1], list(directions.values()), atol=1e-6)
    slow = flow.visualize(np.full((1, 1, 2), 0.1))  # below one pixel speeds are not scaled up
    assert slow.min() > 0.85
    turned = flow.visualize(np.array([[[np.cos(a), np.sin(a)] for a in np.linspace(-3.14, 3.14, 200)]]))
    assert np.abs(np.diff(turned[0], axis=0)).max() < 0.3  # no jump but at the seam, and none there
    with pytest.raises(ValueError, match=r"\[H, W, 2\]"):
        flow.visualize(np.zeros((2, 3)))


@pytest.fixture(scope="module")
def small_weights(variables, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("weights") / "flownet2-s.npz")
    np.savez(path, **weights(variables["flownet2-s"]))
    return path


def images(folder, count, size=(70, 140)):
    rng = np.random.RandomState(0)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [str(folder / "frame_{:04d}.png".format(k + 1)) for k in range(count)]
    for path in paths:
        cv2.imwrite(path, cv2.resize(rng.randint(0, 256, (8, 8, 3)).astype("uint8"), size[::-1]))
    return paths


def run(monkeypatch, folder, *args):
    return run_example(monkeypatch, folder, "OpticalFlow/flownet2.py", "--model", "flownet2-s", *args)


def test_the_command_draws_each_pair_and_writes_flows(monkeypatch, tmp_path, small_weights, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    paths = images(tmp_path / "in", 3)
    script = run(monkeypatch, tmp_path, "--load", small_weights, "--images", *(paths + ["--flo"]))
    for k in range(2):
        picture = cv2.imread(str(tmp_path / "flow_output{:03d}.png".format(k)))
        assert picture.shape[0] > 2 * 64 and picture.shape[1] > 2 * 128
        np.testing.assert_array_equal(picture[:64, :128], script["crop"](cv2.imread(paths[k]), 64, 128))
        assert script["Flow"].read(str(tmp_path / "flow_output{:03d}.flo".format(k))).shape == (64, 128, 2)
    assert not (tmp_path / "flow_output002.png").exists()
    assert "flow_output001.png" in capsys.readouterr().out


def test_the_true_flow_is_cut_and_shown_beside(monkeypatch, tmp_path, small_weights, example):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    paths = images(tmp_path / "in", 2)
    truth = np.zeros((70, 140, 2), "float32")
    truth[..., 0] = 5
    example["Flow"].write(str(tmp_path / "gt.flo"), truth)
    run(monkeypatch, tmp_path, "--load", small_weights, "--images", *(paths + ["--gt", str(tmp_path / "gt.flo")]))
    picture = cv2.imread(str(tmp_path / "flow_output000.png"))
    np.testing.assert_array_equal(picture[-64:, -128:].reshape(-1, 3), np.tile([0, 0, 255], (64 * 128, 1)))


def sintel(folder, example, numbers=(2, 10, 1)):
    for scene in ("alley", "market"):
        images(folder / "clean" / scene, 11)
        (folder / "flow" / scene).mkdir(parents=True)
        for number in numbers:
            example["Flow"].write(str(folder / "flow" / scene / "frame_{:04d}.flo".format(number)), np.zeros((70, 140, 2)))


def test_sintel_is_evaluated_in_order(monkeypatch, tmp_path, small_weights, example, capsys):
    sintel(tmp_path / "training", example)
    frames = example["sintel_frames"](str(tmp_path / "training"))
    assert [[os.path.basename(path) for path in frame] for frame in frames[:3]] == [
        ["frame_{:04d}.png".format(k), "frame_{:04d}.png".format(k + 1), "frame_{:04d}.flo".format(k)] for k in (1, 2, 10)]
    run(monkeypatch, tmp_path, "--load", small_weights, "--sintel_path", str(tmp_path / "training"))
    printed = capsys.readouterr().out.strip().split("\n")[-1]
    assert printed.startswith("average endpoint error (AEE): ") and float(printed.split(": ")[1]) > 0


@pytest.mark.parametrize("break_it, told", [
    (lambda paths: ["--images", paths[0]], "two or more"),
    (lambda paths: [], "two or more"),
    (lambda paths: ["--images", paths[0], "missing.png"], "missing.png.*no such file"),
    (lambda paths: ["--images", paths[0], __file__], "OpenCV cannot read it"),
    (lambda paths: ["--images", paths[0], paths[2]], "must be as large as"),
    (lambda paths: ["--images", paths[2], paths[2]], "at least 64x64"),
    (lambda paths: ["--images", paths[0], paths[1], "--gt", paths[0]], "must be a .flo file"),
    (lambda paths: ["--sintel_path", os.path.dirname(paths[0])], "flow/<scene>"),
])
def test_wrong_input_is_told(monkeypatch, tmp_path, small_weights, capsys, break_it, told):
    paths = images(tmp_path / "in", 2) + images(tmp_path / "small", 1, (40, 90))
    with pytest.raises((ValueError, AssertionError)) as raised:
        run(monkeypatch, tmp_path, "--load", small_weights, *break_it(paths))

    assert re.search(told, str(raised.value) + capsys.readouterr().err, re.S)


def test_a_missing_image_of_sintel_is_named(example, tmp_path):
    sintel(tmp_path, example, [11])
    with pytest.raises(ValueError, match="frame_0012.png"):
        example["sintel_frames"](str(tmp_path))
