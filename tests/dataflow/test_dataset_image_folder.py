"""Images of one's own: what lies where, parts, damaged files, the order of channels, balance."""
import collections
import os
import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest

from tensorpack.dataflow import MapData, MultiProcessMapData, MultiThreadMapData, ShardData
from tensorpack.dataflow.dataset import ImageFolder
from tensorpack.dataflow.dataset._image_file import is_cut_off
from tensorpack.utils import fix_rng_seed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIZES = {"dog": 12, "cat": 5, "Ant": 3}  # the sorted order is Ant, cat, dog


def write(path, value=0, ending=".jpg", shape=(20, 30, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full(shape, value, "uint8")
    image[:, :10] = 255 - value  # a JPEG file of one value is too short to be cut
    path.write_bytes(cv2.imencode(ending, image)[1].tobytes())


def write_classes(directory, sizes=SIZES):
    for name, size in sizes.items():
        for k in range(size):
            write(directory / name / "{:02d}.jpg".format(k), value=10 * k % 250)
    return str(directory)


@pytest.fixture
def root(tmp_path):
    return write_classes(tmp_path / "photos")


@pytest.fixture
def parts(tmp_path):
    write_classes(tmp_path / "parts" / "train")
    write_classes(tmp_path / "parts" / "val", {"cat": 2, "dog": 1})
    return tmp_path / "parts"


def one_pass(df):
    df.reset_state()
    return [dp for dp in df]


def keys(df):
    """Class folder and file of each image."""
    return [os.path.join(*path.split(os.sep)[-2:]) for path, _ in df.imglist]


def warnings(log_records):
    return [record.getMessage() for record in log_records if record.levelname == "WARNING"]


class TestListing:
    def test_classes_are_numbered_in_the_order_of_their_names(self, root, log_records):
        df = ImageFolder(root, shuffle=False)
        assert df.get_label_names() == ["Ant", "cat", "dog"] and len(df) == 20
        labels = [label for _, label in one_pass(df)]
        assert labels == [0] * 3 + [1] * 5 + [2] * 12 and type(labels[0]) is int
        assert df.imglist[3] == (os.path.join(root, "cat", "00.jpg"), 1)
        assert warnings(log_records) == []
        assert log_records[-1].getMessage() == "Found 20 images of 3 classes in {}.".format(root)

    def test_kinds_of_files(self, tmp_path):
        for ending in (".png", ".JPG", ".jpeg", ".bmp", ".webp", ".tiff"):
            write(tmp_path / "a" / ("x" + ending), 100, ending.lower())
        write(tmp_path / "a" / "gray.png", 100, ".png", (20, 30))
        write(tmp_path / "a" / "alpha.png", 100, ".png", (20, 30, 4))
        cv2.imwrite(str(tmp_path / "a" / "sixteen.png"), np.full((20, 30, 3), 100 * 256, "uint16"))
        datapoints = one_pass(ImageFolder(str(tmp_path), shuffle=False))
        assert len(datapoints) == 9
        for image, _ in datapoints:
            assert (image.dtype, image.shape) == (np.uint8, (20, 30, 3))
            np.testing.assert_allclose(image[10, 25], [100] * 3, atol=2)

    def test_names_that_are_not_ascii(self, tmp_path):
        write(tmp_path / "Käfer" / "größe 1.jpg")
        assert one_pass(ImageFolder(str(tmp_path)))[0][0].shape == (20, 30, 3)

    def test_what_is_left_out_is_told(self, root, log_records):
        os.makedirs(os.path.join(root, "later"))
        for name in ("notes.txt", "cat/a.heic", "cat/b.HEIC", "cat/README", "cat/.DS_Store", "dog/Thumbs.db", ".cache"):
            with open(os.path.join(root, name), "w") as f:
                f.write("x")
        os.rename(os.path.join(root, "dog", "00.jpg"), os.path.join(root, "stray.jpg"))
        df = ImageFolder(root)
        assert len(df) == 19 and df.get_label_names() == ["Ant", "cat", "dog"]
        message, = warnings(log_records)
        assert message == (
            "ImageFolder: in {} these are left out: folders that hold no image: later; images that lie in no class folder: 1; "
            "files that are no images by their names: 2 .heic, 1 .txt, 1 README".format(root))

    def test_a_home_directory(self, root, monkeypatch):
        monkeypatch.setenv("HOME", os.path.dirname(root))
        assert len(ImageFolder("~/photos")) == 20
        assert len(ImageFolder("~", "photos")) == 20

    def test_a_missing_directory_names_what_is_there(self, root, parts):
        with pytest.raises(FileNotFoundError, match="photo must exist and .*; beside it there are: parts, photos"):
            ImageFolder(root[:-1])
        with pytest.raises(FileNotFoundError, match="test must exist and .*; beside it there are: train, val"):
            ImageFolder(str(parts), "test")

    def test_no_images(self, tmp_path):
        with pytest.raises(ValueError, match="must have a folder with images for each class.*; got 0 folders, .* and 0 images"):
            ImageFolder(str(tmp_path))
        write(tmp_path / "1.jpg")
        (tmp_path / "cat").mkdir()
        with pytest.raises(ValueError, match="got 1 folder, none of them with an image, and 1 image"):
            ImageFolder(str(tmp_path))

    def test_parts_are_not_taken_for_classes(self, parts):
        with pytest.raises(ValueError) as caught:
            ImageFolder(str(parts))
        assert "images of a class must lie directly in its folder; got images in {}".format(parts / "train" / "Ant") in str(
            caught.value)
        assert "ImageFolder('{}', 'train')".format(parts) in str(caught.value)


class TestChannels:
    @pytest.mark.parametrize("rgb, expected", [(False, (250, 5, 90)), (True, (90, 5, 250))])
    def test_bgr_unless_rgb_is_asked(self, tmp_path, rgb, expected):
        os.makedirs(str(tmp_path / "a"))
        cv2.imwrite(str(tmp_path / "a" / "1.png"), np.full((4, 5, 3), (250, 5, 90), "uint8"))
        (image, _), = one_pass(ImageFolder(str(tmp_path), rgb=rgb))
        assert image[0, 0].tolist() == list(expected) and image.flags.c_contiguous

    def test_images_are_turned_as_their_exif_data_say(self, tmp_path):
        write(tmp_path / "a" / "1.jpg")
        content = (tmp_path / "a" / "1.jpg").read_bytes()
        exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
        segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
        (tmp_path / "a" / "1.jpg").write_bytes(content[:2] + segment + content[2:])
        (image, _), = one_pass(ImageFolder(str(tmp_path)))
        assert image.shape == (30, 20, 3)


class TestParts:
    def test_by_folders_labels_mean_the_same_in_each(self, parts, log_records):
        train, val = ImageFolder(str(parts), "train"), ImageFolder(str(parts), "val")
        assert (len(train), len(val)) == (20, 3)
        assert train.get_label_names() == val.get_label_names() == ["Ant", "cat", "dog"]
        assert [label for _, label in val.imglist] == [1, 1, 2]
        assert (train.shuffle, val.shuffle, ImageFolder(str(parts), "val", shuffle=True).shuffle) == (True, False, True)
        message, = set(warnings(log_records))
        assert "val has no image of the classes Ant, which other parts have" in message

    def test_a_class_of_another_part_counts_too(self, parts):
        write(parts / "val" / "bee" / "1.jpg")
        (parts / "val" / "empty").mkdir()
        write(parts / "overview.jpg")
        assert ImageFolder(str(parts), "train").get_label_names() == ["Ant", "bee", "cat", "dog"]

    def test_by_a_fraction_of_each_class(self, root):
        train, val = ImageFolder(root).split(0.25)
        assert sorted(keys(train) + keys(val)) == sorted(keys(ImageFolder(root)))
        assert collections.Counter(label for _, label in val.imglist) == {0: 1, 1: 1, 2: 3}
        assert (train.shuffle, val.shuffle) == (True, False) and len(train) == 15 and len(val) == 5
        assert train.get_label_names() == val.get_label_names()
        assert len(one_pass(train)) == 15 and len(one_pass(val)) == 5

    def test_the_parts_are_the_same_again_elsewhere(self, root, tmp_path):
        expected = keys(ImageFolder(root).split(0.25)[1])
        fix_rng_seed(3)
        copy = write_classes(tmp_path / "elsewhere" / "deep")
        assert keys(ImageFolder(copy, shuffle=False).split(0.25)[1]) == expected
        assert keys(ImageFolder(root).split(0.25, seed=1)[1]) != expected
        code = ("import sys; from tensorpack.dataflow import dataset\n"
                "print('|'.join(path for path, _ in dataset.ImageFolder(sys.argv[1]).split(0.25)[1].imglist))")
        run = subprocess.run([sys.executable, "-c", code, root], env=dict(os.environ, PYTHONPATH=ROOT, PYTHONHASHSEED="5"),
                             stdout=subprocess.PIPE, check=True, timeout=120)
        assert [os.path.join(*path.split(os.sep)[-2:]) for path in run.stdout.decode().split()[-1].split("|")] == expected

    def test_few_images_change_their_part_when_others_are_added(self, tmp_path):
        root = write_classes(tmp_path, {"a": 60})
        before = set(keys(ImageFolder(root).split(0.3)[1]))
        for k in range(60, 66):
            write(tmp_path / "a" / "{:02d}.jpg".format(k))
        after = set(keys(ImageFolder(root).split(0.3)[1]))
        assert len(before - after) + len({key for key in after - before if key < "a/60"}) <= 4

    def test_three_parts(self, root):
        rest, test = ImageFolder(root).split(0.2)
        train, val = rest.split(0.25)
        assert sorted(keys(train) + keys(val) + keys(test)) == sorted(keys(ImageFolder(root)))
        assert repr(train) == "ImageFolder(root={!r}, shuffle=True).split(0.2)[0].split(0.25)[0]".format(root)
        assert repr(val) == "ImageFolder(root={!r}, shuffle=False).split(0.2)[0].split(0.25)[1]".format(root)

    @pytest.mark.parametrize("fraction", [0, 1, -0.1, 20, float("nan")])
    def test_fractions(self, root, fraction):
        with pytest.raises(ValueError, match="ImageFolder.split: fraction must be between 0 and 1; got"):
            ImageFolder(root).split(fraction)

    def test_small_classes(self, tmp_path, log_records):
        root = write_classes(tmp_path, {"one": 1, "two": 2, "ten": 10})
        for fraction in (0.01, 0.99):
            first, second = ImageFolder(root).split(fraction)
            counts = [collections.Counter(os.path.dirname(key) for key in keys(df)) for df in (first, second)]
            assert counts[0]["one"] == counts[0]["two"] == counts[1]["two"] == 1 and min(c["ten"] for c in counts) == 1
            warning, = [record.getMessage() for record in log_records if record.levelname == "WARNING"]
            assert warning.endswith("the second has none of them: one")
            del log_records[:]
        with pytest.raises(ValueError, match="must have at least two images"):
            ImageFolder(write_classes(tmp_path / "singles", {"a": 1, "b": 1})).split(0.5)


DAMAGES = {
    "empty": lambda content: b"",
    "cut off": lambda content: content[:-20],
    "damaged, or no image": lambda content: b"no image at all",
}


class TestDamage:
    @pytest.mark.parametrize("words, damage", DAMAGES.items(), ids=DAMAGES)
    def test_a_damaged_file_is_named(self, root, words, damage):
        path = os.path.join(root, "cat", "02.jpg")
        with open(path, "rb") as f:
            content = f.read()
        with open(path, "wb") as f:
            f.write(damage(content))
        df = ImageFolder(root, shuffle=False)
        with pytest.raises(ValueError, match="ImageFolder: {} must be an image .*; it is {}".format(path, words)):
            one_pass(df)

    def test_or_left_out_with_all_names(self, root, log_records):
        damaged = [os.path.join(root, *parts) for parts in (("cat", "02.jpg"), ("dog", "11.jpg"))]
        for path in damaged:
            with open(path, "r+b") as f:
                f.truncate(os.path.getsize(path) - 9)
        df = ImageFolder(root, skip_damaged=True)
        assert len(df) == len(one_pass(df)) == 18
        message, = warnings(log_records)
        assert message.startswith("ImageFolder: 2 damaged files are left out:\n")
        assert [line.split(" must be")[0] for line in message.splitlines()[1:]] == ["ImageFolder: " + path for path in damaged]
        assert log_records[-1].getMessage().startswith("Found 18 images")

    def test_nothing_but_damaged_files(self, tmp_path):
        for k in range(3):
            (tmp_path / "a").mkdir(exist_ok=True)
            (tmp_path / "a" / "{}.png".format(k)).write_bytes(b"x")
        with pytest.raises(ValueError, match="must have images that OpenCV can read; got 3 damaged files, such as: .*0.png"):
            ImageFolder(str(tmp_path), skip_damaged=True)

    def test_where_a_jpeg_file_ends(self):
        rng = np.random.RandomState(0)
        image = cv2.GaussianBlur(rng.randint(0, 256, (120, 160, 3)).astype("uint8"), (5, 5), 2)
        for flags in ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 4]):
            content = cv2.imencode(".jpg", image, flags)[1].tobytes()
            thumbnail = b"\xff\xe1" + struct.pack(">H", len(content) // 2 + 2) + content[:len(content) // 2 - 2] + b"\xff\xd9"
            film = bytes(rng.randint(0, 256, 50000).astype("uint8").tobytes()) + b"\xff\xda\xff\xc0"
            for whole in (content, content[:2] + thumbnail + content[2:]):
                assert not is_cut_off(whole) and not is_cut_off(whole + film) and not is_cut_off(whole + b"\x00")
                for length in [1, 2, 3, 20] + rng.randint(1, len(content), 30).tolist():
                    assert is_cut_off(whole[:-length]) or length > len(whole) - 2
        assert not is_cut_off(cv2.imencode(".png", image)[1].tobytes()[:-50])


class TestBalance:
    def test_classes_are_equally_often_in_a_pass(self, root):
        df = ImageFolder(root, balanced=True)
        for _ in range(3):
            seen = collections.Counter((path, label) for path, label in one_pass(df.files()))
            per_class = collections.Counter()
            for (_, label), count in seen.items():
                per_class[label] += count
            assert sum(per_class.values()) == len(df) == 20 and sorted(per_class.values()) == [6, 7, 7]
            for label in range(3):
                counts = [seen[entry] for entry in df.imglist if entry[1] == label]
                assert max(counts) - min(counts) <= 1

    def test_passes_differ_and_show_everything_in_time(self, root):
        fix_rng_seed(5)
        df = ImageFolder(root, balanced=True).files()
        df.reset_state()
        passes = [[path for path, _ in df] for _ in range(8)]
        assert len({tuple(paths) for paths in passes}) == 8
        assert {path for paths in passes for path in paths} == {path for path, _ in df.imglist}

    def test_the_second_part_of_a_split_is_not_balanced(self, root):
        train, val = ImageFolder(root, balanced=True).split(0.25)
        assert (train.balanced, val.balanced) == (True, False)
        assert [label for _, label in one_pass(val)] == [0, 1, 2, 2, 2]
        with pytest.raises(ValueError, match="balanced=True must come with shuffle=True"):
            ImageFolder(root, balanced=True, shuffle=False)

    def test_the_parts_of_workers_are_balanced(self, root):
        parts = [ShardData(ImageFolder(root, balanced=True).files(), 2, rank, equal=False) for rank in range(2)]
        seen = [[one_pass(part) for _ in range(3)] for part in parts]
        for passes in seen:
            for datapoints in passes:
                counts = collections.Counter(label for _, label in datapoints)
                assert len(datapoints) == 10 and sorted(counts.values()) == [3, 3, 4]
        first, second = [{path for datapoints in passes for path, _ in datapoints} for passes in seen]
        assert not first & second and len(first | second) > 15

    def test_weights(self, root, parts):
        df = ImageFolder(root)
        weights = df.get_class_weights()
        assert weights.dtype == np.float32
        np.testing.assert_allclose(weights, [20 / 9, 20 / 15, 20 / 36], rtol=1e-6)
        np.testing.assert_allclose(np.mean([weights[label] for _, label in df.imglist]), 1, rtol=1e-6)
        drawn = df.get_sampling_weights()
        assert drawn.shape == (20,) and abs(drawn.sum() - 1) < 1e-6
        np.testing.assert_allclose([drawn[:3].sum(), drawn[3:8].sum(), drawn[8:].sum()], [1 / 3] * 3, rtol=1e-6)
        np.testing.assert_allclose(ImageFolder(str(parts), "val").get_class_weights(), [0, 0.75, 1.5])

    def test_weights_where_all_classes_are_shown_alike(self, root, log_records):
        df = ImageFolder(root, balanced=True)
        weights = df.get_class_weights()
        assert weights.tolist() == [1, 1, 1] and weights.dtype == np.float32
        assert [text for text in warnings(log_records) if "take one of the two" in text]
        np.testing.assert_allclose(df.get_sampling_weights(), ImageFolder(root).get_sampling_weights())


def test_files_are_read_in_parallel(root):
    df = ImageFolder(root, rgb=True, shuffle=False)
    files = df.files()
    assert [dp for dp in files] == [[path, label] for path, label in df.imglist] and repr(files).endswith(").files()")
    parallel = MultiThreadMapData(files, 2, lambda dp: [df.read(dp[0]), dp[1]], buffer_size=4, strict=True)
    parallel.reset_state()
    images = sorted((label, image.tobytes()) for image, label in parallel)
    assert images == sorted((label, image.tobytes()) for image, label in df)


@pytest.mark.parametrize("mapped", [
    MapData, lambda files, read: MultiThreadMapData(files, 2, read, buffer_size=4, strict=True),
    lambda files, read: MultiProcessMapData(files, 2, read, buffer_size=4, strict=True),
], ids=["map", "threads", "processes"])
def test_read_is_the_function_of_a_flow_over_files(root, mapped):
    df = ImageFolder(root, shuffle=False)
    flow = mapped(df.files(), df.read)
    flow.reset_state()
    images = sorted((label, image.tobytes()) for image, label in flow)
    assert images == sorted((label, image.tobytes()) for image, label in df)


def test_read_keeps_what_follows_the_path(root):
    df = ImageFolder(root, shuffle=False)
    (path, label), *_ = df.imglist
    image, *others = df.read((path, label, "more"))
    np.testing.assert_array_equal(image, df.read(path))
    assert others == [label, "more"] and df.read([path])[0].shape == image.shape


@pytest.mark.parametrize("names, said", [
    (["1", "2", "10"], "'10' is 1"), (["0", "5", "30", "100"], "'100' is 1"), (["0", "1", "2"], None),
    (["01", "02", "10"], None), (["1", "10", "b"], None), (["class1", "class10", "class2"], None),
], ids=str)
def test_classes_that_are_numbers_in_the_order_of_texts(tmp_path, log_records, names, said):
    write_classes(tmp_path, dict.fromkeys(names, 1))
    df = ImageFolder(str(tmp_path), shuffle=False)
    assert df.get_label_names() == sorted(names)
    told = [text for text in warnings(log_records) if "as text" in text]
    assert len(told) == (said is not None) and all(said in text for text in told)
