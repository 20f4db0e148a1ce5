"""CIFAR-10 and CIFAR-100: archives as Alex Krizhevsky made them, with pickles of Python 2."""
import os
import pickle
import tarfile
import threading

import numpy as np
import pytest
from dataset_samples import CIFAR_FILES, PER_BATCH, pixels, python2_pickle, write_archive, write_folder

from tensorpack.dataflow.dataset import Cifar10, Cifar100, CifarBase, cifar
from tensorpack.utils._files.remote_file import RemoteFile


def image_of(row):
    """Pixel by pixel, as the site describes it: 1024 red, 1024 green, 1024 blue values, row by row."""
    return np.stack([row[:1024], row[1024:2048], row[2048:]], axis=-1).reshape(32, 32, 3)


@pytest.fixture
def local(tmp_path):
    return write_folder(tmp_path / "local", dict(CIFAR_FILES[10], **CIFAR_FILES[100]))


class TestReading:
    @pytest.mark.parametrize("cls, part, seeds, labels", [
        (Cifar10, "train", range(1, 6), [label for k in range(1, 6) for label in (k, k + 1, 0, 9)]),
        (Cifar10, "test", [6], [3, 8, 8, 0]),
        (Cifar100, "train", [7], [19, 29, 0, 99]),
        (Cifar100, "test", [8], [19, 29, 0, 99]),
    ], ids=["10-train", "10-test", "100-train", "100-test"])
    def test_datapoints(self, cls, part, seeds, labels, local, log_records):
        df = cls(part, shuffle=False, dir=local)
        datapoints = list(df)
        assert len(df) == len(datapoints) == len(labels)
        expected = np.concatenate([pixels(seed) for seed in seeds])
        for (image, label), row in zip(datapoints, expected):
            assert (image.shape, image.dtype, type(label)) == ((32, 32, 3), np.uint8, int)
            np.testing.assert_array_equal(image, image_of(row))
        assert [label for _, label in datapoints] == labels
        assert "Found cifar{} data in {}.".format(df.cifar_classnum, local) in [r.getMessage() for r in log_records]

    def test_attributes(self, local):
        df = Cifar10("train", dir=local)
        assert (df.train_or_test, df.shuffle, df.dir) == ("train", True, local)
        assert not Cifar10("test", dir=local).shuffle and Cifar10("test", shuffle=True, dir=local).shuffle
        assert [os.path.basename(f) for f in df.fs] == ["data_batch_{}".format(k) for k in range(1, 6)]
        assert len(df.data) == 20 and df.data[0][1] == 1
        assert repr(df) == "Cifar10(train_or_test='train', shuffle=True, dir={!r})".format(local)

    def test_shuffling_keeps_pairs_and_changes_with_the_pass(self, local):
        df = Cifar10("train", dir=local)
        df.reset_state()
        pairs = {image.tobytes(): label for image, label in df.data}
        orders = []
        for _ in range(3):
            datapoints = list(df)
            assert {image.tobytes(): label for image, label in datapoints} == pairs
            orders.append([image.tobytes() for image, _ in datapoints])
        assert orders[0] != orders[1] or orders[1] != orders[2]

    def test_a_consumer_may_write_into_images(self, local):
        df = Cifar10("test", dir=local)
        for image, _ in df:
            image[:] = 0
        assert all(image.any() for image, _ in df)

    def test_means(self, local):
        df = Cifar10("test", dir=local)
        test = np.stack([image_of(row) for row in pixels(6)])
        everything = np.stack([image_of(row) for seed in range(1, 7) for row in pixels(seed)])
        for names, images in (((("test",),), test), ((), everything)):
            mean = df.get_per_pixel_mean(*names)
            assert (mean.shape, mean.dtype) == ((32, 32, 3), np.float32)
            np.testing.assert_allclose(mean, images.mean(axis=0), rtol=1e-6)
            channels = df.get_per_channel_mean(*names)
            assert channels.shape == (3,)
            np.testing.assert_allclose(channels, images.mean(axis=(0, 1, 2)), rtol=1e-6)

    def test_label_names(self, local):
        assert Cifar10("test", dir=local).get_label_names() == ["airplane", "automobile", "bird"]
        assert Cifar100("test", dir=local).get_label_names() == ["apple", "aquarium_fish"]

    def test_default_directories(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TENSORPACK_DATASET", str(tmp_path))
        for cls, num_classes in ((Cifar10, 10), (Cifar100, 100)):
            write_folder(tmp_path / "cifar{}_data".format(num_classes), CIFAR_FILES[num_classes])
            assert len(cls("test")) == PER_BATCH

    @pytest.mark.parametrize("call, words", [
        (lambda d: Cifar10("val", dir=d), "Cifar10: the part must be 'train' or 'test'; got 'val'"),
        (lambda d: Cifar10("test", dir=d).get_per_pixel_mean(["val"]), "must be 'train' or 'test'; got 'val'"),
        (lambda d: CifarBase("test", dir=d, cifar_classnum=20), "cifar_classnum must be 10 or 100; got 20"),
    ], ids=["part", "part of a mean", "classes"])
    def test_mistakes(self, call, words, local):
        with pytest.raises(ValueError, match=words):
            call(local)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("should-not-exist",)


BAD = {
    "truncated": CIFAR_FILES[10]["cifar-10-batches-py/test_batch"][:-500],
    "no pickle": b"<html>404</html>",
    "empty": b"",
    "code": pickle.dumps({b"data": Evil(), b"labels": []}, protocol=2),
    "no labels": python2_pickle({"data": pixels(0)}),
    "other size": python2_pickle({"data": pixels(0)[:, 1:], "labels": [0] * PER_BATCH}),
    "too few labels": python2_pickle({"data": pixels(0), "labels": [1]}),
    "list": python2_pickle([1, 2]),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_a_damaged_file_is_named_and_runs_no_code(content, local, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = os.path.join(local, "cifar-10-batches-py", "test_batch")
    with open(path, "wb") as f:
        f.write(content)
    with pytest.raises(ValueError, match="test_batch.* must "):
        Cifar10("test", dir=local)
    assert not os.path.exists("should-not-exist")


def test_files_pickled_again_by_python_3_can_be_read(local):
    content = {b"data": pixels(3), b"labels": [1, 2, 3, 4]}
    for protocol in (2, 4):
        with open(os.path.join(local, "cifar-10-batches-py", "test_batch"), "wb") as f:
            pickle.dump(content, f, protocol=protocol)
        assert [label for _, label in Cifar10("test", dir=local)] == [1, 2, 3, 4]


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A directory with both archives, from where they are downloaded."""
    directory = tmp_path / "remote"
    directory.mkdir()
    for num_classes, version in list(cifar._VERSIONS.items()):
        path = directory / version.archive.filename
        write_archive(path, CIFAR_FILES[num_classes])
        monkeypatch.setitem(cifar._VERSIONS, num_classes, version._replace(
            archive=RemoteFile(version.archive.filename, (path.as_uri(),))))
    return directory


class TestDownload:
    @pytest.mark.parametrize("cls, folder, archive", [
        (Cifar10, "cifar-10-batches-py", "cifar-10-python.tar.gz"),
        (Cifar100, "cifar-100-python", "cifar-100-python.tar.gz")])
    def test_the_archive_is_fetched_once(self, cls, folder, archive, remote, tmp_path):
        target = tmp_path / "new" / "place"
        assert len(cls("test", dir=str(target))) == PER_BATCH
        for name in os.listdir(str(remote)):
            (remote / name).unlink()
        assert len(cls("train", dir=str(target))) >= PER_BATCH
        assert len(cls("test", dir=str(target)).get_label_names()) >= 2
        assert sorted(os.listdir(str(target))) == sorted([folder, archive])

    def test_an_archive_placed_by_hand_serves(self, tmp_path):
        write_archive(tmp_path / "cifar-10-python.tar.gz", CIFAR_FILES[10])
        assert len(Cifar10("test", dir=str(tmp_path))) == PER_BATCH

    def test_an_incomplete_folder_is_completed(self, tmp_path):
        folder = tmp_path / "cifar-10-batches-py"
        folder.mkdir()
        (folder / "mine.txt").write_text("stays")
        (folder / "data_batch_1").write_bytes(CIFAR_FILES[10]["cifar-10-batches-py/data_batch_1"])
        write_archive(tmp_path / "cifar-10-python.tar.gz", CIFAR_FILES[10])
        assert len(Cifar10("train", dir=str(tmp_path))) == 20
        assert (folder / "mine.txt").read_text() == "stays"

    def test_two_at_once_download_and_unpack_once(self, remote, tmp_path, log_records):
        flows, target = [], str(tmp_path / "target")
        threads = [threading.Thread(target=lambda: flows.append(Cifar10("test", dir=target))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [len(df) for df in flows] == [PER_BATCH] * 4
        messages = [r.getMessage().split()[0] for r in log_records]
        assert messages.count("Succesfully") == messages.count("Unpacking") == 1
        assert sorted(os.listdir(target)) == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]

    def test_offline_message(self, tmp_path, monkeypatch):
        urls = ((tmp_path / "a").as_uri(), (tmp_path / "b").as_uri())
        monkeypatch.setitem(cifar._VERSIONS, 10, cifar._VERSIONS[10]._replace(
            archive=cifar._VERSIONS[10].archive._replace(urls=urls)))
        with pytest.raises(OSError) as caught:
            Cifar10("train", dir=str(tmp_path / "target"))
        for words in urls + ("Cifar10: ", str(tmp_path / "target" / "cifar-10-python.tar.gz"), "place it there",
                             "170498071 bytes", "md5:c58f30108f718f92721af3b95e74349a"):
            assert words in str(caught.value)
        assert os.listdir(str(tmp_path / "target")) == []

    def test_sources(self):
        for version in cifar._VERSIONS.values():
            assert version.archive.urls[0] == "https://www.cs.toronto.edu/~kriz/" + version.archive.filename


class TestArchive:
    @pytest.mark.parametrize("damage", [
        lambda content: content[:len(content) // 2],
        lambda content: content[:1000] + b"\0" * 50 + content[1050:],
        lambda content: b"<html>404</html>",
        lambda content: b"",
    ], ids=["truncated", "damaged", "error page", "empty"])
    def test_a_damaged_archive_is_named_and_leaves_nothing(self, damage, tmp_path):
        path = tmp_path / "cifar-10-python.tar.gz"
        write_archive(path, CIFAR_FILES[10])
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(ValueError, match="Cifar10: .*10-python.tar.gz must be a complete archive(.|\n)*delete the file"):
            Cifar10("train", dir=str(tmp_path))
        assert os.listdir(str(tmp_path)) == ["cifar-10-python.tar.gz"]

    def test_an_archive_without_the_files_is_named(self, tmp_path):
        write_archive(tmp_path / "cifar-10-python.tar.gz", CIFAR_FILES[100])
        with pytest.raises(ValueError, match="Failed to find file: .*data_batch_1: the archive"):
            Cifar10("train", dir=str(tmp_path))
        assert os.listdir(str(tmp_path)) == ["cifar-10-python.tar.gz"]

    @pytest.mark.parametrize("name", ["../outside", "/tmp/outside-of-it", "a/../../outside"])
    def test_files_cannot_leave_the_directory(self, name, tmp_path):
        target = tmp_path / "target"
        target.mkdir()
        write_archive(target / "cifar-10-python.tar.gz", dict(CIFAR_FILES[10], **{name: b"evil"}))
        with pytest.raises(ValueError, match="must stay in its directory"):
            Cifar10("train", dir=str(target))
        assert os.listdir(str(tmp_path)) == ["target"] and not os.path.exists("/tmp/outside-of-it")

    def test_links_are_left_out(self, tmp_path):
        path = tmp_path / "cifar-10-python.tar.gz"
        with tarfile.open(str(path), "w:gz") as archive:
            link = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        with pytest.raises(ValueError, match="Failed to find file"):
            Cifar10("train", dir=str(tmp_path))
