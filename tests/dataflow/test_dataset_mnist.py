"""MNIST and Fashion-MNIST: reading, downloading, and what happens to damaged files."""
import gzip
import os
import pathlib
import struct

import numpy as np
import pytest

from tensorpack.dataflow.dataset import FashionMnist, Mnist, mnist
from tensorpack.dataflow.dataset.mnist import _Source, extract_images, extract_labels, maybe_download

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REAL_DATA = os.path.join(os.path.dirname(ROOT), "shared", "data", "mnist_data")

NAMES = {"train": "train", "test": "t10k"}
COUNTS = {"train": 5, "test": 3}


def images_of(part):
    return np.random.RandomState(COUNTS[part]).randint(0, 256, size=(COUNTS[part], 28, 28)).astype("uint8")


def labels_of(part):
    return np.arange(COUNTS[part], dtype="uint8")


def compressed(magic, array):
    return gzip.compress(struct.pack(">{}I".format(1 + array.ndim), magic, *array.shape) + array.tobytes())


def write_files(directory):
    directory.mkdir(exist_ok=True)
    for part, prefix in NAMES.items():
        (directory / (prefix + "-images-idx3-ubyte.gz")).write_bytes(compressed(2051, images_of(part)))
        (directory / (prefix + "-labels-idx1-ubyte.gz")).write_bytes(compressed(2049, labels_of(part)))
    return directory


@pytest.fixture
def local(tmp_path):
    """A directory with all files."""
    return write_files(tmp_path / "local")


@pytest.fixture
def remote(tmp_path):
    """A directory with all files, to download from."""
    return write_files(tmp_path / "remote")


def mnist_from(directory, base=Mnist):
    class FromDirectory(base):
        _SOURCE_URL = directory.as_uri() + "/"

    return FromDirectory


class TestReading:
    @pytest.mark.parametrize("part", ["train", "test"])
    @pytest.mark.parametrize("cls", [Mnist, FashionMnist])
    def test_datapoints_and_attributes(self, cls, part, local):
        df = cls(part, shuffle=False, dir=str(local))
        assert len(df) == COUNTS[part]
        assert df.images.shape == (COUNTS[part], 28, 28, 1) and df.images.dtype == np.float32
        np.testing.assert_array_equal(df.labels, labels_of(part))
        for k, (image, label) in enumerate(df):
            assert (image.shape, image.dtype, type(label), label) == ((28, 28), np.float32, np.uint8, k)
            np.testing.assert_allclose(image, images_of(part)[k] / 255.0, rtol=1e-6)

    def test_shuffles_images_with_their_labels(self, local):
        df = Mnist("train", dir=str(local))
        df.reset_state()
        orders = set()
        for _ in range(20):
            datapoints = list(df)
            orders.add(tuple(int(label) for _, label in datapoints))
            for image, label in datapoints:
                np.testing.assert_array_equal(image, df.images[label, :, :, 0])
        assert len(orders) > 1

    def test_default_directories(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TENSORPACK_DATASET", str(tmp_path))
        for cls, name in ((Mnist, "mnist_data"), (FashionMnist, "fashion_mnist_data")):
            write_files(tmp_path / name)
            assert len(cls("test")) == COUNTS["test"]

    def test_names_of_fashion_labels(self, local):
        names = FashionMnist("test", dir=str(local)).get_label_names()
        assert names == ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                         "Ankle boot"]

    @pytest.mark.parametrize("cls", [Mnist, FashionMnist])
    def test_wrong_part_is_refused(self, cls, local):
        with pytest.raises(ValueError, match=cls.__name__ + ": train_or_test must be 'train' or 'test'; got 'val'"):
            cls("val", dir=str(local))


DAMAGE = {
    "images as labels": lambda content: compressed(2049, labels_of("train")),
    "truncated": lambda content: content[:len(content) // 2],
    "flipped bit": lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
    "error page": lambda content: b"<html>403 Forbidden</html>",
    "fewer pixels than announced": lambda content: gzip.compress(gzip.decompress(content)[:-1]),
    "more pixels than announced": lambda content: gzip.compress(gzip.decompress(content) + b"\0"),
    "no header": lambda content: gzip.compress(b"\0\0"),
}
IMAGES = "train-images-idx3-ubyte.gz"


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_local_file_is_named_with_the_remedy(damage, local):
    path = local / IMAGES
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=IMAGES + "(.|\n)*delete the file"):
        Mnist("train", dir=str(local))
    assert path.exists()


def test_wrong_magic_number_is_named(local):
    (local / "t10k-labels-idx1-ubyte.gz").write_bytes(compressed(1234, labels_of("test")))
    with pytest.raises(ValueError, match="Invalid magic number 1234 in MNIST label file: .*t10k-labels"):
        Mnist("test", dir=str(local))


def test_images_and_labels_must_belong_together(local):
    (local / "t10k-labels-idx1-ubyte.gz").write_bytes(compressed(2049, labels_of("train")))
    with pytest.raises(ValueError, match="belong together; got 3 images and 5 labels"):
        Mnist("test", dir=str(local))


class TestFunctions:
    """The functions of the module, which scripts call without a DataFlow."""

    def test_images_and_labels_of_a_file(self, local):
        images = extract_images(str(local / IMAGES))
        assert (images.shape, images.dtype) == ((5, 28, 28, 1), np.float32)
        np.testing.assert_array_equal(images[..., 0], images_of("train").astype("float32") / 255)
        labels = extract_labels(str(local / "t10k-labels-idx1-ubyte.gz"))
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, labels_of("test"))

    def test_other_files_are_refused(self, local):
        with pytest.raises(ValueError, match="Invalid magic number 2051 in MNIST label file"):
            extract_labels(str(local / IMAGES))

    @pytest.mark.parametrize("filename", [IMAGES, "t10k-labels-idx1-ubyte.gz", "notes.txt"])
    def test_a_missing_file_is_downloaded_once(self, tmp_path, remote, filename):
        (remote / "notes.txt").write_text("any file")
        target = str(tmp_path / "new")
        path = maybe_download((remote / filename).as_uri(), target)
        assert path == os.path.join(target, filename)
        (remote / filename).unlink()
        assert maybe_download((remote / filename).as_uri(), target) == path
        assert os.listdir(target) == [filename]

    def test_a_damaged_download_is_refused(self, tmp_path, remote):
        (remote / IMAGES).write_bytes(b"<html>")
        with pytest.raises(OSError, match="maybe_download: .*cannot be downloaded"):
            maybe_download((remote / IMAGES).as_uri(), str(tmp_path))


class TestDownload:
    def test_missing_files_are_fetched_once(self, tmp_path, remote):
        target = tmp_path / "new" / "place"
        cls = mnist_from(remote)
        assert len(cls("train", dir=str(target))) == COUNTS["train"]
        assert sorted(os.listdir(str(target))) == ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]
        for name in os.listdir(str(remote)):
            (remote / name).unlink()
        assert len(cls("train", dir=str(target))) == COUNTS["train"]

    @pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
    def test_a_damaged_download_leaves_nothing_behind(self, damage, tmp_path, remote):
        source = remote / IMAGES
        good = source.read_bytes()
        source.write_bytes(damage(good))
        target = tmp_path / "target"
        with pytest.raises(OSError):
            mnist_from(remote)("train", dir=str(target))
        assert os.listdir(str(target)) == []
        source.write_bytes(good)
        assert len(mnist_from(remote)("train", dir=str(target))) == COUNTS["train"]

    def test_offline_message_names_url_path_and_what_to_do(self, tmp_path):
        target = tmp_path / "target"
        cls = mnist_from(tmp_path / "nowhere", FashionMnist)
        with pytest.raises(OSError) as caught:
            cls("train", dir=str(target))
        message = str(caught.value)
        assert str(target / IMAGES) in message
        assert (tmp_path / "nowhere" / IMAGES).as_uri() in message
        assert "place it there" in message

    def test_a_mirror_serves_when_the_source_is_gone(self, tmp_path, remote, monkeypatch):
        cls = mnist_from(tmp_path / "nowhere")
        monkeypatch.setitem(mnist._KNOWN_SOURCES, cls._SOURCE_URL, _Source(mirrors=(remote.as_uri() + "/",), sha256={}))
        assert len(cls("train", dir=str(tmp_path / "target"))) == COUNTS["train"]

    def test_known_content_is_verified(self, tmp_path, remote, monkeypatch):
        cls = mnist_from(remote)
        monkeypatch.setitem(mnist._KNOWN_SOURCES, cls._SOURCE_URL, _Source(mirrors=(), sha256={IMAGES: "0" * 64}))
        with pytest.raises(OSError, match="content must have SHA-256 0000"):
            cls("train", dir=str(tmp_path / "target"))
        assert os.listdir(str(tmp_path / "target")) == []

    def test_known_files_are_verified(self, tmp_path, remote, monkeypatch):
        cls = mnist_from(remote, FashionMnist)
        monkeypatch.setitem(mnist._KNOWN_SOURCES, cls._SOURCE_URL, _Source(mirrors=(), sha256={}, md5={IMAGES: "0" * 32}))
        with pytest.raises(OSError, match="must have the checksum md5:0000"):
            cls("train", dir=str(tmp_path / "target"))
        assert sorted(mnist._KNOWN_SOURCES[FashionMnist._SOURCE_URL].md5) == sorted(os.listdir(str(remote)))

    def test_sources_are_those_that_users_know(self):
        assert (Mnist._DIR_NAME, Mnist._SOURCE_URL) == ("mnist_data", "http://yann.lecun.com/exdb/mnist/")
        assert (FashionMnist._DIR_NAME, FashionMnist._SOURCE_URL) == (
            "fashion_mnist_data", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/")
        assert all(url.startswith("https://") for source in mnist._KNOWN_SOURCES.values() for url in source.mirrors)


@pytest.mark.skipif(not os.path.isdir(REAL_DATA), reason="the real MNIST is not beside the project (../shared/data/mnist_data)")
@pytest.mark.parametrize("part, size, counts", [
    ("train", 60000, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
    ("test", 10000, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
])
def test_real_mnist(part, size, counts, tmp_path, monkeypatch):
    """The real files pass the verification of downloads and have the known contents."""
    class Local(Mnist):
        _SOURCE_URL = pathlib.Path(REAL_DATA).as_uri() + "/"

    known = mnist._KNOWN_SOURCES[Mnist._SOURCE_URL]
    monkeypatch.setitem(mnist._KNOWN_SOURCES, Local._SOURCE_URL, known)
    df = Local(part, shuffle=False, dir=str(tmp_path))
    assert len(df) == size
    assert np.bincount(df.labels).tolist() == counts
    image, label = next(iter(df))
    assert image.max() == 1 and image.min() == 0
    assert label == {"train": 5, "test": 7}[part]
    assert len(known.sha256) == 4
