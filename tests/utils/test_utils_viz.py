"""utils.viz: grids, boxes, text, colour maps, files of a DataFlow, and the window."""
import collections
import importlib.util
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

from tensorpack.dataflow import DataFromList
from tensorpack.dataflow.base import DataFlow
from tensorpack.utils import logger, viz
from tensorpack.utils._viz import imshow
from tensorpack.utils._viz.canvas import Canvas
from tensorpack.utils.optional import optional_import
from tensorpack.utils.viz import (
    draw_boxes,
    draw_text,
    dump_dataflow_images,
    gen_stack_patches,
    intensity_to_rgb,
    interactive_imshow,
    stack_patches,
)

cv2 = pytest.importorskip("cv2")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DTYPES = ["uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64", "bool"]


def flat(values, height=20, width=40, channels=3):
    """One image of each value."""
    shape = (height, width) + ((channels,) if channels else ())
    return [np.full(shape, value, "uint8") for value in values]


class TestStackPatches:
    @pytest.mark.parametrize("channels, expected", [(0, 1), (1, 1), (3, 3)])
    def test_rows_columns_and_borders(self, channels, expected):
        canvas = stack_patches(np.array(flat([10, 20, 30], channels=channels)), 2, 2)
        assert canvas.dtype == np.uint8 and canvas.shape == (41, 81, expected)  # the border is 0.05 * 20
        assert set(np.unique(canvas[:20, :40])) == {10} and set(np.unique(canvas[:20, 41:])) == {20}
        assert set(np.unique(canvas[21:, :40])) == {30}
        assert set(np.unique(canvas[20])) == set(np.unique(canvas[:, 40])) == set(np.unique(canvas[21:, 41:])) == {255}

    @pytest.mark.parametrize("border, shape", [(0, (20, 120, 3)), (7, (20, 134, 3))])
    def test_border_of_any_width(self, border, shape):
        assert stack_patches(flat([1, 2, 3]), 1, 3, border=border).shape == shape

    def test_a_coloured_background_makes_colours(self):
        canvas = stack_patches(flat([9], channels=0), 1, 2, bgcolor=(1, 2, 3))
        assert canvas.shape == (20, 81, 3)
        assert canvas[0, 60].tolist() == [1, 2, 3] and canvas[0, 0].tolist() == [9, 9, 9]

    def test_values_are_truncated_and_cut_off(self):
        canvas = stack_patches([np.array([[3.9, -5, 300.0]])], 1, 1)
        assert canvas[0, :, 0].tolist() == [3, 0, 255]

    def test_pad_centres_on_the_largest(self):
        patches = [np.full((4, 10), 7, "uint8"), np.full((8, 6, 3), 9, "uint8")]
        canvas = stack_patches(patches, 1, 2, border=0, pad=True, bgcolor=100)
        assert canvas.shape == (8, 20, 3)
        first, second = canvas[:, :10], canvas[:, 10:]
        assert set(np.unique(first[2:6])) == {7} and set(np.unique(first[[0, 1, 6, 7]])) == {100}
        assert set(np.unique(second[:, 2:8])) == {9} and set(np.unique(second[:, [0, 1, 8, 9]])) == {100}

    @pytest.mark.parametrize("patches, words", [
        (flat([1, 2, 3]), "at most 1 x 2 patches; got 3"),
        ([], "at least one patch"),
        ([np.zeros((2, 3)), np.zeros((3, 2))], r"one size; got \(2, 3\), \(3, 2\); pass pad=True"),
        ([np.zeros((2, 3, 2))], r"must be HxW.*got shape \(2, 3, 2\)"),
    ], ids=["too many", "none", "sizes", "channels"])
    def test_mistakes(self, patches, words):
        with pytest.raises(ValueError, match=words):
            stack_patches(patches, 1, 2)

    @pytest.mark.parametrize("make", [stack_patches, gen_stack_patches])
    @pytest.mark.parametrize("wrong, words", [
        ({"nr_row": 0}, "nr_row must be at least 1; got 0"),
        ({"nr_col": -1}, "nr_col must be at least 1; got -1"),
        ({"nr_row": 1.5}, "nr_row must be a whole number; got 1.5"),
        ({"border": -1}, "border must be at least 0; got -1"),
    ], ids=str)
    def test_sizes_that_cannot_be(self, make, wrong, words):
        with pytest.raises(ValueError, match="{}: {}".format(make.__name__, words)):
            list(make(flat([1, 2, 3]), **dict({"nr_row": 1, "nr_col": 3}, **wrong)))

    def test_input_is_not_changed(self):
        patches = np.array(flat([5, 6], channels=0)).astype("float32")
        before = patches.copy()
        stack_patches(patches, 1, 2)[...] = 0
        np.testing.assert_array_equal(patches, before)


class TestGenStackPatches:
    def test_each_grid_is_an_array_of_its_own(self):
        """The original gave the same array, overwritten, each time."""
        pages = list(gen_stack_patches(flat([1, 2, 3, 4, 5]), nr_row=1, nr_col=2, border=0))
        assert [page.shape for page in pages] == [(20, 80, 3)] * 3
        assert [[page[0, 0, 0], page[0, 79, 0]] for page in pages] == [[1, 2], [3, 4], [5, 255]]

    def test_as_many_as_fit(self):
        page, = gen_stack_patches(flat([1]), max_width=100, max_height=65, border=1)
        assert page.shape == (3 * 21 - 1, 2 * 41 - 1, 3)

    def test_a_patch_must_fit(self):
        with pytest.raises(ValueError, match="max_width must be at least the size of a patch with its border, 41; got 40"):
            next(gen_stack_patches(flat([1]), max_width=40))


def test_the_patch_below_a_pixel_of_patches_that_are_not_square():
    canvas = Canvas(20, 40, 2, 2, 3, 1, 255)
    canvas.draw_patches(np.array(flat([1, 2, 3])))
    points = {(0, 0): 0, (39, 19): 0, (41, 0): 1, (80, 19): 1, (0, 21): 2, (39, 40): 2,
              (40, 0): None, (0, 20): None, (60, 30): None}
    assert {point: canvas.get_patchid_from_coord(*point) for point in points} == points


class Images(DataFlow):
    """Three batches of two images, of values 10, 20, ... 60, in a component."""

    def __init__(self, batched=True, count=3):
        self.batched, self.count, self.resets = batched, count, 0

    def reset_state(self):
        self.resets += 1

    def __iter__(self):
        for k in range(self.count):
            images = [np.full((8, 16, 3), (10 * (2 * k + i), 0, 200), "float32") for i in (1, 2)]
            yield {"image": np.array(images) if self.batched else images[0], "label": k}


def blue(path):
    return int(round(cv2.imread(str(path))[4, 4, 0] / 10.0)) * 10


class TestDump:
    def test_writes_as_many_images_as_asked_for(self, tmp_path):
        """The original wrote one less."""
        df = Images()
        dump_dataflow_images(df, "image", number=8, output_dir=str(tmp_path / "new"))
        names = sorted(os.listdir(str(tmp_path / "new")))
        assert names == ["{:03d}.jpg".format(k) for k in range(1, 9)] and df.resets == 1
        assert [blue(tmp_path / "new" / name) for name in names] == [10, 20, 30, 40, 50, 60, 10, 20]

    def test_unbatched_scaled_resized_flipped(self, tmp_path):
        """The original took the height for the width."""
        dump_dataflow_images(Images(batched=False), "image", batched=False, number=1, output_dir=str(tmp_path), scale=0.5,
                             resize=(12, 30), flipRGB=True)
        image = cv2.imread(str(tmp_path / "001.jpg"))
        assert image.shape == (12, 30, 3)
        np.testing.assert_allclose(image[5, 5], (100, 0, 5), atol=4)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_images_of_any_dtype_are_resized(self, dtype, tmp_path):
        image = np.full((8, 16, 3), 100).astype(dtype)
        dump_dataflow_images(DataFromList([[image]]), batched=False, number=1, output_dir=str(tmp_path), resize=(12, 30))
        written = cv2.imread(str(tmp_path / "001.jpg"))
        assert written.shape == (12, 30, 3)
        np.testing.assert_allclose(written, image.max().astype(int), atol=2)

    @pytest.mark.parametrize("df, kwargs, words", [
        (Images(), {}, "output_dir or viz must be given"),
        (Images(), {"output_dir": "out", "number": -1}, "number must be at least 0; got -1"),
        (Images(), {"output_dir": "out", "resize": 0}, "resize must be at least 1; got 0"),
        (Images(), {"output_dir": "out", "resize": (4, -4)}, "resize must be at least 1; got -4"),
        (Images(), {"viz": (0, 3)}, "viz must be at least 1; got 0"),
        (Images(count=0), {"output_dir": "out"}, "must have images; got none"),
    ], ids=["nowhere to", "number", "resize", "resize of two", "grid", "empty"])
    def test_mistakes(self, df, kwargs, words, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ValueError, match=words):
            dump_dataflow_images(df, "image", **kwargs)

    def test_a_file_that_cannot_be_written_is_an_error(self, tmp_path):
        (tmp_path / "001.jpg").mkdir()
        with pytest.raises(OSError, match="cannot write .*001.jpg"):
            dump_dataflow_images(Images(), "image", output_dir=str(tmp_path))


class TestIntensity:
    pytestmark = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs matplotlib")

    def test_gray_map(self):
        rgb = intensity_to_rgb(np.array([[0, 0.5, 1]]), cmap="gray")
        assert (rgb.shape, rgb.dtype) == ((1, 3, 3), np.float32)
        np.testing.assert_allclose(rgb[0], [[0] * 3, [128] * 3, [255] * 3], atol=0.6)

    def test_default_map_has_colours_and_red_comes_first(self):
        assert np.ptp(intensity_to_rgb(np.array([[0.3]]))[0, 0]) > 10
        assert intensity_to_rgb(np.array([[1.0]]), cmap="Reds")[0, 0].argmax() == 0

    def test_normalize_does_not_change_the_input(self):
        intensity = np.array([[-2.0, 3.0, 8.0]])
        np.testing.assert_allclose(intensity_to_rgb(intensity, "gray", normalize=True)[0, :, 0], [0, 128, 255], atol=0.6)
        assert intensity.tolist() == [[-2, 3, 8]]
        assert intensity_to_rgb(np.full((2, 2), 7.0), "gray", normalize=True).max() == 0

    def test_mistakes(self):
        with pytest.raises(ValueError, match=r"must be HxW; got shape \(2, 2, 3\)"):
            intensity_to_rgb(np.zeros((2, 2, 3)))
        with pytest.raises(ValueError, match="colour map of matplotlib.*got 'no-such'"):
            intensity_to_rgb(np.zeros((2, 2)), cmap="no-such")

    def test_without_matplotlib(self, monkeypatch):
        monkeypatch.setattr(viz, "matplotlib", optional_import("no_such", needed_by="intensity_to_rgb", pip="matplotlib"))
        with pytest.raises(ImportError, match="intensity_to_rgb needs .*pip install matplotlib"):
            intensity_to_rgb(np.zeros((2, 2)))


class TestDrawBoxes:
    def test_a_box_on_a_copy(self):
        image = np.zeros((50, 80, 3), "uint8")
        drawn = draw_boxes(image, np.array([[10.9, 5, 40, 30]]))
        assert image.max() == 0 and drawn.shape == image.shape and drawn.dtype == np.uint8
        for x, y in ((10, 5), (40, 5), (10, 30), (40, 30), (25, 5)):
            assert drawn[y, x].tolist() == [15, 128, 15]
        assert drawn[15, 25].max() == 0

    @pytest.mark.parametrize("shape", [(50, 80), (50, 80, 1)])
    def test_gray_images_become_colour(self, shape):
        drawn = draw_boxes(np.zeros(shape, "uint8"), [[1, 1, 9, 9]], color=(1, 2, 3))
        assert drawn.shape == (50, 80, 3) and drawn[1, 1].tolist() == [1, 2, 3]

    def test_small_boxes_are_drawn_over_large_ones(self):
        labels = ["large", "small"]
        image = np.zeros((60, 60, 3), "uint8")
        a = draw_boxes(image, [[0, 0, 50, 50], [10, 0, 20, 10]], labels)
        b = draw_boxes(image, [[10, 0, 20, 10], [0, 0, 50, 50]], labels[::-1])
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, draw_boxes(image, [[0, 0, 50, 50], [10, 0, 20, 10]], labels[::-1]))

    def test_no_boxes_give_a_copy(self):
        """The original raised ValueError."""
        image = np.ones((5, 6), "float32")
        for boxes in ([], np.zeros((0, 4))):
            drawn = draw_boxes(image, boxes)
            assert drawn.shape == (5, 6, 3) and (drawn == 1).all()

    @pytest.mark.parametrize("box", [[-1, 0, 5, 5], [0, 0, 81, 5], [0, 0, 5, 51], [9, 0, 5, 5], [9, 9, 5, 5], [0, 9, 9, 5]],
                             ids=str)
    def test_boxes_outside_or_turned_around_are_refused(self, box):
        with pytest.raises(ValueError, match=r"0 <= x1 <= x2 <= 80 and 0 <= y1 <= y2 <= 50; got \[{}".format(box[0])):
            draw_boxes(np.zeros((50, 80, 3)), [[0, 0, 80, 50], box])

    def test_labels_must_match(self):
        with pytest.raises(ValueError, match="a label for each box; got 1 boxes and 2 labels"):
            draw_boxes(np.zeros((50, 80)), [[0, 0, 5, 5]], ["a", "b"])
        with pytest.raises(ValueError, match="im must be HxW"):
            draw_boxes(np.zeros((50, 80, 4)), [])


@pytest.mark.parametrize("dtype", DTYPES)
def test_boxes_and_labels_on_images_of_any_dtype(dtype):
    image = np.full((60, 120, 3), 100).astype(dtype)
    before = image.copy()
    boxes, labels, color = [[50, 4, 90, 40], [10, 30, 119, 60]], ["cat", "a dog, 0.95"], (1, 2, 3)
    drawn = draw_boxes(image, boxes, labels, color)
    reference = draw_boxes(np.full((60, 120, 3), 100, "uint8"), boxes, labels, color)
    assert drawn.dtype == dtype and (image == before).all()
    limit = 127 if dtype == "int8" else 255
    np.testing.assert_array_equal(drawn, np.minimum(reference, limit).astype(dtype))
    assert (reference > 200).all(axis=-1).sum() > 20  # the text


def test_boxes_are_opencvs_rectangles():
    boxes = [[0, 0, 80, 50], [79, 49, 80, 50], [80, 50, 80, 50], [5, 7, 5, 7], [5, 7, 40, 7], [9, 3, 9, 30], [10, 10, 11, 12]]
    for box in boxes:
        expected = np.full((50, 80, 3), 7, "uint8")
        cv2.rectangle(expected, tuple(box[:2]), tuple(box[2:]), (15, 128, 15), 1)
        np.testing.assert_array_equal(draw_boxes(np.full((50, 80), 7, "uint8"), [box]), expected)


@pytest.mark.parametrize("pos", [(5, 5), (-30, -30), (1000, 1000)])
@pytest.mark.parametrize("color, text_color", [((0, 0, 90), 255), ((200, 255, 255), 0)], ids=["dark", "bright"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_text_is_readable_and_inside(pos, color, text_color, dtype):
    image = np.full((60, 120, 3), 60, dtype)
    drawn = draw_text(image, pos, "label", color, font_scale=0.6)
    assert drawn.dtype == np.uint8 and (image == 60).all()
    assert (drawn == color).all(axis=-1).sum() > 100
    assert (np.abs(drawn.astype(int) - text_color).max(axis=-1) < 60).sum() > 15


@pytest.mark.parametrize("text", ["label", "gjpq|Q", "dog 0.95"])
@pytest.mark.parametrize("font_scale", [0.3, 0.4, 1, 2])
def test_text_is_not_cut_by_its_background(text, font_scale):
    """Fonts and sizes of text differ between versions of OpenCV."""
    drawn = draw_text(np.full((200, 500, 3), 60, "uint8"), (30, 150), text, (0, 0, 90), font_scale)
    rows, columns = np.nonzero((drawn != 60).any(axis=-1))
    (top, bottom), (left, right) = (rows.min(), rows.max()), (columns.min(), columns.max())
    ink = drawn[top:bottom + 1, left:right + 1, 1] > 128
    assert (bottom, left) == (150, 30) and ink.sum() > 10
    assert not ink[-1].any() and not ink[:, -1].any()
    whole = np.zeros((400, 900), "uint8")
    cv2.putText(whole, text, (100, 200), cv2.FONT_HERSHEY_SIMPLEX, font_scale, 255, lineType=cv2.LINE_AA)
    assert ink.sum() >= 0.95 * (whole > 128).sum()


@pytest.mark.parametrize("shape", [(60, 120), (60, 120, 1), (60, 120, 3), (60, 120, 4)], ids=str)
def test_text_on_images_of_any_number_of_channels(shape):
    drawn = draw_text(np.zeros(shape, "uint8"), (5, 5), "label", (90, 90, 90), 0.6)
    assert drawn.shape == shape
    channel = drawn if drawn.ndim == 2 else drawn[:, :, 0]
    assert (channel == 90).sum() > 100 and (channel > 200).sum() > 15


class Window:
    """OpenCV with a window that somebody uses: keys one after the other, and clicks before them."""

    error, resize, imwrite = cv2.error, staticmethod(cv2.resize), staticmethod(cv2.imwrite)
    EVENT_LBUTTONUP, EVENT_RBUTTONUP, WND_PROP_VISIBLE = cv2.EVENT_LBUTTONUP, cv2.EVENT_RBUTTONUP, cv2.WND_PROP_VISIBLE

    def __init__(self, keys, clicks=()):
        self.keys, self.clicks, self.shown, self.open = list(keys), list(clicks), [], False

    def namedWindow(self, name):
        self.name, self.open = name, True

    def setMouseCallback(self, name, callback):
        self.on_mouse = callback

    def getWindowProperty(self, name, which):
        return float(self.open)

    def imshow(self, name, image):
        self.shown.append(image)

    def waitKey(self, delay):
        while self.clicks:
            self.on_mouse(*self.clicks.pop(0) + (0, None))
        if not self.keys:
            self.open = False  # closed by the mouse
            return -1
        key = self.keys.pop(0)
        return ord(key) if key else -1

    def destroyWindow(self, name):
        self.open = False


@pytest.fixture
def window(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")

    def use(*args):
        instance = Window(*args)
        monkeypatch.setattr(imshow, "cv2", instance)
        return instance

    return use


IMAGE = np.arange(10 * 20 * 3).reshape(10, 20, 3).astype("uint8")


class TestWindow:
    @pytest.mark.parametrize("keys", ["q", "", ["", "k", "q"]], ids=["q", "closed", "other keys"])
    def test_it_stays_until_q_or_closed(self, window, keys):
        w = window(keys)
        interactive_imshow(IMAGE)
        assert w.name == "tensorpack_viz_window" and not w.open and w.keys == []
        np.testing.assert_array_equal(w.shown[0], IMAGE)

    def test_keys(self, window, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        w, called = window("s+=-kq"), []
        interactive_imshow(IMAGE, key_cb_k=called.append)
        np.testing.assert_array_equal(cv2.imread("out.png"), IMAGE)
        assert [image.shape[:2] for image in w.shown] == [(10, 20), (13, 26), (17, 34), (12, 24)]
        assert len(called) == 1 and called[0] is IMAGE

    def test_x_ends_the_program(self, window):
        window("x")
        with pytest.raises(SystemExit):
            interactive_imshow(IMAGE)

    def test_clicks_are_in_pixels_of_the_image(self, window):
        w, left, right = window("+q"), [], []
        w.clicks = [(cv2.EVENT_LBUTTONUP, 3, 4), (cv2.EVENT_RBUTTONUP, 5, 6), (cv2.EVENT_MOUSEMOVE, 1, 1)]
        w.destroyWindow = lambda name: w.on_mouse(cv2.EVENT_LBUTTONUP, 13, 26, 0, None)  # after the zoom
        interactive_imshow(IMAGE, lclick_cb=lambda *a: left.append(a[1:]), rclick_cb=lambda *a: right.append(a[1:]))
        assert left == [(3, 4), (10, 20)] and right == [(5, 6)]

    @pytest.mark.parametrize("name", ["key_cb_", "key_cb_ab", "callback"])
    def test_unknown_arguments(self, window, name):
        window("q")
        with pytest.raises(TypeError, match="key_cb_ and one character; got '{}'".format(name)):
            interactive_imshow(IMAGE, **{name: print})

    def test_grids_are_shown_and_say_which_patch_was_clicked(self, window):
        clicked = []
        w = window("q", [(cv2.EVENT_LBUTTONUP, 41, 5), (cv2.EVENT_LBUTTONUP, 40, 5)])
        stack_patches(flat([1, 2]), 1, 2, viz=True, lclick_cb=lambda patch, k: clicked.append((patch[0, 0, 0], k)))
        assert clicked == [(2, 1)] and w.shown[0].shape == (20, 81, 3)
        w = window("qq")
        pages = gen_stack_patches(flat([1, 2]), 1, 1, viz=True, lclick_cb=lambda patch, k: clicked.append((patch[0, 0, 0], k)))
        next(pages)
        w.clicks = [(cv2.EVENT_LBUTTONUP, 1, 5)]
        next(pages)
        assert clicked[1:] == [(2, 1)]

    def test_dataflow_images_are_shown(self, window):
        w = window("qq")
        dump_dataflow_images(Images(), "image", number=3, viz=(1, 2))
        assert [image.shape for image in w.shown] == [(8, 32, 3)] * 2


def no_display(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


def display_without_windows(monkeypatch):
    if "GUI:                           NONE" not in cv2.getBuildInformation():
        pytest.skip("OpenCV has windows")
    monkeypatch.setenv("DISPLAY", ":0")


class TestWithoutAWindow:
    @pytest.fixture(params=[no_display, display_without_windows], ids=["no display", "no windows"])
    def nowhere_to_show(self, request, monkeypatch):
        monkeypatch.setattr(imshow, "log_once", lambda message, func: messages.append((func, message)))
        # counted by directory, and a later test may get the directory of an earlier one
        monkeypatch.setattr(imshow, "_file_numbers", collections.defaultdict(lambda: itertools.count(1)))
        messages = []
        request.param(monkeypatch)
        return messages

    def test_the_picture_goes_to_the_log_directory(self, nowhere_to_show, log_records, tmp_path):
        logger.set_logger_dir(str(tmp_path / "log"), action="d")
        for value in (1, 2):
            interactive_imshow(IMAGE + np.uint8(value), lclick_cb=print, key_cb_k=print)
        for value in (1, 2):
            path = str(tmp_path / "log" / "imshow-{:03d}.png".format(value))
            np.testing.assert_array_equal(cv2.imread(path), IMAGE + np.uint8(value))
            assert "interactive_imshow: wrote " + path in [record.getMessage() for record in log_records]
        (level, reason), _ = nowhere_to_show
        assert level == "warning" and ("display" in reason or "install opencv-python in its place" in reason)

    def test_without_a_log_directory_it_goes_to_the_working_directory(self, nowhere_to_show, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "imshow-001.png").write_bytes(b"somebody else's")
        stack_patches(flat([1, 2]), 1, 2, viz=True)
        dump_dataflow_images(Images(), "image", number=4, viz=(1, 2))
        assert sorted(os.listdir(".")) == ["imshow-00{}.png".format(k) for k in (1, 2, 3, 4)]
        assert (tmp_path / "imshow-001.png").read_bytes() == b"somebody else's"
        assert cv2.imread("imshow-002.png").shape == (20, 81, 3)

    @pytest.mark.parametrize("image, expected", [
        (np.array([[0.0, 0.5, 1.2]]), [0, 127, 255]), (np.array([[0.25]], "float32"), [63]),
        (np.array([[True, False]]), [255, 0]), (np.array([[-4, 200, 300]], "int64"), [0, 200, 255]),
        (np.array([[1000, 7]], "uint16"), [255, 7]),
    ], ids=lambda value: str(getattr(value, "dtype", "")))
    def test_kinds_of_images(self, image, expected, tmp_path, monkeypatch):
        no_display(monkeypatch)
        monkeypatch.chdir(tmp_path)
        interactive_imshow(image)
        assert cv2.imread("imshow-001.png", cv2.IMREAD_UNCHANGED)[0].tolist() == expected

    def test_a_directory_that_cannot_be_written_to_is_an_error(self, tmp_path, monkeypatch):
        no_display(monkeypatch)
        monkeypatch.setattr(logger, "LOG_DIR", str(tmp_path / "missing"))
        with pytest.raises(OSError, match="missing"):
            interactive_imshow(IMAGE)


def test_import_loads_neither_opencv_nor_matplotlib():
    code = "import sys, tensorpack.utils.viz; assert not {'cv2', 'matplotlib', 'tensorflow'} & set(sys.modules)"
    subprocess.check_call([sys.executable, "-c", code], cwd=ROOT)
