"""`look`: what components are taken for, what is drawn, what is told; and what a notebook shows of a flow itself."""
import re
import subprocess
import sys

import numpy as np
import pytest

from tensorpack.dataflow import BatchData, DataFlow, DataFromGenerator, DataFromList, MapData, dataset, look
from tensorpack.dataflow._look.roles import batch_size, components_of, examples_of, roles_of
from tensorpack.dataflow.base import Division

BLUE, GREEN, RED = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def flat(color=(10, 20, 30), height=128, width=160, dtype="uint8"):
    return np.full((height, width, len(color)), color, dtype)


def zeros(*shape, dtype="uint8"):
    return np.zeros(shape, dtype)


def flow_of(*datapoints):
    return DataFromList(list(datapoints), shuffle=False)


def rows_of(seen):
    """{component: (type, shape, range, shown as)} of the text."""
    lines = str(seen).split("\n\n")[2].splitlines()
    starts = [match.start() for match in re.finditer(r"-+", lines[1])] + [None]
    cells = [[line[a:b].strip() for a, b in zip(starts, starts[1:])] for line in lines[2:]]
    return {row[0]: tuple(row[1:]) for row in cells}


ROLES = {
    "label": ([flat(), 3], {0: "image", 1: "label"}),
    "first of two numbers": ([7, flat(), np.int64(3)], {0: "label", 1: "image"}),
    "array of one number": ([flat(), np.array(3)], {0: "image", 1: "label"}),
    "dict": ({"x": flat(), "y": 2, "file": "a.jpg"}, {"x": "image", "y": "label"}),
    "gray": ([zeros(9, 8), zeros(9, 8)], {0: "image", 1: "mask"}),
    "colour after gray": ([zeros(9, 8), zeros(9, 8, 3)], {0: "mask", 1: "image"}),
    "gray of another size": ([zeros(9, 8, 3), zeros(8, 8)], {0: "image", 1: "image"}),
    "depth": ([zeros(9, 8, 3), zeros(9, 8, dtype="float32")], {0: "image", 1: "image"}),
    "two images": ([zeros(9, 8, 3), zeros(9, 8, 1)], {0: "image", 1: "image"}),
    "four channels": ([zeros(9, 8, 4)], {0: "image"}),
    "boxes": ([flat(), zeros(2, 4, dtype="float32"), np.array([1, 2])], {0: "image", 1: "boxes", 2: "classes"}),
    "many boxes": ([flat(), zeros(20, 4, dtype="float32")], {0: "image", 1: "boxes"}),
    "no boxes": ([flat(), zeros(0, 4, dtype="float32"), zeros(0, dtype="int64")], {0: "image", 1: "boxes", 2: "classes"}),
    "vector of another length": ([flat(), zeros(2, 4, dtype="float32"), np.array([1, 2, 3])], {0: "image", 1: "boxes"}),
    "masks": ([flat(), zeros(5, 128, 160, dtype="bool")], {0: "image", 1: "mask"}),
    "map of classes": ([flat(), zeros(128, 160, dtype="int64")], {0: "image", 1: "mask"}),
    "mask of another size": ([flat(), zeros(128, 161, dtype="bool")], {0: "image"}),
    "nothing to draw": ([3, "a", zeros(4), None, True, zeros(9, 8, dtype="int32")], {}),
    "small tables": ([zeros(7, 9), zeros(2, 4, dtype="float32")], {}),
    "bool beside": ([flat(), True], {0: "image"}),
    "an array as datapoint": (flat(), {"": "image"}),
    "other kinds of pixels": ([zeros(9, 8, 3, dtype="uint16"), zeros(3, 9, 8)], {}),
}


@pytest.mark.parametrize("dp, roles", list(ROLES.values()), ids=list(ROLES))
def test_what_components_are_taken_for(dp, roles):
    assert roles_of(components_of(dp)) == roles
    assert batch_size(components_of(dp)) is None


BATCHES = {
    "images": ([zeros(3, 9, 8, 3), np.arange(3)], 3),
    "one image": ([zeros(1, 9, 8, 1)], 1),
    "list": ([[zeros(9, 8, 3), zeros(12, 8, 3)], [4, 5]], 2),
    "gray": ([zeros(20, 9, 8, dtype="float32"), np.arange(20)], 20),
    "gray alone": ([zeros(20, 9, 8)], None),
    "gray with other lengths": ([zeros(20, 9, 8), np.arange(3)], None),
    "gray masks of one image": ([zeros(20, 9, 8), zeros(9, 8)], None),
    "empty": ([zeros(0, 9, 8, 3), zeros(0)], None),
}


@pytest.mark.parametrize("dp, size", list(BATCHES.values()), ids=list(BATCHES))
def test_batches_are_seen_example_by_example(dp, size):
    components = components_of(dp)
    assert batch_size(components) == size
    assert len(examples_of(components)) == (1 if size is None else size)
    if size is not None and len(dp) == 2:
        assert [roles_of(each)[1] for each in examples_of(components)] == ["label"] * size


class TestPictures:
    @pytest.fixture(autouse=True)
    def with_opencv(self):
        pytest.importorskip("cv2")

    def draw(self, *components, **arguments):
        return look(flow_of(list(components)), **arguments).pictures[0]

    @pytest.mark.parametrize("image, rgb, pixel", [
        (flat((10, 20, 30)), False, (10, 20, 30)),
        (flat((10, 20, 30)), True, (30, 20, 10)),
        (flat((0.2, 0.4, 1.), dtype="float32"), False, (51, 102, 255)),
        (flat((20, 40, 60), dtype="float16"), False, (20, 40, 60)),
        (flat((-1., 0., 1.), dtype="float64"), False, (0, 128, 255)),
        (flat((0., 0.5, 1.001), dtype="float32"), False, (0, 128, 255)),
        (flat((0., np.nan, 1.), dtype="float32"), False, (0, 0, 255)),
        (flat((np.inf,) * 3, dtype="float32"), False, (0, 0, 0)),
        (flat((9,)), True, (9, 9, 9)),
        (flat((9,))[:, :, 0], False, (9, 9, 9)),
        (flat((0, 0, 200, 51)), False, (204, 204, 244)),
        (flat((0, 0, 200, 51)), True, (244, 204, 204)),
    ])
    def test_pixels(self, image, rgb, pixel):
        before = image.copy()
        picture = self.draw(image, 3, rgb=rgb)
        assert picture.pixels.dtype == np.uint8 and picture.pixels.shape == (128, 160, 3)
        assert picture.pixels[0, 0].tolist() == picture.pixels[-1, -1].tolist() == list(pixel)
        np.testing.assert_array_equal(image, before)

    @pytest.mark.parametrize("label, classes, caption", [
        (1, None, "1"), (np.int64(1), ["cat", "dog"], "dog"), (2, ["cat", "dog"], "2"), (-1, ["cat", "dog"], "-1"),
        ("x", None, "0")])
    def test_captions(self, label, classes, caption):
        assert self.draw(flat(), label, classes=classes).caption == caption

    def test_boxes_of_a_small_image_are_scaled_with_it_and_those_outside_are_left_out(self):
        boxes = np.array([[2, 4, 6, 8], [100, 100, 120, 120], [6, 6, 2, 2], [np.nan, 0, 1, 1]], "float32")
        seen = look(flow_of([flat(height=16, width=16), boxes]))
        rows, columns = np.nonzero((seen.pictures[0].pixels != (10, 20, 30)).any(axis=2))
        assert (columns.min(), rows.min(), columns.max(), rows.max()) == (16, 32, 48, 64)
        assert rows_of(seen)["1"][3] == "boxes, some not in the image"

    def test_boxes_have_their_classes(self):
        boxes = np.array([[40, 40, 90, 90]], "float32")
        plain = self.draw(flat(), boxes).pixels
        one, named = [self.draw(flat(), boxes, np.array([1]), classes=names).pixels for names in (None, ["a", "somewhat long"])]
        marked = [int((each != plain).any(axis=2).sum()) for each in (one, named)]
        assert 0 < marked[0] < marked[1]

    @pytest.mark.parametrize("value", [1, 255, 3])
    def test_masks_color_where_they_are(self, value):
        mask = zeros(128, 160)
        mask[:64, :80] = value
        pixels = self.draw(flat(), mask).pixels
        changed = (pixels != (10, 20, 30)).any(axis=2)
        assert (changed == (mask != 0)).all() and len(np.unique(pixels[:64, :80].reshape(-1, 3), axis=0)) == 1

    def test_objects_and_values_have_colors_of_their_own(self):
        objects = zeros(2, 128, 160, dtype="bool")
        objects[0, :10], objects[1, 20:30] = True, True
        values = objects[0] + 2 * objects[1].astype("int32")
        for mask in (objects, values):
            pixels = self.draw(flat(), mask).pixels
            assert len(np.unique(pixels.reshape(-1, 3), axis=0)) == 3

    def test_a_batch_gives_a_picture_for_each_example_up_to_count(self):
        ds = BatchData(flow_of(*[[flat((k, k, k)), k] for k in range(6)]), 4, remainder=True)
        seen = look(ds, count=5)
        assert [(picture.caption, picture.pixels[0, 0, 0]) for picture in seen.pictures] == [(str(k), k) for k in range(5)]
        assert seen.datapoints == 2 and rows_of(seen)["0"][3] == "image, batch of 4; image, batch of 2"

    def test_no_more_datapoints_are_read_than_shown(self):
        taken = []
        look(MapData(flow_of(*[[flat(), k] for k in range(9)]), lambda dp: taken.append(dp[1]) or dp), count=3)
        assert taken == [0, 1, 2]

    def test_the_sheet_has_all_pictures_over_their_captions(self, tmp_path):
        import cv2

        look(flow_of([flat(BLUE), 1], [flat(GREEN, 200, 100), 2], [flat(RED), 3])).write_sheet(str(tmp_path / "sheet.png"))
        sheet = cv2.imread(str(tmp_path / "sheet.png"))
        assert {BLUE, GREEN, RED} <= {tuple(color) for color in np.unique(sheet.reshape(-1, 3), axis=0).tolist()}
        assert (sheet == 0).all(axis=2).any()  # ink

    def test_without_images_there_is_no_sheet(self, tmp_path):
        with pytest.raises(ValueError, match=r"a sheet needs an image.*got the components 0 float64 \(3,\)"):
            look(flow_of([np.zeros(3)])).write_sheet(str(tmp_path / "sheet.png"))

    def test_html_has_everything_and_is_escaped(self):
        seen = look(flow_of({"<x>": flat(), "y": 0}), classes=["<b>&"])
        html = seen._repr_html_()
        assert html.count('src="data:image/png;base64,') == 1
        assert "&lt;x&gt;" in html and "<figcaption>&lt;b&gt;&amp;</figcaption>" in html and "DataFromList" in html
        assert "<x>" not in html and "<b>" not in html


class TestText:
    def test_types_shapes_and_ranges(self):
        seen = look(flow_of([zeros(9, 8, 3), 1, "a.jpg", np.array([0.5, np.nan])],
                            [zeros(12, 8, 3), 2., None, np.array([-2.25, 1])]))
        assert rows_of(seen) == {
            "0": ("uint8", "(9-12, 8, 3)", "0 ... 0", "image"),
            "1": ("int or float", "", "1 ... 2", "label"),
            "2": ("str or NoneType", "", "str 'a.jpg'", "text"),
            "3": ("float64", "(2,)", "-2.25 ... 1, 1 not finite", "text")}

    def test_the_time_of_each_flow(self):
        seen = look(MapData(flow_of([1], [2]), list))
        assert [(stage.name, stage.datapoints) for stage in seen.stages] == [("MapData", 2), ("DataFromList", 2)]
        assert str(seen).splitlines()[-2].startswith("MapData  ") and "2 datapoints; looked at 2" in str(seen)

    def test_endless_flows_end(self):
        def endless():
            while True:
                yield [1]

        assert look(DataFromGenerator(endless), count=3).datapoints == 3

    def test_opencv_is_optional(self):
        code = ("import sys; sys.modules['cv2'] = None; import numpy as np; from tensorpack.dataflow import *\n"
                "seen = look(DataFromList([[np.zeros((9, 8)), 1]])); print(seen); assert 'img' not in seen._repr_html_()\n"
                "try: seen.write_sheet('sheet.png')\nexcept ImportError as e: print(e)")
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        out = done.stdout.decode()
        assert done.returncode == 0 and "pictures need OpenCV: pip install" in out and "image in [0, 1]" in out, out
        assert out.splitlines()[-1].endswith("pip install opencv-python-headless"), out


def fail_at_two(dp):
    if dp[0] == 2:
        raise KeyError("gone")
    return dp


class FailsToReset(DataFlow):
    def __iter__(self):
        yield [1]

    def reset_state(self):
        raise OSError("no such disk")


MISTAKES = {
    "empty": (lambda: DataFromGenerator(lambda: iter([])), ValueError, "must have datapoints; got none in a pass"),
    "no flow": (lambda: [1, 2], TypeError, "look: df must be a DataFlow"),
    "raises": (lambda: MapData(flow_of([0], [1], [2]), fail_at_two), RuntimeError, "datapoint 2 has raised KeyError: 'gone'"),
    "raises in reset_state": (FailsToReset, RuntimeError, r"reset_state\(\) has raised OSError: no such disk"),
}


@pytest.mark.parametrize("make, error, words", list(MISTAKES.values()), ids=list(MISTAKES))
def test_mistakes(make, error, words):
    with pytest.raises(error, match=words):
        look(make())


@pytest.mark.parametrize("count", [0, -1, 1.5])
def test_count_is_checked(count):
    with pytest.raises((ValueError, TypeError), match="look: count must be"):
        look(flow_of([1]), count)


class Untouchable(DataFlow):
    """Fails when anything but its repr is used."""

    def __init__(self, text="<i>"):
        self.text = text

    def __iter__(self):
        raise AssertionError("iterated")

    def reset_state(self):
        raise AssertionError("reset")


@pytest.mark.parametrize("flow, length", [
    (Untouchable(), "length not known"), (BatchData(flow_of(*[[k] for k in range(4000)]), 2), "2,000 datapoints")])
def test_a_notebook_shows_a_flow_without_touching_it(flow, length):
    before = dict(vars(flow))
    html = flow._repr_html_()
    assert type(flow).__name__ in html and length in html and "<i>" not in html
    assert vars(flow) == before


class Overridden(dataset.Digits):
    def __iter__(self):
        raise AssertionError("iterated")


class Lazy(list):
    def __getitem__(self, index):
        raise AssertionError("read")


def never(dp):
    raise AssertionError("called")


IN_MEMORY = {
    "list": (flow_of([flat(), 3]), 1, "<td>uint8<"),
    "no image": (DataFromList(np.zeros((5, 3))), 0, "<td>float64<"),
    "dataset": (dataset.Digits("train"), 1, "<td>float32<"),
    "a part": (dataset.Digits("train")._divided(Division(7, 3, True)), 1, "A datapoint:"),
    "chain": (BatchData(MapData(dataset.Digits("test"), never), 9), 1, "of its source, Digits"),
    "a batch": (flow_of([np.zeros((9, 8, 8, 3), "uint8"), 3]), 4, "batch of 9"),
    "packed": (DataFromList([[flat(), 3]], packed=True), 0, None),
    "lazy": (DataFromList(Lazy([[flat(), 3]])), 0, None),
    "empty": (DataFromList([]), 0, None),
    "huge": (flow_of([np.zeros((1 << 24) + 1, "uint8")]), 0, None),
    "of a user": (Overridden("test"), 0, None),
    "generator": (MapData(DataFromGenerator(lambda: never(0)), never), 0, None),
}


@pytest.mark.parametrize("flow, pictures, words", IN_MEMORY.values(), ids=IN_MEMORY)
def test_a_notebook_shows_a_datapoint_that_lies_in_memory(flow, pictures, words):
    pytest.importorskip("cv2")
    html = flow._repr_html_()
    assert html.count("<img ") == pictures and ("A datapoint" in html) == (words is not None)
    assert words is None or words in html


def test_showing_a_flow_disturbs_no_pass():
    def values(show):
        flow = BatchData(dataset.Digits("train"), 10)
        flow.reset_state()
        flow.ds.rng.seed(3)
        taken = []
        for images, labels in flow:
            if show:
                flow._repr_html_()
            taken.append((images.sum(), labels.tolist()))
            images[:] = 0
        return taken

    assert values(True) == values(False)
