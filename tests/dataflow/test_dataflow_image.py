"""Images from files, and augmentation of components: colours and sizes, copies, one transform for all, error policies."""
import pickle

import cv2
import numpy as np
import pytest

from tensorpack.dataflow import BatchData, DataFromList, MapData, MapDataComponent, RepeatedData, common
from tensorpack.dataflow.image import (
    AugmentImageComponent,
    AugmentImageComponents,
    AugmentImageCoordinates,
    ImageFromFile,
    check_dtype,
)
from tensorpack.dataflow.imgaug.base import AugmentorList, ImageAugmentor
from tensorpack.dataflow.imgaug.transform import CropTransform, FlipTransform, PhotometricTransform
from tensorpack.utils import fix_rng_seed


def started(df):
    df.reset_state()
    return df


def one_pass(df):
    return [dp for dp in df]


def flow(*datapoints):
    return DataFromList(list(datapoints), shuffle=False)


class RandomFlip(ImageAugmentor):
    def get_transform(self, img):
        return FlipTransform(*img.shape[:2], horiz=bool(self.rng.randint(2)))


class FlipLeftRight(ImageAugmentor):
    def get_transform(self, img):
        return FlipTransform(*img.shape[:2], horiz=True)


class CropCorner(ImageAugmentor):
    def get_transform(self, img):
        return CropTransform(1, 2, 3, 4)


def blacken(img):
    img[:] = 0
    return img


class Blacken(ImageAugmentor):
    """Writes into the image."""

    def get_transform(self, img):
        return PhotometricTransform(blacken)


class FailsOnSmall(ImageAugmentor):
    def get_transform(self, img):
        if img.shape[0] < 4:
            raise RuntimeError("too small: {}".format(img.shape))
        return FlipTransform(*img.shape[:2], horiz=True)


def image(height=6, width=8, seed=0):
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype("uint8")


class TestImageFromFile:
    COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}

    @pytest.fixture
    def files(self, tmp_path):
        files = []
        for name, colour in self.COLOURS.items():
            files.append(str(tmp_path / (name + ".png")))
            cv2.imwrite(files[-1], np.full((4, 6, 3), colour[::-1], "uint8"))
        return files

    def test_colours_are_rgb(self, files):
        df = ImageFromFile(files)
        for (img,), colour in zip(df, self.COLOURS.values()):
            assert (img.dtype, img.shape) == (np.uint8, (4, 6, 3))
            assert img.reshape(-1, 3).tolist() == [list(colour)] * 24
        assert len(df) == 3

    def test_or_bgr_as_opencv_has_them(self, files):
        for (img,), file in zip(ImageFromFile(files, rgb=False), files):
            np.testing.assert_array_equal(img, cv2.imread(file))
        for gray, same in zip(ImageFromFile(files, channel=1), ImageFromFile(files, channel=1, rgb=False)):
            np.testing.assert_array_equal(gray, same)

    def test_gray_images_have_a_channel(self, files):
        for img, in ImageFromFile(files, channel=1):
            assert (img.dtype, img.shape) == (np.uint8, (4, 6, 1))
            assert 0 < img[0, 0, 0] < 255

    @pytest.mark.parametrize("resize, shape", [(5, (5, 5)), (10 / 2, (5, 5)), ((3, 7), (3, 7)), ([9, 2], (9, 2))], ids=str)
    @pytest.mark.parametrize("channel", [1, 3])
    def test_resize_is_an_int_or_height_and_width(self, files, resize, shape, channel):
        for img, in ImageFromFile(files, channel=channel, resize=resize):
            assert img.shape == shape + (channel,)

    def test_shuffle_leaves_the_list_as_it_was(self, files):
        many = tuple(files * 10)
        df = started(ImageFromFile(many, shuffle=True))
        first, second = ([img[0, 0].tolist() for img, in df] for _ in range(2))
        assert first != second and sorted(first) == sorted(second)
        assert df.files == many == tuple(files * 10)

    @pytest.mark.parametrize("content", [None, b"no image"], ids=["missing", "foreign"])
    def test_a_file_that_is_no_image_is_named(self, tmp_path, content):
        if content is not None:
            (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(ValueError, match=r"ImageFromFile: files must be images that OpenCV can read; got .*a\.png"):
            one_pass(ImageFromFile([str(tmp_path / "a.png")]))

    @pytest.mark.parametrize("arguments, message", [
        (dict(files=[]), "files must be a list of at least one path"),
        (dict(files="a.png"), "files must be a list of at least one path; got 'a.png'"),
        (dict(files=["a.png"], channel=4), "channel must be 1 or 3; got 4"),
        (dict(files=["a.png"], resize=0), "resize must be at least 1; got 0"),
        (dict(files=["a.png"], resize=(5, -5)), "resize must be at least 1; got -5"),
        (dict(files=["a.png"], resize=(5, 5, 3)), r"resize must be one number or \(height, width\); got \(5, 5, 3\)"),
    ], ids=["none", "str", "channel", "resize", "negative", "three"])
    def test_wrong_arguments_are_refused(self, arguments, message):
        with pytest.raises(ValueError, match="ImageFromFile: " + message):
            ImageFromFile(**arguments)


MAKERS = {
    "AugmentImageComponent": lambda ds, augs, **kw: AugmentImageComponent(ds, augs, **kw),
    "AugmentImageCoordinates": lambda ds, augs, **kw: AugmentImageCoordinates(ds, augs, **kw),
    "AugmentImageComponents": lambda ds, augs, **kw: AugmentImageComponents(ds, augs, index=(0,), coords_index=(1,), **kw),
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())


def points():
    return np.array([[0.0, 0.0], [2.5, 4.0]], "float32")


class TestAugmentation:
    @each
    def test_the_flow_is_not_changed_unless_copy_is_false(self, make):
        original = image()
        assert one_pass(started(make(flow([original, points()]), [Blacken()])))[0][0].max() == 0
        assert original.max() > 0
        one_pass(started(make(flow([original, points()]), [Blacken()], copy=False)))
        assert original.max() == 0

    @each
    def test_tuples_become_lists_and_dicts_keep_their_other_keys(self, make):
        dp = started(make(flow((image(), points(), "rest")), [FlipLeftRight()]))
        assert isinstance(one_pass(dp)[0], list) and one_pass(dp)[0][2] == "rest"

    @each
    def test_augmentors_are_a_list_or_an_augmentor_list(self, make):
        augs = AugmentorList([FlipLeftRight()])
        assert make(flow(), augs).augs is augs
        assert isinstance(make(flow(), (FlipLeftRight(),)).augs, AugmentorList)
        with pytest.raises(TypeError, match="augmentors must be a list of augmentors; got"):
            make(flow(), FlipLeftRight())

    @each
    def test_reset_gives_the_flow_and_the_augmentors_new_streams_which_a_seed_repeats(self, make):
        def run():
            fix_rng_seed(11)
            df = started(make(flow(*[[image(), points()] for _ in range(20)]), [RandomFlip(), RandomFlip()]))
            passes = [str(one_pass(df)) for _ in range(2)]
            df.reset_state()
            return passes + [str(one_pass(df))]

        results = run()
        assert len(set(results)) == 3
        assert run() == results

    @each
    def test_pickles_and_keeps_the_promises_of_a_flow(self, make):
        common.check_dataflow(make(flow(*[[image(), points()] for _ in range(3)]), [RandomFlip(), CropCorner()]))
        df = pickle.loads(pickle.dumps(make(flow([image(), points()]), [FlipLeftRight()])))
        np.testing.assert_array_equal(one_pass(started(df))[0][0], image()[:, ::-1])
        assert repr(df).startswith(type(df).__name__ + "(ds=DataFromList")

    @each
    def test_errors_are_raised_or_dropped_and_logged(self, make, log_records):
        datapoints = [[image(2 if k % 2 else 6), points()] for k in range(240)]
        with pytest.raises(RuntimeError, match="too small"):
            one_pass(started(make(flow(*datapoints), [FailsOnSmall()])))
        assert not log_records
        df = started(make(flow(*datapoints), [FailsOnSmall()], catch_exceptions=True))
        assert [dp[0].shape for dp in df] == [(6, 8, 3)] * 120
        assert len(df) == 240
        logged = [record.getMessage() for record in log_records]
        assert logged == ["Got {} augmentation errors.".format(n) for n in list(range(1, 10)) + [100]]
        assert log_records[0].exc_info[0] is RuntimeError


class TestOneImage:
    def test_the_component_at_index_is_augmented(self):
        first, second = image(seed=1), image(seed=2)
        got = one_pass(started(AugmentImageComponent(flow([first, second]), [FlipLeftRight(), CropCorner()], index=1)))[0]
        assert got[0] is first
        np.testing.assert_array_equal(got[1], second[:, ::-1][1:4, 2:6])

    def test_dict_keys(self):
        got = one_pass(started(AugmentImageComponent(flow({"img": image(), "y": 1}), [CropCorner()], index="img")))[0]
        assert got["img"].shape == (3, 4, 3) and got["y"] == 1

    @pytest.mark.parametrize("catch_exceptions", [False, True])
    def test_what_is_no_array_always_raises(self, catch_exceptions):
        df = started(AugmentImageComponent(flow(["a.png"]), [FlipLeftRight()], catch_exceptions=catch_exceptions))
        with pytest.raises(TypeError, match="AugmentImageComponent: component 0 must be an image.*got str 'a.png'"):
            one_pass(df)


class TestCoordinates:
    def test_image_and_points_move_together(self):
        img, xy = image(), points()
        got_img, got_xy = one_pass(started(AugmentImageCoordinates(flow([img, xy]), [FlipLeftRight(), CropCorner()])))[0]
        np.testing.assert_array_equal(got_img, img[:, ::-1][1:4, 2:6])
        np.testing.assert_allclose(got_xy, [[8 - 2, -1], [5.5 - 2, 3]])
        np.testing.assert_array_equal(xy, points())

    def test_one_transform_is_drawn_for_both(self):
        spot = np.zeros((8, 8), "uint8")
        spot[1, 2] = 255
        df = started(AugmentImageCoordinates(
            flow(*[{"i": spot, "p": np.array([[2.5, 1.5]])}] * 30), [RandomFlip(), RandomFlip()],
            img_index="i", coords_index="p"))
        places = set()
        for dp in df:
            (x, y), = dp["p"].tolist()
            assert dp["i"][int(y), int(x)] == 255
            places.add((x, y))
        assert len(places) > 1

    @pytest.mark.parametrize("coordinates", [
        np.zeros((3, 3)), np.zeros(2), np.zeros((3, 2), int), [[1.0, 2.0]],
    ], ids=["Nx3", "1-D", "int", "list"])
    def test_what_are_no_coordinates_is_refused(self, coordinates):
        df = started(AugmentImageCoordinates(flow([image(), coordinates]), [FlipLeftRight()]))
        with pytest.raises(ValueError, match="AugmentImageCoordinates: component 1 must be coordinates, .*Nx2.*got"):
            one_pass(df)


class TestManyComponents:
    def test_all_get_the_transform_that_is_drawn_for_the_first(self):
        img = image()
        df = started(AugmentImageComponents(
            flow(*[[img, "label", img[:, :, 0], points(), points()]] * 20), [RandomFlip(), CropCorner()],
            index=(2, 0), coords_index=[3, 4]))
        shapes = set()
        for dp in df:
            np.testing.assert_array_equal(dp[0][:, :, 0], dp[2])
            np.testing.assert_array_equal(dp[3], dp[4])
            assert dp[1] == "label" and dp[0].shape == (3, 4, 3)
            shapes.add(dp[2].tobytes())
        assert len(shapes) == 2

    def test_defaults_are_the_first_two_components(self):
        df = started(AugmentImageComponents(flow([image(), image(seed=1)]), [FlipLeftRight()]))
        np.testing.assert_array_equal(one_pass(df)[0], [image()[:, ::-1], image(seed=1)[:, ::-1]])

    @pytest.mark.parametrize("arguments, error, message", [
        (dict(index="img"), TypeError, "index must be a list or tuple; got 'img'"),
        (dict(coords_index=1), TypeError, "coords_index must be a list or tuple; got 1"),
        (dict(index=()), ValueError, "index must name at least one image"),
    ], ids=["str", "int", "none"])
    def test_wrong_indices_are_refused(self, arguments, error, message):
        with pytest.raises(error, match="AugmentImageComponents: " + message):
            AugmentImageComponents(flow(), [FlipLeftRight()], **arguments)


def test_check_dtype_wants_an_array():
    check_dtype(image())
    with pytest.raises(TypeError, match="array"):
        check_dtype([1, 2])


# ---- batches in place of images ----


def gray_images(count=10, size=8):
    return flow(*[[np.full((size, size), k, "uint8"), k] for k in range(count)])


@pytest.mark.parametrize("augment", [
    lambda ds: AugmentImageComponent(ds, [FlipLeftRight()]),
    lambda ds: AugmentImageComponents(ds, [FlipLeftRight()], index=(0,)),
    lambda ds: AugmentImageComponent(MapDataComponent(ds, lambda x: x / np.float32(255)), [FlipLeftRight()]),
    lambda ds: AugmentImageComponent(RepeatedData(ds, 2), [FlipLeftRight()]),
], ids=["component", "components", "after a map", "after a repeat"])
def test_a_batch_of_gray_images_is_told_once(augment, log_records):
    assert one_pass(started(augment(BatchData(gray_images(), 5))))
    (warning,) = [r.getMessage() for r in log_records if r.levelname == "WARNING"]
    assert warning.endswith("is taken for one image of 8 channels; if it is a batch of images, as BatchData below makes them, "
                            "augment before they are batched.") and "(5, 8, 8)" in warning


@pytest.mark.parametrize("make", [
    lambda: BatchData(AugmentImageComponent(gray_images(), [FlipLeftRight()]), 5),
    lambda: AugmentImageComponent(flow([np.zeros((4, 4, 31), "uint8")]), [FlipLeftRight()]),
    lambda: AugmentImageComponent(BatchData(flow(*[[np.zeros((8, 3), "uint8")]] * 6), 3), [FlipLeftRight()]),
    lambda: AugmentImageComponent(MapData(BatchData(gray_images(), 5), lambda dp: [dp[0][0]]), [FlipLeftRight()]),
], ids=["before", "spectral image", "rows of an image", "an image of a batch"])
def test_images_are_not_taken_for_batches(make, log_records):
    assert one_pass(started(make()))
    assert not [r for r in log_records if r.levelname == "WARNING"]
