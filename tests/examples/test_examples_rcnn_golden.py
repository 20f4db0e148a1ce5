"""examples/FasterRCNN against numbers of another implementation: variables, outputs, losses, gradients, data pipeline.

A table of the worst differences is printed with `pytest -s -k table`.
"""
import collections
import importlib.util
import json
import os

import numpy as np
import pytest
from rcnn_program import GOLDEN, rcnn_program
from slow_tests import few_on

from tensorpack import TowerContext
from tensorpack import tfv1 as tf

pytest.importorskip("cv2")
pytest.importorskip("pycocotools")
pytestmark = [
    pytest.mark.skipif(not os.path.isdir(GOLDEN), reason="the numbers are not beside the project (../shared/golden/rcnn)"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),  # pycocotools
]

NAMES = ["c4", "fpn", "cascade_gn"]
PROGRAMS = pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.slow_on(1)] * (name != "fpn")) for name in NAMES])
WORST = collections.OrderedDict()  # (configuration, what) -> (difference, tolerance)


def read_json(*path):
    with open(os.path.join(GOLDEN, *path)) as f:
        return json.load(f)


def read_npz(*path):
    with np.load(os.path.join(GOLDEN, *path)) as z:
        return {name: z[name] for name in z.files}


def weights(variables):
    spec = importlib.util.spec_from_file_location("recipe", os.path.join(GOLDEN, "recipe.py"))
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    return recipe.fill(variables)


def compare(configuration, what, found, expected, tolerance, relative=False):
    """The worst difference, which is also kept for the table."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, (configuration, what)
    difference = abs(found.astype("float64") - expected)
    if relative:
        difference = difference / np.maximum(abs(expected), 1e-6)
    worst = float(difference.max()) if difference.size else 0.
    known = WORST.get((configuration, what), (0., tolerance))
    WORST[configuration, what] = (max(worst, known[0]), tolerance)
    assert worst <= tolerance, (configuration, what, worst)


class Built:
    """A graph of the program with the weights of the recipe."""

    def __init__(self, program, is_training):
        models = program["modeling.generalized_rcnn"]
        self.model = (models.ResNetFPNModel if program.config.config.MODE_FPN else models.ResNetC4Model)()
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.inputs = [tf.placeholder(spec.dtype, spec.shape, spec.name) for spec in self.model.get_input_signature()]
            with TowerContext("", is_training=is_training):
                self.cost = self.model.build_graph(*self.inputs)
            self.variables = {v.op.name: v for v in tf.global_variables() if not v.op.name.startswith("EMA/")}
            self.trainable = {v.op.name: v for v in tf.trainable_variables()}

    def shapes(self):
        return {name: v.shape.as_list() for name, v in self.variables.items()}

    def session(self, values):
        sess = tf.Session(graph=self.graph, config=tf.ConfigProto(intra_op_parallelism_threads=1))
        with self.graph.as_default():
            sess.run(tf.global_variables_initializer())
            feeds = {name: tf.placeholder(tf.float32) for name in values}
            sess.run([tf.assign(self.variables[name], feeds[name], validate_shape=False) for name in values],
                     {feeds[name]: value for name, value in values.items()})
        return sess


@pytest.fixture(autouse=True)
def fresh_collections():
    with tf.Graph().as_default():
        yield


@pytest.mark.slow_on(1)
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.slow] * (name not in ("R50-C4", "R50-FPN-GN-Cascade")))
    for name in sorted(read_json("zoo_variables.json"))] if os.path.isdir(GOLDEN) else [])
def test_variables_are_those_of_published_models(name):
    expected = read_json("zoo_variables.json")[name]
    with rcnn_program(expected["config"], classes=["c{}".format(k) for k in range(80)]) as program:
        assert Built(program, is_training=False).shapes() == expected["variables"]


def nearest_rows(scores, boxes, golden_scores, golden_boxes):
    """For each golden proposal the nearest one of those found, in boxes and scores together."""
    rows, golden = (np.concatenate([s.reshape(len(s), -1), b.reshape(len(b), -1)], axis=1)
                    for s, b in [(scores, boxes), (golden_scores, golden_boxes)])
    return abs(rows[np.newaxis] - golden[:, np.newaxis]).max(axis=2).argmin(axis=1)


@PROGRAMS
def test_inference(name):
    expected, variables = read_npz(name, "inference.npz"), read_json(name, "variables.json")
    with rcnn_program(read_json(name, "config.json")) as program:
        built = Built(program, is_training=False)
        assert built.shapes() == variables["inference"]
        with built.session(weights(variables["inference"])) as sess:
            check_outputs(name, sess, expected)
            check_inner_tensors(name, sess, expected)
            check_predict_image(name, program, built, sess, expected)


def check_outputs(name, sess, expected):
    outputs = ["output/boxes", "output/scores", "output/labels", "output/masks"]
    found = sess.run([each + ":0" for each in outputs], {"image:0": expected["image"]})
    assert found[2].tolist() == expected["output__labels"].tolist()
    for each, values, tolerance in zip(outputs, found, [0.01, 1e-3, 0, 1e-3]):
        compare(name, each, values, expected[each.replace("/", "__")], tolerance)


def check_inner_tensors(name, sess, expected):
    proposals = "generate_rpn_proposals/" if name == "c4" else "generate_fpn_proposals/"
    names = [proposals + "boxes", proposals + "scores", proposals + "probs", "fastrcnn_all_scores",
             "clip_boxes/fastrcnn_all_boxes"]
    features = [key[len("feature__"):-len("__stats")] for key in expected if key.startswith("feature__") and "stats" in key]
    fetched = names + [each.replace("__", "/") for each in features]
    values = dict(zip(fetched, sess.run([each + ":0" for each in fetched], {"image:0": expected["image"]})))
    for each in names[:3]:
        order, golden = np.argsort(-values[names[1]]), expected[each.replace("/", "__")]
        compare(name, each, values[each][order], golden[np.argsort(-expected[names[1].replace("/", "__")])],
                0.01 if "boxes" in each else 1e-3)
    golden = [expected["fastrcnn_all_scores"], expected["fastrcnn_all_boxes"]]
    order = nearest_rows(values[names[3]], values[names[4]], *golden)
    for each, all_expected, tolerance in zip(names[3:], golden, [1e-3, 0.01]):
        compare(name, each, values[each][order], all_expected, tolerance)
    for each in features:
        value = np.transpose(values[each.replace("__", "/")], [0, 3, 1, 2]).astype("float64")
        assert value.shape == tuple(expected["feature__{}__shape".format(each)])
        compare(name, "features, statistics", [value.mean(), value.std(), abs(value).max()],
                expected["feature__{}__stats".format(each)], 1e-3, relative=True)
        compare(name, "features", value[0, :8, :6, :6], expected["feature__{}__corner".format(each)], 1e-3)
    check_rpn(name, sess, expected)


def check_rpn(name, sess, expected):
    suffixes = [""] if name == "c4" else ["_lvl{}".format(k) for k in range(2, 7)]
    for number, suffix in enumerate(suffixes):
        scope = "rpn/" if number == 0 else "rpn_{}/".format(number)
        labels, boxes = sess.run([scope + "label_logits:0", scope + "box_logits:0"], {"image:0": expected["image"]})
        compare(name, "rpn_label_logits", labels, expected["rpn_label_logits" + suffix], 1e-3)
        compare(name, "rpn_box_logits", boxes[:4, :4], expected["rpn_box_logits{}__corner".format(suffix)], 1e-3)
        scope = "cut_anchors_lvl{}/".format(number + 2) if suffix else ""
        anchors = sess.run(scope + "all_anchors:0")
        golden = expected["anchors" + suffix]
        compare(name, "anchors", anchors[:golden.shape[0], :golden.shape[1]], golden, 1e-4)


def check_predict_image(name, program, built, sess, expected):
    import cv2

    outputs = [each + ":0" for each in built.model.get_inference_tensor_names()[1]]
    image = cv2.imread(os.path.join(GOLDEN, "image_small.png"))
    found = program["eval"].predict_image(image, lambda resized: sess.run(outputs, {"image:0": resized}))
    assert [each.class_id for each in found] == expected["predict_image__labels"].tolist()
    boxes = np.stack([each.box for each in found])
    compare(name, "predict_image, boxes", boxes, expected["predict_image__boxes"], 0.01)
    compare(name, "predict_image, scores", [each.score for each in found], expected["predict_image__scores"], 1e-3)
    masks = np.unpackbits(expected["predict_image__masks_packed"], axis=1)[:, :150 * 196].reshape(-1, 150, 196)
    wrong = (np.stack([each.mask for each in found]) != masks).sum(axis=(1, 2))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    compare(name, "pasted masks, part of the box", wrong / areas, np.zeros(len(areas)), 0.005)


TRAINING = """
import json, sys
sys.path[:0] = {path!r}
import test_examples_rcnn_golden as golden
golden.check_training({name!r})
print(json.dumps(list(golden.WORST.items())))
"""


@PROGRAMS
def test_training(name, run_program, tmp_path):
    """With several threads in an operation the gradient of crop_and_resize loses updates; the first session of a process, which
    is in one of its own, tells their number for all."""
    tests = os.path.dirname(os.path.abspath(__file__))
    code = TRAINING.format(path=[tests, os.path.dirname(tests)], name=name)
    status, output = run_program("-c", code, folder=tmp_path, timeout=300)
    assert status == 0, output[-5000:]
    WORST.update((tuple(key), tuple(value)) for key, value in json.loads(output.strip().splitlines()[-1]))


def check_training(name):
    expected, variables = read_json(name, "train_expected.json"), read_json(name, "variables.json")
    batch = read_npz(name, "train_batch.npz")
    with rcnn_program(read_json(name, "config.json"), is_training=True) as program:
        built = Built(program, is_training=True)
        assert built.shapes() == variables["training"]
        assert sorted(built.trainable) == sorted(variables["trainable"])
        losses, norms = sorted(expected["losses"]), sorted(expected["gradient_norms"])
        sampled = ["sampled_proposal_boxes", "sampled_labels"]
        with built.graph.as_default():
            gradients = tf.gradients(built.cost, [built.trainable[each] for each in norms])
            fetched = [[each + ":0" for each in losses], [tf.norm(gradient) for gradient in gradients],
                       ["sample_fast_rcnn_targets/{}:0".format(each) for each in sampled], "sampled_fg_mask_targets:0"]
        with built.session(weights(variables["training"])) as sess:
            found, found_norms, (boxes, labels), targets = sess.run(
                fetched, {x: batch[x.op.name] for x in built.inputs})
    compare(name, "losses and summaries, relative", found, [expected["losses"][each] for each in losses], 1e-4, relative=True)
    compare(name, "gradient norms, relative", found_norms, [expected["gradient_norms"][each] for each in norms], 1e-2,
            relative=True)
    order = np.lexsort(boxes.T)
    compare(name, "sampled boxes", boxes[order], batch["sampled_boxes_sorted"], 0.01)
    assert labels[order].tolist() == batch["sampled_labels_sorted"].tolist()
    compare(name, "mask targets, means", sorted(targets.mean(axis=(1, 2))), batch["mask_targets_mean_sorted"], 1e-4)


@pytest.mark.parametrize("name", few_on(1, sorted(read_json("variants.json")), 3) if os.path.isdir(GOLDEN) else [])
def test_variants(name):
    variant, image = read_json("variants.json")[name], read_npz("fpn", "inference.npz")["image"]
    expected = {key[len(name) + 2:]: value for key, value in read_npz("variants.npz").items() if key.startswith(name + "__")}
    with rcnn_program(variant["config"]) as program:
        built = Built(program, is_training=False)
        assert built.shapes() == variant["variables"]
        outputs = [each for each in ("output/boxes", "output/scores", "output/labels") if each.replace("/", "__") in expected]
        features = [key[len("feature__"):-len("__stats")].replace("__", "/") for key in expected if key.endswith("__stats")]
        with built.session(weights(variant["variables"])) as sess:
            values = sess.run([each + ":0" for each in outputs + features], {"image:0": image})
            masks = sess.run("output/masks:0", {"image:0": image}) if "masks_mean" in expected else None
    for each, value, tolerance in zip(outputs, values, [0.01, 1e-3, 0]):
        compare(name, each, value, expected[each.replace("/", "__")], tolerance)
    for each, value in zip(features, values[len(outputs):]):
        value = value.astype("float64")
        compare(name, "features, statistics", [value.mean(), value.std(), abs(value).max()],
                expected["feature__{}__stats".format(each.replace("/", "__"))], 1e-3, relative=True)
    if masks is not None:
        compare(name, "output/masks, means", masks.mean(axis=(1, 2)), expected["masks_mean"], 1e-3)


@pytest.mark.parametrize("case, config, flip", [
    ("plain_fpn", "fpn", False), ("flip_fpn", "fpn", True), ("flip_c4", "c4", True)])
def test_pipeline(case, config, flip):
    golden = read_npz("pipeline.npz")
    roidb = {key: golden["roidb__" + key] for key in ("boxes", "class", "is_crowd")}
    roidb["segmentation"] = [[golden["roidb__polygon{}".format(k)]] for k in range(6)] + [None]
    roidb["file_name"] = os.path.join(GOLDEN, "image_train.png")
    short = 140 if flip else 200
    words = read_json(config, "config.json") + ["RPN.BATCH_PER_IM=10**6",
                                                "PREPROC.TRAIN_SHORT_EDGE_SIZE=[{0},{0}]".format(short)]
    with rcnn_program(words) as program:
        preprocess = program.data.TrainingInputs(program.config.config)
        preprocess.augmentor.augmentors[1].prob = float(flip)
        found = preprocess(roidb)
    for key in [key for key in golden if key.startswith(case + "__") and "image" not in key]:
        compare(case, "labels, boxes and masks", found[key[len(case) + 2:]], golden[key], 1e-4)
    assert found["image"].shape == tuple(golden[case + "__image_shape"])
    compare(case, "image", found["image"][:12, :12], golden[case + "__image_corner"], 1e-4)
    image = found["image"].astype("float64")
    compare(case, "image, statistics", [image.mean(), image.std(), abs(image).max()], golden[case + "__image_stats"], 1e-4)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_single_operations(data_format):
    golden = {key: value for key, value in read_npz("ops.npz").items()}
    with rcnn_program(read_json("fpn", "config.json") + ["DATA_FORMAT=" + data_format]) as program:
        box, fpn, anchors = program["modeling.model_box"], program["modeling.model_fpn"], program.anchors
        assert program.config.config.PREPROC.MAX_SIZE == 320
        channels_last = golden["featuremap"].transpose(0, 2, 3, 1)
        features, boxes = tf.constant(channels_last), tf.constant(golden["boxes"])
        index = tf.zeros([6], tf.int32)
        in_layout = tf.constant(golden["featuremap"] if data_format == "channels_first" else channels_last)
        tensors = {
            "roi_align_7": program["modeling.layout"].to_channels_first(box.roi_align(in_layout, boxes, 7)),
            "crop_pad_6": tf.transpose(box.crop_and_resize(features, boxes, index, 6), [0, 3, 1, 2]),
            "crop_nopad_6": tf.transpose(box.crop_and_resize(features, boxes, index, 6, pad_border=False), [0, 3, 1, 2]),
            "encoded": box.encode_bbox_target(tf.constant(golden["gt"]), tf.constant(golden["anchors"])),
            "decoded": box.decode_bbox_target(tf.constant(golden["logits"]), tf.constant(golden["anchors"])),
        }
        tensors["clipped"] = box.clip_boxes(tf.constant(golden["anchors"]), [40, 60])
        with TowerContext("", is_training=False):
            levels = fpn.fpn_map_rois_to_levels(tf.constant(golden["level_boxes"]))
        with tf.Session() as sess:
            found, found_levels = sess.run([tensors, levels])
        found["anchors_16"] = anchors.anchors_of_level(16, (32, 64), (0.5, 1., 2.), 50)
    for key, value in found.items():
        compare("operations", key, value, golden[key], 1e-4)
    for level, places in enumerate(found_levels, 2):
        assert np.flatnonzero(golden["levels"] == level).tolist() == sorted(places.tolist())


def test_pasted_masks():
    golden = read_npz("paste.npz")
    shape = tuple(golden["shape"])
    with rcnn_program() as program:
        paste = program.paste
        for key, function in [("accurate", paste.paste_accurate), ("fast", paste.paste_fast)]:
            found = np.stack([function(box, mask, shape) for box, mask in zip(golden["boxes"], golden["masks"])])
            expected = np.unpackbits(golden[key], axis=1)[:, :shape[0] * shape[1]].reshape(found.shape)
            areas = (golden["boxes"][:, 2:] - golden["boxes"][:, :2]).prod(axis=1)
            wrong = (found != expected).sum(axis=(1, 2)) / np.maximum(areas, 1)
            compare("paste", key + ", part of the box", wrong, np.zeros(6), 0.005)


def test_table_of_worst_differences():
    """Comes last, and shows what those before have found."""
    for (configuration, what), (worst, tolerance) in WORST.items():
        print("{:22} {:38} {:10.2e}   of {:g}".format(configuration, what, worst, tolerance))
