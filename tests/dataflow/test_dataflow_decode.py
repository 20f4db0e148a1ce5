"""`decode_image`: the same pixels as OpenCV, whatever package decodes; what is there of damaged files."""
import cv2
import jpeg_samples
import numpy as np
import pytest

from tensorpack.dataflow import DataFromList, ImageFromFile, MapDataComponent, decode_image
from tensorpack.dataflow._decode import decode, decoders
from tensorpack.dataflow._decode.jpeg_header import is_cut_off, read_header

CATALOGUE = jpeg_samples.catalogue()
DAMAGED = jpeg_samples.damaged()
FLAGS = {"bgr": cv2.IMREAD_COLOR, "rgb": cv2.IMREAD_COLOR, "gray": cv2.IMREAD_GRAYSCALE, "unchanged": cv2.IMREAD_UNCHANGED}


@pytest.fixture(params=["simplejpeg", "OpenCV"], autouse=True)
def package(request, monkeypatch):
    """Without simplejpeg all is done by OpenCV."""
    if request.param == "OpenCV":
        monkeypatch.setattr(decoders, "simplejpeg", lambda: None)
    else:
        assert decoders.simplejpeg() is not None
    return request.param


@pytest.fixture(autouse=True)
def new_counts(monkeypatch):
    monkeypatch.setattr(decode, "_counts", {policy: decode.DamageCount("decode_image", policy, True)
                                            for policy in decode.POLICIES})


def by_opencv(content, mode):
    image = cv2.imdecode(np.frombuffer(content, "uint8"), FLAGS[mode])
    return image[:, :, ::-1] if mode == "rgb" else image


@pytest.mark.parametrize("mode", FLAGS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_pixels_of_opencv(name, mode, log_records):
    image, expected = decode_image(CATALOGUE[name], mode), by_opencv(CATALOGUE[name], mode)
    assert image.dtype == expected.dtype and image.flags.c_contiguous and image.flags.writeable
    np.testing.assert_array_equal(image, expected)
    assert log_records == []


@pytest.mark.parametrize("make", [
    bytes, bytearray, memoryview, lambda x: np.frombuffer(x, "uint8"), lambda x: np.frombuffer(x, "uint8")[:, None],
    lambda x: np.repeat(np.frombuffer(x, "uint8"), 2)[::2]])
def test_what_bytes_may_lie_in(make):
    content = CATALOGUE["plain"]
    np.testing.assert_array_equal(decode_image(make(content)), by_opencv(content, "bgr"))


def test_only_what_is_common_goes_to_simplejpeg(package, monkeypatch):
    sent = []
    monkeypatch.setattr(decoders, "decode_jpeg", lambda content, *args, **kwargs: sent.append(bytes(content)) or 1 / 0)
    for content in CATALOGUE.values():
        try:
            decode_image(content)
        except ZeroDivisionError:
            pass
    expected = [content for name, content in CATALOGUE.items() if content[:1] == b"\xff" and not name.startswith(
        ("EXIF of", "EXIF as", "EXIF with", "EXIF cut", "EXIF twice", "EXIF 0", "EXIF 9", "thumbnail", "PIL CMYK"))]
    assert sent == (expected if package == "simplejpeg" else [])
    arithmetic = CATALOGUE["plain"].replace(b"\xff\xc0\0\x11\x08", b"\xff\xc9\0\x11\x08")
    assert not read_header(memoryview(arithmetic)).is_common and not read_header(
        memoryview(CATALOGUE["plain"].replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"))).is_common


@pytest.mark.parametrize("mode", ["bgr", "gray"])
@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_there_of_a_damaged_file(name, mode, tmp_path, log_records):
    path = tmp_path / "a.jpg"
    path.write_bytes(DAMAGED[name])
    image = decode_image(DAMAGED[name], mode)
    expected = cv2.imread(str(path), FLAGS[mode])
    np.testing.assert_array_equal(image, expected)
    warning, = [record.getMessage() for record in log_records]
    assert warning == ("[decode_image] 1 of 1 images are damaged and were decoded as far as they go, so far, in this process; "
                       "such as cut off before its end")
    assert decode_image(DAMAGED[name], mode, on_damaged="drop") is None
    with pytest.raises(ValueError, match="decode_image: the image is damaged: cut off before its end; on_damaged='keep'"):
        decode_image(DAMAGED[name], mode, on_damaged="raise")


def test_data_that_are_spoiled_are_damage_where_the_decoder_tells(package, log_records):
    spoiled = bytearray(CATALOGUE["plain"])
    spoiled[-2000:-1900] = bytes(range(100))
    np.testing.assert_array_equal(decode_image(spoiled), by_opencv(spoiled, "bgr"))
    assert len(log_records) == (package == "simplejpeg")
    assert (decode_image(spoiled, on_damaged="drop") is None) == (package == "simplejpeg")


def test_warnings_become_rare_and_count(log_records):
    for k in range(120):
        decode_image(DAMAGED["turned"] if k % 2 else CATALOGUE["8x8"])
    counts = [record.getMessage().split(" images")[0] for record in log_records]
    assert counts == ["[decode_image] 1 of 2", "[decode_image] 10 of 20"]


SOMETHING_ELSE = {
    "empty": (b"", "empty"),
    "words": (b"<html>no image", r"damaged, or no image: 14 bytes that begin with b'<html>no'"),
    "start alone": (b"\xff\xd8", "2 bytes of a JPEG without data of pixels"),
    "cut off in the header": (CATALOGUE["plain"][:200], "200 bytes of a JPEG without data of pixels"),
    "header alone": (CATALOGUE["plain"][:625], r"a JPEG of \d+ bytes with a header that tells 118x151 pixels"),
    "header that lies": (jpeg_samples.with_size(CATALOGUE["8x8"], 16000, 16000), "header that tells 16000x16000 pixels"),
    "header of a giant": (jpeg_samples.with_size(CATALOGUE["quality 100"], 65500, 65500), "tells 65500x65500 pixels"),
    "PNG cut off": (CATALOGUE["PNG"][:-2000], "bytes that begin with b'.x89PNG"),
}


@pytest.mark.parametrize("name", SOMETHING_ELSE)
def test_what_is_no_image(name, tmp_path):
    content, words = SOMETHING_ELSE[name]
    for on_damaged in ("keep", "raise"):
        with pytest.raises(ValueError, match="decode_image: the bytes must be an image .*; it is .*?" + words):
            decode_image(content, on_damaged=on_damaged)
    assert decode_image(content, on_damaged="drop") is None
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="files must be images .*; got '{}', which is .*?{}".format(path, words)):
        list(ImageFromFile([str(path)]))


@pytest.mark.parametrize("arguments, error, words", [
    (("a.jpg",), TypeError, "an encoded image must be bytes or a uint8 array of them; got 'a.jpg'"),
    ((None,), TypeError, ".*got None"),
    ((np.zeros(5),), TypeError, ".*got float64"),
    ((b"", "BGR"), ValueError, "mode must be 'bgr', 'rgb', 'gray' or 'unchanged'; got 'BGR'"),
    ((b"", 1), ValueError, "mode must be"),
])
def test_wrong_arguments(arguments, error, words):
    with pytest.raises(error, match="decode_image: " + words):
        decode_image(*arguments)


def test_wrong_policy():
    with pytest.raises(ValueError, match="on_damaged must be 'keep', 'drop' or 'raise'; got 'skip'"):
        decode_image(b"", on_damaged="skip")


def test_in_a_flow_nothing_goes_without_a_word(log_records):
    contents = [CATALOGUE["plain"], DAMAGED["turned"], b"foreign"]
    df = MapDataComponent(DataFromList([[content, k] for k, content in enumerate(contents)], shuffle=False), drop_damaged)
    df.reset_state()
    assert [label for _, label in df.__iter__()] == [0]
    assert "its function returned None for 2 of 3 datapoints of a pass" in log_records[-1].getMessage()


def drop_damaged(content):
    return decode_image(content, on_damaged="drop")


def test_files_are_counted_and_named(tmp_path, log_records):
    paths = []
    for k, content in enumerate([CATALOGUE["EXIF 6>"], DAMAGED["turned"], CATALOGUE["PNG"], DAMAGED["restarts, 0.6 of it"]]):
        paths.append(str(tmp_path / "{}.jpg".format(k)))
        (tmp_path / "{}.jpg".format(k)).write_bytes(content)
    for number in (1, 2):
        for channel, rgb, flag in ((3, True, "rgb"), (3, False, "bgr"), (1, True, "gray")):
            images = [image for image, in ImageFromFile(paths, channel=channel, rgb=rgb)]
            for image, path in zip(images, paths):
                expected = cv2.imread(path, FLAGS[flag])
                np.testing.assert_array_equal(image, expected[:, :, ::-1] if flag == "rgb" else expected.reshape(image.shape))
        assert [record.getMessage() for record in log_records] == [
            "[ImageFromFile] 2 of 4 images are damaged and were decoded as far as they go, in this pass; such as {}: cut off "
            "before its end".format(paths[1])] * 3 * number


@pytest.mark.parametrize("name", DAMAGED)
def test_cut_off(name):
    assert is_cut_off(DAMAGED[name])
