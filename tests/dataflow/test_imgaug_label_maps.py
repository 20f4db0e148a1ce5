"""Label maps: each pixel of one gets the label of the pixel of the image that is there, and never one that was not in it."""
import numpy as np
import pytest
from imgaug_samples import picture
from test_imgaug_catalogue import augmentors_where

from tensorpack.dataflow import AugmentImageComponents, AugmentImageCoordinates, DataFromList, imgaug
from tensorpack.utils import fix_rng_seed

LABELS = 5


def label_map(h=51, w=66, seed=0, dtype="uint8"):
    """Blocks with the labels 1 to 5."""
    blocks = np.random.RandomState(seed).randint(1, LABELS + 1, size=(h // 8 + 1, w // 8 + 1))
    return blocks.repeat(8, axis=0).repeat(8, axis=1)[:h, :w].astype(dtype)


@augmentors_where(lambda line: line.geometric)
def test_the_map_moves_exactly_as_the_image(line):
    """An image of each label alone is interpolated; where one of them has more than 3/4, the nearest pixel has that label."""
    fix_rng_seed(11)
    labels = label_map()
    certain = 0
    for _ in range(6):
        tfm = line.make().get_transform(labels)
        shares = np.stack([tfm.apply_image((labels == k).astype("float32")) for k in range(1, LABELS + 1)])
        moved = tfm.apply_segmentation(labels)
        assert moved.shape == shares.shape[1:] and moved.dtype == labels.dtype
        assert set(np.unique(moved)) <= set(range(LABELS + 1))
        clear = shares.max(axis=0) > 0.76
        np.testing.assert_array_equal(moved[clear], shares.argmax(axis=0)[clear] + 1)
        certain += clear.mean()
        outside = shares.sum(axis=0) < 0.24
        assert (moved[outside] == 0).all()
    assert certain > 2.5


@augmentors_where(lambda line: not line.geometric)
def test_what_moves_nothing_leaves_the_map_alone(line):
    if isinstance(line.make(), (imgaug.MapImage, imgaug.RandomOrderAug)):
        return  # which know, or may do, other things
    img = picture(51, 66, line.channels[-1])
    labels = label_map()
    tfm = line.make().get_transform(img)
    tfm.apply_image(img.copy())
    assert tfm.apply_segmentation(labels) is labels


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int32", "int64", "uint64", "float32", "float64"])
@pytest.mark.parametrize("channels", [(), (1,), (7,)], ids=str)
def test_maps_of_any_dtype_and_number_of_channels(dtype, channels):
    augmentor = imgaug.AugmentorList([imgaug.Resize((90, 101)), imgaug.Rotation(40), imgaug.RandomCrop(60)])
    values = (np.random.RandomState(0).randint(0, 4, (51, 66) + channels) * (2 ** 40 if dtype == "int64" else 1)).astype(dtype)
    tfm = augmentor.get_transform(picture(51, 66))
    tfm.apply_image(picture(51, 66))
    moved = tfm.apply_segmentation(values)
    assert moved.dtype == dtype and moved.shape == (60, 60) + channels
    assert set(np.unique(moved)) <= set(np.unique(values))


def test_map_image_takes_a_function_for_maps():
    tfm = imgaug.MapImage(np.fliplr, segmentation_func=np.fliplr).get_transform(picture())
    labels = label_map(37, 52)
    np.testing.assert_array_equal(tfm.apply_segmentation(labels), labels[:, ::-1])
    with pytest.raises(NotImplementedError, match="apply_segmentation"):
        imgaug.MapImage(np.fliplr).get_transform(picture()).apply_segmentation(labels)


AUGMENTORS = [imgaug.Rotation(30), imgaug.RandomResize((0.5, 1.5), (0.5, 1.5)), imgaug.Flip(horiz=True), imgaug.Brightness(60)]


def flow(count=20, dtype="uint8"):
    return DataFromList([{"image": picture(51, 66), "labels": label_map(seed=k, dtype=dtype), "id": k} for k in range(count)],
                        shuffle=False)


def one_pass(df):
    df.reset_state()
    return [dp for dp in df]


class TestInFlows:
    def test_a_label_map_follows_the_image(self):
        fix_rng_seed(3)
        df = AugmentImageComponents(flow(), AUGMENTORS, index=["image"], segmentation_index=["labels"])
        for k, dp in enumerate(one_pass(df)):
            assert dp["id"] == k and dp["labels"].shape == dp["image"].shape[:2] and dp["labels"].dtype == np.uint8
            assert set(np.unique(dp["labels"])) <= set(range(1, LABELS + 1))

    def test_it_is_the_map_of_the_transform(self):
        class Recorder(imgaug.ImageAugmentor):
            def get_transform(self, img):
                drawn.append(imgaug.Rotation(30).get_transform(img))
                return drawn[-1]

        drawn = []
        datapoints = one_pass(AugmentImageComponents(
            flow(), [Recorder()], index=["image"], segmentation_index=("labels",)))
        for k, (dp, tfm) in enumerate(zip(datapoints, drawn)):
            np.testing.assert_array_equal(dp["labels"], tfm.apply_segmentation(label_map(seed=k)))

    def test_the_flow_below_is_not_changed(self):
        source = flow(2)
        before = [dp["labels"].copy() for dp in source]
        df = AugmentImageComponents(source, [imgaug.CenterCrop(30)], ["image"], segmentation_index=["labels"])
        for dp in one_pass(df):
            dp["labels"][:] = 0
        for dp, expected in zip(source, before):
            np.testing.assert_array_equal(dp["labels"], expected)

    @pytest.mark.parametrize("value, error, message", [
        ("labels", TypeError, "segmentation_index must be a list or tuple; got 'labels'"),
        (2, TypeError, "segmentation_index must be a list or tuple; got 2"),
        (["image"], ValueError, "segmentation_index and index must name different components; got 'image' in both"),
    ])
    def test_mistakes(self, value, error, message):
        with pytest.raises(error, match="AugmentImageComponents: " + message):
            AugmentImageComponents(flow(), AUGMENTORS, index=["image"], segmentation_index=value)

    def test_something_that_is_no_map_is_named(self):
        df = AugmentImageComponents(flow(), AUGMENTORS, index=["image"], segmentation_index=["id"])
        with pytest.raises(TypeError, match="AugmentImageComponents: component 'id' must be a label map, that is an array"):
            one_pass(df)


class TestMapsAmongImages:
    def warnings(self, log_records, df):
        one_pass(df)
        one_pass(df)
        return [r.getMessage() for r in log_records if r.levelname == "WARNING"]

    @pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
    def test_labels_that_are_made_up_by_interpolation_are_told_once(self, dtype, log_records):
        messages = self.warnings(log_records, AugmentImageComponents(flow(dtype=dtype), AUGMENTORS, index=["image", "labels"]))
        assert len(messages) == 1
        assert messages[0].startswith(
            "AugmentImageComponents: component 'labels' had the values 1, 2, 3, 4, 5 and came out, as " + dtype)
        assert "If it is a label map, take it out of index and give segmentation_index=['labels']" in messages[0]

    @pytest.mark.parametrize("make", [
        lambda: AugmentImageComponents(flow(), AUGMENTORS, index=["image"], segmentation_index=["labels"]),
        lambda: AugmentImageComponents(flow(), [imgaug.Flip(horiz=True), imgaug.RandomCrop(40)], index=["image", "labels"]),
        lambda: AugmentImageComponents(
            DataFromList([[picture(), picture(channels=0, seed=4)]] * 20), AUGMENTORS, index=[0, 1]),
        lambda: AugmentImageComponents(
            DataFromList([[picture(), picture(channels=0, dtype="float32")]] * 20), AUGMENTORS, index=[0, 1]),
        lambda: AugmentImageComponents(DataFromList([[label_map(), picture(51, 66)]] * 20), AUGMENTORS, index=[0, 1]),
    ], ids=["a map", "nothing made up", "gray images", "floats", "the first image"])
    def test_other_flows_are_not_warned_about(self, make, log_records):
        assert self.warnings(log_records, make()) == []


OF_ONE_SIZE = {
    "CenterCrop": lambda: imgaug.CenterCrop(20), "RandomCrop": lambda: imgaug.RandomCrop(20),
    "Resize": lambda: imgaug.Resize(30),
    "Rotation": lambda: imgaug.Rotation(20), "Shift": lambda: imgaug.Shift(0.3, 0.3), "Affine": lambda: imgaug.Affine(shear=10),
    "CenterPaste": lambda: imgaug.CenterPaste((70, 70)), "RandomCutout": lambda: imgaug.RandomCutout(5, 0),
    "RotationAndCropValid": lambda: imgaug.RotationAndCropValid(20), "a list": lambda: imgaug.AugmentorList(
        [imgaug.Flip(horiz=True, prob=1), imgaug.RandomOrderAug([imgaug.Brightness(9), imgaug.Shift(0.3)])]),
}


def pairs(first=(51, 66), second=(26, 33)):
    return DataFromList([[picture(*first), label_map(*second)]] * 3, shuffle=False)


class TestSizes:
    """All images and maps of a datapoint have the size of the first image: one transform is drawn for it."""

    @augmentors_where()
    @pytest.mark.parametrize("second", [(26, 33), (102, 132), (66, 51)], ids=str)
    def test_a_map_of_another_size_is_refused_whatever_is_drawn(self, line, second):
        df = AugmentImageComponents(pairs(second=second), [line.make()], index=[0], segmentation_index=[1])
        with pytest.raises(ValueError, match=r"AugmentImageComponents: component 1 must be as large as the image, component 0, "
                                             r"which has 51x66 pixels; got uint8 \({}, {}\); resize it before.*INTER_NEAREST"
                                             .format(*second)):
            one_pass(df)

    @pytest.mark.parametrize("name", OF_ONE_SIZE)
    def test_an_image_of_another_size_is_refused_by_what_depends_on_the_size(self, name):
        df = AugmentImageComponents(pairs(), [OF_ONE_SIZE[name]()], index=[0, 1])
        with pytest.raises(ValueError, match="AugmentImageComponents: component 1 must be as large as the image, component 0"):
            one_pass(df)

    @pytest.mark.parametrize("augmentor", [
        imgaug.Flip(horiz=True, prob=1), imgaug.Flip(vert=True, prob=1), imgaug.Identity(), imgaug.Transpose(prob=1),
        imgaug.Brightness(30), imgaug.MapImage(np.fliplr),
        imgaug.AugmentorList([imgaug.Flip(horiz=True, prob=1), imgaug.ToFloat32()])],
        ids=["horizontally", "vertically", "Identity", "Transpose", "Brightness", "MapImage", "AugmentorList"])
    def test_an_image_of_another_size_goes_through_what_does_not(self, augmentor):
        for dp in one_pass(AugmentImageComponents(pairs(), [augmentor], index=[0, 1])):
            assert sorted(dp[1].shape) == [26, 33] and sorted(dp[0].shape[:2]) == [51, 66]

    def test_no_size_of_coordinates_matters(self):
        ds = DataFromList([[picture(51, 66), np.array([[-5, 700]], "float32")]])
        df = AugmentImageCoordinates(ds, [imgaug.CenterCrop(51)])
        assert [dp[1].tolist() for dp in one_pass(df)] == [[[-12.0, 700.0]]]
