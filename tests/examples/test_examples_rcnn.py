"""examples/FasterRCNN: its programs with all their options, its settings, its data, and wrong input."""
import json

import numpy as np
import pytest
from example_models import last_statistics
from example_runner import run_example
from rcnn_program import rcnn_program

cv2 = pytest.importorskip("cv2")
pytest.importorskip("pycocotools")
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),  # pycocotools
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow_core.*"),
]


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("photo") / "photo.png")
    cv2.imwrite(path, np.random.RandomState(0).randint(0, 256, (80, 100, 3)).astype("uint8"))
    return path


SETTINGS = {
    "fpn": ["TRAIN.OPTIMIZER=adam"],
    "c4": ["MODE_FPN=False", "MODE_MASK=False", "BACKBONE.NORM=FreezeBN", "RPN.HEAD_DIM=32",
           "DATA.FILTER_EMPTY_ANNOTATIONS=False", "RPN.TRAIN_POST_NMS_TOPK=20", "RPN.TEST_POST_NMS_TOPK=20"],
}


# Numbers of training and of inference with a pyramid and with masks are those of test_examples_rcnn_golden.py.
@pytest.fixture(scope="module", params=[pytest.param("fpn", marks=pytest.mark.slow),
                                        pytest.param("c4", marks=pytest.mark.slow_on(1))])
def trained(request, tmp_path_factory):
    """(the folder of a short training's `log`, the words of its command line)"""
    words = SETTINGS[request.param]
    folder, config = tmp_path_factory.mktemp("trained"), ["--config"] + words
    with pytest.MonkeyPatch.context() as monkeypatch:
        run_example(monkeypatch, folder, "FasterRCNN/train.py", "--fake", "--logdir", "log", *config)
    return folder, config


def test_training(trained):
    last = last_statistics(trained[0] / "log")
    assert last["total_cost"] > 0 and "shapes_val-mAP(bbox)/IoU=0.5:0.95" in last


def test_evaluation(monkeypatch, trained):
    folder, config = trained
    run_example(monkeypatch, folder, "FasterRCNN/predict.py", "--fake", "--load", "log/checkpoint", "--evaluate", "out.json",
                *config)
    with open(str(folder / "out.json-shapes_val")) as f:
        records = json.load(f)
    assert {"image_id", "category_id", "bbox", "score"} <= set(records[0]) and records[0]["category_id"] in (1, 2, 3, 4)


# Group normalization, of many operations, is exported and compared by `compare-exports.py`.
PLAIN = ["BACKBONE.NORM=None", "FPN.NORM=None"]


@pytest.mark.slow_on(1)
def test_prediction_and_export(monkeypatch, tmp_path, photo):
    low = ["--config", "TEST.RESULT_SCORE_THRESH_VIS=0.1"] + PLAIN
    pytest.importorskip("tf2onnx")
    formats = ["m.pb", "m.onnx"]
    run_example(monkeypatch, tmp_path, "FasterRCNN/predict.py", "--fake", "--predict", photo, photo,
                *sum((["--output-" + name.split(".")[1], name] for name in formats), []) + low)
    first = cv2.imread(str(tmp_path / "output.png"))
    assert first.shape == (80, 200, 3) and (tmp_path / "output-2.png").exists()
    for exported in formats:
        run_example(monkeypatch, tmp_path, "FasterRCNN/predict.py", "--fake", "--load", exported, "--predict", photo, *low)
        assert (cv2.imread(str(tmp_path / "output.png")) != first).mean() < 0.01


@pytest.mark.slow
def test_benchmark_and_visualization(monkeypatch, tmp_path):
    config = ["--config"] + PLAIN
    run_example(monkeypatch, tmp_path, "FasterRCNN/predict.py", "--fake", "--benchmark", "--output-serving", "saved", *config)
    assert (tmp_path / "saved" / "saved_model.pb").exists()
    run_example(monkeypatch, tmp_path, "FasterRCNN/predict.py", "--fake", "--visualize", *config)
    assert cv2.imread(str(tmp_path / "output" / "000.png")).shape[0] > 320


def test_shapes_are_drawn_and_their_masks_agree(monkeypatch, tmp_path):
    run_example(monkeypatch, tmp_path, "FasterRCNN/shapes.py", "shapes", "--train", "30", "--val", "2")
    with rcnn_program(classes=["disc", "rectangle", "triangle", "star"]) as program:
        roidbs = program.shapes.ShapesDetection(str(tmp_path / "shapes"), "shapes_train").training_roidbs()
        to_mask = program.common.segmentation_to_mask
        crowds = sum(int(roidb["is_crowd"].sum()) for roidb in roidbs)
        kinds = {type(each) for roidb in roidbs for each in roidb["segmentation"] if each is not None}
        assert crowds > 0 and kinds == {list, dict}
        for box, segmentation in zip(*(sum((list(roidb[key]) for roidb in roidbs), []) for key in ("boxes", "segmentation"))):
            if segmentation is None:
                continue
            rows, columns = np.nonzero(to_mask(segmentation, 160, 200))
            assert abs(box - [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).max() <= 1


@pytest.mark.slow
def test_shapes_are_learned_from_nothing_in_one_command(monkeypatch, tmp_path):
    run_example(monkeypatch, tmp_path, "FasterRCNN/shapes.py", "shapes", "--train", "1000", "--val", "50")
    run_example(monkeypatch, tmp_path, "FasterRCNN/shapes-training.py", "--data", "shapes", "--logdir", "log", "--epochs", "1",
                "--steps", "2400")
    last = last_statistics(tmp_path / "log")
    assert last["shapes_val-mAP(bbox)/IoU=0.5"] > 0.3 and last["shapes_val-mAP(segm)/IoU=0.5"] > 0.3
    assert cv2.imread(str(tmp_path / "log" / "curve.png")).shape == (400, 640, 3)
    assert cv2.imread(str(tmp_path / "log" / "detections.png")).std() > 5


@pytest.mark.slow
def test_all_exports_detect_the_same(monkeypatch, tmp_path, capsys):
    pytest.importorskip("tf2onnx")
    run_example(monkeypatch, tmp_path, "FasterRCNN/compare-exports.py", "--fake")
    assert "same, in the same order" in capsys.readouterr().out


@pytest.mark.parametrize("args", [
    ["--load", "x", "--evaluate", "out.txt"], ["--load", "x"], ["--predict", "x.png"],
    ["--fake", "--visualize", "--benchmark"]])
def test_options_that_do_not_go_together(monkeypatch, tmp_path, args):
    with pytest.raises(AssertionError, match="ended with 2"):
        run_example(monkeypatch, tmp_path, "FasterRCNN/predict.py", *args)


@pytest.mark.parametrize("word, error, text", [
    ("MODE_MAKS=True", AttributeError, "MODE_MASK"),
    ("RPN.BATCH_PER_IMG=3", AttributeError, "RPN.BATCH_PER_IM"),
    ("TRAIN.NUM_CATEGORY=3", AttributeError, "DATA.NUM_CATEGORY"),
    ("RPN=3", ValueError, "group of settings"),
    ("RPN.BATCH_PER_IM", ValueError, "KEY=VALUE"),
    ("RPN.BATCH_PER_IM=many", ValueError, "many is no value"),
    ("RPN.BATCH_PER_IM=1.5", TypeError, "whole number"),
    ("MODE_MASK=1", TypeError, "True or False"),
    ("TRAIN.BASE_LR='a'", TypeError, "a number"),
    ("RPN.ANCHOR_SIZES=('a',)", TypeError, "list or tuple"),
    ("MODE_MASK=__import__('os').getcwd()", ValueError, "must be written like"),
])
def test_wrong_settings(word, error, text):
    with rcnn_program(finalize=False) as program:
        with pytest.raises(error, match=text):
            program.config.config.update_args([word])


@pytest.mark.parametrize("word, key, value", [
    ("TRAIN.BASE_LR=0.02/8", ("TRAIN", "BASE_LR"), 0.0025),
    ("DATA.VAL=coco_val2017", ("DATA", "VAL"), "coco_val2017"),
    ("DATA.VAL=('a','b')", ("DATA", "VAL"), ("a", "b")),
    ("PREPROC.TRAIN_SHORT_EDGE_SIZE=640", ("PREPROC", "TRAIN_SHORT_EDGE_SIZE"), 640),
    ("TRAIN.NUM_GPUS=4", ("TRAIN", "NUM_GPUS"), 4), ("MODE_MASK=false", (None, "MODE_MASK"), False),
    ("RPN.BATCH_PER_IM=10**3", ("RPN", "BATCH_PER_IM"), 1000),
])
def test_right_settings(word, key, value):
    with rcnn_program(finalize=False) as program:
        config = program.config.config
        config.update_args([word])
        assert getattr(getattr(config, key[0]) if key[0] else config, key[1]) == value


@pytest.mark.parametrize("word, text", [
    ("BACKBONE.NORM=BN", "BACKBONE.NORM must be one of"), ("BACKBONE.FREEZE_AT=3", "FREEZE_AT"),
    ("FPN.FRCNN_HEAD_FUNC=head", "fastrcnn_2fc_head"), ("RPN.ANCHOR_SIZES=(32,64)", "ANCHOR_STRIDES"),
    ("TRAIN.OPTIMIZER=sgd", "TRAIN.OPTIMIZER must be one of"), ("TRAIN.BATCH_SIZE=0", "TRAIN.BATCH_SIZE must be positive"),
    ("BACKBONE.CHANNELS=[64,128]", "BACKBONE.CHANNELS must have four"), ("TRAIN.NUM_GPUS=3", "NUM_GPUS"),
    ("TRAIN.LR_SCHEDULE=[5,3]", "LR_SCHEDULE"), ("TRAINER=all", "TRAINER")])
def test_settings_that_do_not_go_together(word, text):
    with pytest.raises(ValueError, match=text):
        with rcnn_program([word], is_training=True):
            pass


def test_schedule():
    with rcnn_program(["TRAIN.LR_SCHEDULE=1x"], is_training=True) as program:
        train, schedule = program.config.config.TRAIN, program.schedule
        assert train.LR_SCHEDULE == [120000, 160000, 180000]
        assert schedule.warmup_schedule(train) == [(0, 1e-5), (1000, 1e-2)]
        epochs, rates = zip(*schedule.learning_rate_schedule(train))
        assert epochs == (2, 1920, 2560) and np.allclose(rates, [1e-2, 1e-3, 1e-4])
        assert schedule.last_epoch(train) == 2880
        train.LR_SCHEDULE = [10]
        with pytest.raises(ValueError, match="0 epochs"):
            schedule.last_epoch(train)
        train.BATCH_SIZE, train.LR_SCHEDULE = 2, [750, 1000]
        assert schedule.learning_rate_schedule(train)[1:] == [(3, pytest.approx(1e-3))] and schedule.last_epoch(train) == 4


def write_coco(folder, annotations, size=(40, 50)):
    (folder / "annotations").mkdir()
    (folder / "shapes_train").mkdir()
    cv2.imwrite(str(folder / "shapes_train" / "1.png"), np.full(size + (3,), 100, dtype="uint8"))
    annotations = [dict({"id": k, "image_id": 1, "iscrowd": 0, "category_id": 1, "area": 50}, **each)
                   for k, each in enumerate(annotations, 1)]
    content = {"info": {}, "images": [{"id": 1, "file_name": "1.png", "height": size[0], "width": size[1]}],
               "annotations": annotations, "categories": [{"id": 1, "name": "disc"}]}
    (folder / "annotations" / "instances_shapes_train.json").write_text(json.dumps(content))


SQUARE = [[10, 10, 20, 10, 20, 20, 10, 20]]
GOOD = {"bbox": [10, 10, 10, 10], "segmentation": SQUARE}


@pytest.mark.parametrize("bad, reason", [
    ({"bbox": [60, 60, 5, 5], "segmentation": SQUARE}, "no area inside"),
    ({"bbox": [10, 10, 0, 5], "segmentation": SQUARE}, "no area inside"),
    ({"bbox": [10, 10, 5, 5], "segmentation": [[1, 2, 3, 4]]}, "no polygon of three points"),
    ({"bbox": [10, 10, 5, 5], "segmentation": SQUARE, "category_id": 7}, "no such category: 7"),
])
def test_bad_annotations_are_left_out_and_counted(tmp_path, log_records, bad, reason):
    write_coco(tmp_path, [GOOD, bad])
    with rcnn_program(["DATA.BASEDIR=" + str(tmp_path)], classes=["disc"]) as program:
        roidbs = program.shapes.ShapesDetection(str(tmp_path), "shapes_train").training_roidbs()
    assert roidbs[0]["boxes"].tolist() == [[10, 10, 20, 20]] and len(roidbs[0]["segmentation"]) == 1
    logged = "\n".join(record.getMessage() for record in log_records)
    assert "1 annotations were left out" in logged and reason in logged


@pytest.mark.parametrize("ids", [(1, 2), (100, 101), (0, 1), (1, 0), (5, 5)], ids=str)
def test_all_found_is_a_precision_of_one_whatever_the_ids_are(tmp_path, ids):
    squares = [[10, 10, 10, 10], [25, 25, 10, 10]]
    outlines = [[[x, y, x + w, y, x + w, y + h, x, y + h]] for x, y, w, h in squares]
    write_coco(tmp_path, [dict(id=k, bbox=square, segmentation=outline) for k, square, outline in zip(ids, squares, outlines)])
    with rcnn_program(classes=["disc"]) as program:
        split = program.shapes.ShapesDetection(str(tmp_path), "shapes_train")
        encode = program["utils.np_box_ops"].mask_api.frPyObjects
        found = [{"image_id": 1, "category_id": 1, "score": .9 - .1 * k, "bbox": [x, y, x + w, y + h],
                  "segmentation": encode(outlines[k], 40, 50)[0]} for k, (x, y, w, h) in enumerate(squares)]
        statistics = split.eval_inference_results(found)
    assert [statistics["mAP({})/IoU=0.5:0.95".format(kind)] for kind in ("bbox", "segm")] == pytest.approx([1, 1])


@pytest.mark.parametrize("annotations", [[], [dict(GOOD, iscrowd=1)]], ids=["none", "crowd"])
def test_a_data_set_without_objects_ends_with_an_error(tmp_path, annotations):
    write_coco(tmp_path, annotations)
    with rcnn_program(["DATA.NUM_WORKERS=0"], classes=["disc"]) as program:
        program.dataset.DatasetRegistry.register(
            "golden", lambda: program.shapes.ShapesDetection(str(tmp_path), "shapes_train"))
        with pytest.raises(ValueError, match="must have annotated objects"):
            program.data.get_train_dataflow()


def test_missing_files_are_named(tmp_path):
    with rcnn_program() as program:
        with pytest.raises(AssertionError, match="folder of images"):
            program.dataset.COCODetection(str(tmp_path), "val2017")
        with pytest.raises(ValueError, match="nothing.png must be an image"):
            program.data.read_image("nothing.png")
        with pytest.raises(AssertionError, match="not registered"):
            program.dataset.DatasetRegistry.get("coco")


def test_masks_are_polygons_rles_or_arrays():
    with rcnn_program() as program:
        to_mask = program.common.segmentation_to_mask
        mask = to_mask([np.array([[2, 2], [12, 2], [12, 8], [2, 8]])], 10, 16)
        rle = program["utils.np_box_ops"].mask_api.encode(np.asfortranarray(mask))
        assert mask.sum() == 60 and (to_mask(rle, 10, 16) == mask).all() and (to_mask(mask, 10, 16) == mask).all()
        with pytest.raises(ValueError, match="three points"):
            to_mask([np.array([[2, 2], [12, 2]])], 10, 16)


def test_balloons_are_read_and_evaluated(tmp_path):
    (tmp_path / "val").mkdir()
    region = {"region_attributes": {}, "shape_attributes": {"all_points_x": [1, 9, 9, 1], "all_points_y": [2, 2, 6, 6]}}
    for regions in ({"0": region}, [region]):
        (tmp_path / "val" / "via_region_data.json").write_text(json.dumps({"a": {"filename": "a.png", "regions": regions}}))
        with rcnn_program() as program:
            balloons = program.dataset.BalloonDataset(str(tmp_path), "val")
            assert balloons.training_roidbs()[0]["boxes"].tolist() == [[1.5, 2.5, 9.5, 6.5]]
            found = [{"image_id": 0, "category_id": 1, "score": 0.9, "bbox": [1.5, 2.5, 9.5, 6.5]}]
            assert balloons.eval_inference_results(found)["mAP(bbox)/IoU=0.5:0.95"] == 1
            assert balloons.eval_inference_results([])["mAP(bbox)/IoU=0.5"] == 0


def test_an_error_of_one_predictor_ends_all():
    with rcnn_program() as program:
        class Flow:
            def __len__(self):
                return 3

            def reset_state(self):
                pass

            def __iter__(self):
                return iter([[np.zeros((20, 20, 3), "uint8"), k] for k in range(3)])

        def fails(image):
            raise OSError("no GPU")

        def works(image):
            return np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=int)

        with pytest.raises(OSError, match="no GPU"):
            program["eval"].multithread_predict_dataflow([Flow(), Flow()], [works, fails])
        assert program["eval"].multithread_predict_dataflow([Flow(), Flow()], [works, works]) == []


def test_drawing_is_of_8_bits_and_cuts_boxes():
    with rcnn_program() as program:
        viz, image = program.viz, np.full((30, 40, 3), 120, dtype="float32")
        mask = np.zeros((30, 40), dtype="uint8")
        mask[5:9] = 1
        results = [program["eval"].DetectionResult(np.array([-5., -5, 60, 60]), 0.9, 1, mask)]
        for draw in (viz.draw_final_outputs, viz.draw_final_outputs_blackwhite):
            for found in (results, []):
                drawn = draw(image, found)
                assert drawn.dtype == np.uint8 and drawn.shape == image.shape
