"""`DecodeAndAugment`: the draws, coordinates and masks of the pipeline that decodes all of an image, and its pixels."""
import pickle

import cv2
import jpeg_samples
import numpy as np
import pytest

from tensorpack.dataflow import (
    AugmentImageComponents,
    DataFromList,
    DecodeAndAugment,
    MapDataComponent,
    MultiProcessRunnerZMQ,
    decode_image,
    imgaug,
)
from tensorpack.dataflow._decode import decoders
from tensorpack.utils.utils import fix_rng_seed


@pytest.fixture(params=["simplejpeg", "OpenCV"], autouse=True)
def package(request, monkeypatch):
    if request.param == "OpenCV":
        monkeypatch.setattr(decoders, "simplejpeg", lambda: None)
    return request.param


@pytest.fixture
def reads(monkeypatch):
    """Scale and shape of what is decoded in part."""
    found = []
    original = decoders.decode_jpeg

    def decode_jpeg(*args, **kwargs):
        pixels = original(*args, **kwargs)
        found.append((kwargs.get("factor", 1), pixels.array.shape[0]))
        return pixels

    monkeypatch.setattr("tensorpack.dataflow._decode.window.decode_jpeg", decode_jpeg)
    return found


class LooksAtPixels(imgaug.RandomCrop):
    def get_transform(self, img):
        assert isinstance(img, np.ndarray)
        return super().get_transform(img)


AUGMENTORS = {
    "random crop": lambda: [imgaug.RandomCrop(60)],
    "centre": lambda: [imgaug.CenterCrop((50, 70)), imgaug.Resize(30)],
    "of any shape": lambda: [imgaug.RandomCropRandomShape(40, 40), imgaug.Flip(horiz=True), imgaug.Resize((20, 40))],
    "two crops": lambda: [imgaug.RandomCrop((100, 90)), imgaug.RandomCrop((60, 50)), imgaug.Resize((50, 40)),
                          imgaug.Flip(vert=True)],
    "GoogLeNet": lambda: [imgaug.GoogleNetRandomCropAndResize(target_shape=48, interp=cv2.INTER_CUBIC),
                          imgaug.BrightnessScale((0.6, 1.4)), imgaug.Flip(horiz=True)],
    "validation": lambda: [imgaug.ResizeShortestEdge(90), imgaug.CenterCrop(80)],
    "shrink much": lambda: [imgaug.ResizeShortestEdge(20, cv2.INTER_AREA), imgaug.RandomCrop(16)],
    "random size": lambda: [imgaug.RandomResize((0.1, 0.9), (0.1, 0.9), aspect_ratio_thres=3)],
    "flip first": lambda: [imgaug.Flip(horiz=True), imgaug.RandomCrop(40)],
    "pixels": lambda: [LooksAtPixels(60), imgaug.Flip(horiz=True)],
    "pixels later": lambda: [imgaug.RandomCrop(80), LooksAtPixels(60)],
    "photometric": lambda: [imgaug.Brightness(30), imgaug.RandomCrop(60)],
    "choice": lambda: [imgaug.RandomChooseAug([imgaug.RandomCrop(50), imgaug.CenterCrop(60)]), imgaug.Resize(30)],
    "a list in it": lambda: [imgaug.AugmentorList([imgaug.RandomCrop(90), imgaug.RandomCrop(60)]), imgaug.Resize(30)],
    "none": lambda: [],
}


def datapoints(contents):
    """[bytes, coordinates, mask] for each."""
    found = []
    for content in contents:
        h, w = decode_image(content).shape[:2]
        rng = np.random.RandomState(h)
        mask = np.arange(h * w).reshape(h, w)
        found.append([content, rng.uniform(0, min(h, w), (5, 2)), mask])
    return DataFromList(found, shuffle=False)


CONTENTS = [jpeg_samples.with_segment(jpeg_samples.jpeg(jpeg_samples.photo(130, 171, seed=value)), jpeg_samples.exif(value))
            for value in range(1, 9)] + [jpeg_samples.catalogue()[name] for name in (
                "420 progressive", "440 baseline", "gray", "PIL CMYK False", "restarts", "PNG", "EXIF as a long")]


def one_pass(make):
    fix_rng_seed(5)
    df = make()
    df.reset_state()
    return [dp for _ in range(2) for dp in df.__iter__()]


def whole(ds, augmentors, mode="bgr"):
    return AugmentImageComponents(MapDataComponent(ds, lambda content: decode_image(content, mode)), augmentors, index=(0,),
                                  coords_index=(1,), segmentation_index=(2,))


@pytest.mark.parametrize("mode", ["bgr", pytest.param("rgb", marks=pytest.mark.slow_on(1)), "gray"])
@pytest.mark.parametrize("name", AUGMENTORS)
def test_all_is_as_with_whole_images(name, mode):
    ds = datapoints(CONTENTS)
    expected = one_pass(lambda: whole(ds, AUGMENTORS[name](), mode))
    for exact in (True, False):
        got = one_pass(lambda e=exact: DecodeAndAugment(
            ds, AUGMENTORS[name](), coords_index=(1,), segmentation_index=(2,), mode=mode, exact=e))
        assert len(got) == len(expected) == 2 * len(CONTENTS)
        for ours, theirs in zip(got, expected):
            np.testing.assert_array_equal(ours[1], theirs[1])
            np.testing.assert_array_equal(ours[2], theirs[2])
            assert ours[0].shape == theirs[0].shape and ours[0].dtype == theirs[0].dtype
            if exact:
                np.testing.assert_array_equal(ours[0], theirs[0])


def test_only_rows_and_scale_that_are_used_are_decoded(reads, package):
    content = jpeg_samples.jpeg(jpeg_samples.photo(400, 600))
    for augmentors, exact, expected in (
            ([imgaug.CenterCrop(100)], False, (1, 252)), ([imgaug.CenterCrop(100), imgaug.Resize(50)], True, (1, 252)),
            ([imgaug.CenterCrop(200), imgaug.Resize(90)], False, (2, 156)), ([imgaug.Resize(100)], False, (4, 100)),
            ([imgaug.ResizeShortestEdge(50), imgaug.CenterCrop(40)], False, (8, 50)),
            ([imgaug.CenterCrop(200), imgaug.Resize(90, cv2.INTER_NEAREST)], False, (1, 302))):
        del reads[:]
        one_pass(lambda a=augmentors, e=exact: DecodeAndAugment(DataFromList([[content]]), a, exact=e))
        if package == "OpenCV":
            expected = expected[0], 400 // expected[0]
        assert reads == [expected] * 2


@pytest.mark.parametrize("orientation, interp", [(orientation, cv2.INTER_LINEAR) for orientation in range(1, 9)] + [
    (orientation, interp) for orientation in (1, 6) for interp in (cv2.INTER_CUBIC, cv2.INTER_AREA, cv2.INTER_LANCZOS4)])
def test_at_another_scale_everything_stays_in_its_place(orientation, interp, reads):
    """A smooth image, which any scale shows, and windows whose edges lie between its pixels."""
    y, x = np.mgrid[:531, :723]
    image = np.stack([128 + 100 * np.sin(x / 80), 128 + 100 * np.sin(y / 70 + 1), 128 + 90 * np.cos((x + y) / 90)], axis=2)
    content = jpeg_samples.with_segment(jpeg_samples.jpeg(image.astype("uint8"), cv2.IMWRITE_JPEG_QUALITY, 100),
                                        jpeg_samples.exif(orientation))
    for size in (30, 50, 99):
        augmentors = lambda: [imgaug.GoogleNetRandomCropAndResize((0.3, 0.9), target_shape=size, interp=interp)]  # noqa: E731,B023
        ds = DataFromList([[content]] * 4, shuffle=False)
        exact, scaled = (one_pass(lambda e=e: DecodeAndAugment(ds, augmentors(), exact=e)) for e in (True, False))  # noqa: B023
        errors = [np.abs(a.astype("int") - b) for (a,), (b,) in zip(exact, scaled)]
        assert max(error.max() for error in errors) <= 6
        assert max(error.mean() for error in errors) <= 1  # a shift by a pixel of the image makes it 0.9 more
    assert {factor for factor, _ in reads} == {1, 2, 4, 8}


def test_images_are_new_arrays():
    content = jpeg_samples.jpeg(jpeg_samples.photo())
    for augmentors in ([imgaug.CenterCrop(50)], [imgaug.Resize((118, 151))], [imgaug.CenterCrop((118, 151))]):
        images = [image for image, in one_pass(lambda a=augmentors: DecodeAndAugment(
            DataFromList([[content], [jpeg_samples.jpeg(jpeg_samples.photo(seed=1))]], shuffle=False), a))]
        np.testing.assert_array_equal(images[0], images[2])
        assert all(image.base is None or image.base.nbytes == image.nbytes for image in images)


def test_boxes_and_dicts():
    content = jpeg_samples.jpeg(jpeg_samples.photo(100, 200))
    df = DecodeAndAugment(DataFromList([{"image": content, "boxes": np.array([[50., 25, 150, 75]])}]), [
        imgaug.CenterCrop((50, 100)), imgaug.Resize(25)], "image", boxes_index=["boxes"])
    dp, _ = one_pass(lambda: df)
    assert dp["image"].shape == (25, 25, 3) and dp["boxes"].tolist() == [[0, 0, 25, 25]]


@pytest.mark.parametrize("on_damaged, expected", [("keep", [0, 1, 3]), ("drop", [0, 3])])
def test_damaged_images(on_damaged, expected, log_records):
    contents = [CONTENTS[0], jpeg_samples.damaged()["turned"], b"foreign", CONTENTS[3]]
    if on_damaged == "keep":
        contents[2] = CONTENTS[0]
        expected = [0, 1, 2, 3]
    ds = DataFromList([[content, k] for k, content in enumerate(contents)], shuffle=False)
    df = DecodeAndAugment(ds, [imgaug.RandomCrop(50)], on_damaged=on_damaged)
    df.reset_state()
    got = list(df.__iter__())
    assert [label for _, label in got] == expected
    words = [record.getMessage() for record in log_records]
    count = 1 if on_damaged == "keep" else 2
    assert words[-1].startswith("[DecodeAndAugment] {} of 4 images are damaged and were {}, in this pass; such as ".format(
        count, {"keep": "decoded as far as they go", "drop": "left out"}[on_damaged]))
    assert (words[0] == "[DecodeAndAugment] its function returned None for 2 of 4 datapoints of a pass.") == (
        on_damaged == "drop")


def test_draws_are_the_same_when_damaged_images_are_left_out():
    contents = [CONTENTS[0], jpeg_samples.damaged()["turned"], CONTENTS[3], b"", CONTENTS[4]]
    ds = DataFromList([[content] for content in contents], shuffle=False)
    ours = one_pass(lambda: DecodeAndAugment(ds, [imgaug.RandomCrop(50)], on_damaged="drop"))
    theirs = one_pass(lambda: DecodeAndAugment(DataFromList([[content] for content in contents[::2]], shuffle=False),
                                               [imgaug.RandomCrop(50)]))
    for a, b in zip(ours, theirs):
        np.testing.assert_array_equal(a[0], b[0])
    assert len(ours) == len(theirs) == 6


@pytest.mark.parametrize("content, words", [
    (b"foreign", "DecodeAndAugment: the bytes must be an image that OpenCV can read; it is damaged, or no image: 7 bytes"),
    (jpeg_samples.with_size(CONTENTS[9], 20000, 20000), "with a header that tells 20000x20000 pixels"),
    (jpeg_samples.damaged()["turned"], "DecodeAndAugment: the image is damaged: cut off before its end"),
    (5, "DecodeAndAugment: an encoded image must be bytes"),
])
def test_errors_name_the_record_and_the_file(content, words):
    ds = DataFromList([[CONTENTS[0], "/data/0.jpg"], [content, "/data/1.jpg"]], shuffle=False)
    df = DecodeAndAugment(ds, [imgaug.RandomCrop(50)], on_damaged="raise")
    df.reset_state()
    with pytest.raises((ValueError, TypeError), match=words + ".*datapoint 1 of the pass, .*from /data/1.jpg"):
        list(df.__iter__())


@pytest.mark.parametrize("arguments, error, words", [
    (dict(mode="RGB"), ValueError, "mode must be"), (dict(on_damaged=None), ValueError, "on_damaged must be"),
    (dict(coords_index=1), TypeError, "coords_index must be a list or tuple; got 1"),
])
def test_wrong_arguments(arguments, error, words):
    with pytest.raises(error, match="DecodeAndAugment: " + words):
        DecodeAndAugment(DataFromList([[b""]]), [imgaug.RandomCrop(5)], **arguments)


@pytest.mark.parametrize("key, value, words", [
    ("coords_index", np.zeros((2, 3)), "must be coordinates"), ("boxes_index", np.zeros((2, 2)), "must be boxes"),
    ("segmentation_index", None, "must be a label map")])
def test_wrong_components(key, value, words):
    df = DecodeAndAugment(DataFromList([[CONTENTS[0], value]]), [imgaug.RandomCrop(5)], **{key: [1]})
    with pytest.raises((TypeError, ValueError), match="DecodeAndAugment: component 1 " + words):
        one_pass(lambda: df)


@pytest.mark.parametrize("augmentors", [[imgaug.RandomCrop(5)], [imgaug.Flip(horiz=True)], []], ids=["part", "whole", "none"])
def test_a_label_map_of_another_size(augmentors):
    h, w = decode_image(CONTENTS[0]).shape[:2]
    for shape, fits in ((h, w), True), ((h // 2, w // 2), False), ((h + 1, w), False):
        df = DecodeAndAugment(DataFromList([[CONTENTS[0], np.zeros(shape)]]), augmentors, segmentation_index=[1])
        if fits:
            one_pass(lambda df=df: df)
            continue
        with pytest.raises(ValueError, match="DecodeAndAugment: component 1 must be as large as the image, component 0, which "
                                             "has {}x{} pixels; got float64".format(h, w)):
            one_pass(lambda df=df: df)


def test_in_workers():
    df = DecodeAndAugment(DataFromList([[content] for content in CONTENTS]), [imgaug.RandomCrop(40)])
    assert len(pickle.loads(pickle.dumps(df)).augs.augmentors) == 1
    with MultiProcessRunnerZMQ(df, 2) as runner:
        runner.reset_state()
        datapoints = runner.__iter__()
        assert {next(datapoints)[0].shape[:2] for _ in range(10)} == {(40, 40)}
        datapoints.close()
