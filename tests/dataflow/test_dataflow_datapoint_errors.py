"""Errors about one datapoint: they name it, its other components and its file, and their traceback is short."""
import sys
import traceback

import numpy as np
import pytest
from parallel_flows import Count

from tensorpack.dataflow import (
    AugmentImageComponent,
    AugmentImageComponents,
    AugmentImageCoordinates,
    BatchData,
    DataFromList,
    FixedSizeData,
    ImageFromFile,
    MapData,
    MapDataComponent,
    MultiProcessMapAndBatchData,
    MultiProcessMapData,
    MultiThreadMapData,
    PrintData,
    RepeatedData,
    SelectComponent,
)
from tensorpack.dataflow.imgaug import ImageAugmentor, RandomCrop

cv2 = pytest.importorskip("cv2")


def image(size):
    return np.zeros((size, size, 3), "uint8")


def corners():
    return np.zeros((2, 2), "float32")


def failure(df):
    df.reset_state()
    with pytest.raises(Exception) as info:
        for _ in df:
            pass
    return info.value


def flow(*datapoints):
    return DataFromList(list(datapoints), shuffle=False)


AUGMENTED = {
    "component": lambda ds: AugmentImageComponent(ds, [RandomCrop(10)]),
    "components": lambda ds: AugmentImageComponents(ds, [RandomCrop(10)], index=[0], coords_index=[2]),
    "coordinates": lambda ds: AugmentImageCoordinates(ds, [RandomCrop(10)], 0, 2),
}
every_augmentation = pytest.mark.parametrize("augment", AUGMENTED.values(), ids=AUGMENTED)


@every_augmentation
def test_an_augmentor_that_fails_names_the_datapoint(augment):
    error = failure(augment(flow([image(20), 7, corners()], [image(5), 8, corners()])))
    assert type(error) is ValueError
    assert str(error).startswith("RandomCrop: crop_shape (h, w) must not exceed (5, 5); got (10, 10)")
    assert str(error).endswith("(datapoint 1 of the pass, list of 3: [uint8 (5, 5, 3), int 8, float32 (2, 2)])")


@every_augmentation
def test_so_does_what_is_no_image(augment):
    error = failure(augment(flow([image(20), 7, corners()], [None, 8, corners()])))
    assert type(error) is TypeError
    assert "component 0 must be an image, that is an array; got None; " in str(error)
    assert " (datapoint 1 of the pass, list of 3: [None" in str(error)


@pytest.mark.parametrize("make_dp", [list, tuple, lambda dp: dict(enumerate(dp))], ids=["list", "tuple", "dict"])
def test_all_kinds_of_datapoints(make_dp):
    error = failure(AUGMENTED["component"](flow(make_dp([image(5), "a.png"]))))
    assert "datapoint 0 of the pass, " in str(error) and str(error).endswith(", from a.png)")


class FailsInside(ImageAugmentor):
    """As augmentors of users do."""

    def get_transform(self, img):
        raise KeyError("no such colour")


class Odd(Exception):
    """Its words cannot be changed."""

    def __init__(self, one, two):
        super().__init__(one, two)


class FailsOddly(ImageAugmentor):
    def get_transform(self, img):
        raise Odd("one", "two")


def test_errors_keep_their_class_where_they_can():
    error = failure(AugmentImageComponent(flow([image(5)]), [FailsInside()]))
    assert type(error) is KeyError and error.args[0].startswith("no such colour (datapoint 0 of the pass")
    error = failure(AugmentImageComponent(flow([image(5)]), [FailsOddly()]))
    assert type(error) is RuntimeError and str(error).startswith("Odd: ('one', 'two') (datapoint 0 of the pass")
    assert type(error.__cause__) is Odd


@pytest.mark.parametrize("ds, frames", [
    (flow([None]), ["test_the_traceback_is_short", "__iter__", "_is_tolerated"]),
    (flow([image(5)]), ["test_the_traceback_is_short", "__iter__", "_is_tolerated", "get_transform", "check_fits"]),
], ids=["no image", "augmentor"])
def test_the_traceback_is_short(ds, frames):
    df = AUGMENTED["component"](ds)
    df.reset_state()
    try:
        next(iter(df))
    except (TypeError, ValueError) as e:
        assert [frame.name for frame in traceback.extract_tb(e.__traceback__)] == frames
        assert e.__cause__ is None and e.__context__ is None


# ---- the file

@pytest.fixture
def files(tmp_path):
    """Three images, the last of which is too small."""
    paths = [str(tmp_path / "{}.png".format(k)) for k in range(3)]
    for path, size in zip(paths, (20, 30, 5)):
        cv2.imwrite(path, image(size))
    return paths


def read(dp):
    return [cv2.imread(dp[0]), dp[1]]


FROM_FILES = {
    "ImageFromFile": lambda files: ImageFromFile(files),
    "a map": lambda files: MapData(flow(*([path, k] for k, path in enumerate(files))), read),
    "a map of a component": lambda files: MapDataComponent(flow(*([path, k] for k, path in enumerate(files))), cv2.imread),
    "below others": lambda files: PrintData(FixedSizeData(RepeatedData(SelectComponent(MapData(
        flow(*([path, "cat"] for path in files)), read), [0, 1]), 1), 3), 0),
    "beside it": lambda files: flow(*([cv2.imread(path), path] for path in files)),
}


@pytest.mark.parametrize("name", FROM_FILES)
def test_the_file_is_named_where_a_flow_below_knows_it(files, name):
    assert str(failure(AUGMENTED["component"](FROM_FILES[name](files)))).endswith(", from {})".format(files[2]))


def test_a_file_that_could_not_be_read_is_named(files):
    with open(files[1], "w") as f:
        f.write("damaged")
    error = failure(AUGMENTED["component"](FROM_FILES["a map"](files)))
    assert "got None; " in str(error)
    assert " (datapoint 1 of the pass, list of 2: [None, int 1], from {})".format(files[1]) in str(error)


def test_no_file_is_named_where_it_may_be_another(files):
    images = BatchData(ImageFromFile(files[:1] + files[2:], resize=5), 2)
    assert ", from " not in str(failure(AugmentImageComponent(MapData(images, lambda dp: [dp[0][0]]), [RandomCrop(10)])))


# ---- errors that are caught

def test_caught_errors_are_logged_with_the_name(files, log_records):
    df = AugmentImageComponent(ImageFromFile(files), [RandomCrop(10)], catch_exceptions=True)
    df.reset_state()
    assert len([dp for dp in df]) == 2
    record, = [record for record in log_records if record.exc_info]
    assert record.getMessage() == "Got 1 augmentation errors."
    assert str(record.exc_info[1]).endswith("[uint8 (5, 5, 3)], from {})".format(files[2]))


@pytest.mark.parametrize("dp, error", [([None], TypeError), ([], IndexError), ({"x": 1}, KeyError)])
def test_what_has_no_image_is_never_caught(dp, error):
    assert type(failure(AugmentImageComponent(flow(dp), [RandomCrop(10)], catch_exceptions=True))) is error


# ---- functions of users: a note, the error stays what it is

def fail_at_3(dp):
    if dp[0] == 3:
        raise ValueError("three")
    return dp


MAPS = {
    "MapData": lambda ds: MapData(ds, fail_at_3),
    "MultiThreadMapData": lambda ds: MultiThreadMapData(ds, 1, fail_at_3, buffer_size=2),
    "MultiProcessMapDataZMQ": lambda ds: MultiProcessMapData(ds, 1, fail_at_3, buffer_size=2),
    "MultiProcessMapAndBatchDataZMQ": lambda ds: MultiProcessMapAndBatchData(ds, 1, fail_at_3, 2),
}


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="exceptions have notes")
@pytest.mark.parametrize("name", ["MapData", "MultiThreadMapData"])
def test_without_notes_the_log_names_the_datapoint(name, log_records):
    failure(MAPS[name](Count(5)))
    (text,) = [r.getMessage() for r in log_records if r.levelname == "ERROR"]
    assert text.startswith(name + ": ") and text.endswith("list of 1: [int 3]: ValueError") and "has failed on" in text


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have no notes")
@pytest.mark.parametrize("name", MAPS)
def test_the_error_of_a_function_has_a_note_about_the_datapoint(name):
    error = failure(MAPS[name](Count(5)))
    assert type(error) is ValueError and error.args == ("three",)
    shown = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    where = "its function has failed on datapoint 3 of the pass, " if name == "MapData" else "map_func has failed on "
    assert "{}: {}list of 1: [int 3]".format(name, where) in shown
