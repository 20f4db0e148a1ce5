"""Datasets of image files: ILSVRC12, TinyImageNet, Places365."""
import os

import cv2
import numpy as np
import pytest
from dataset_samples import (
    MEAN,
    META,
    SYNSETS,
    write_archive,
    write_ilsvrc_images,
    write_ilsvrc_meta,
    write_image,
    write_places,
    write_tiny_imagenet,
)

from tensorpack.dataflow.dataset import (
    ILSVRC12,
    ILSVRC12Files,
    ILSVRCMeta,
    Places365Standard,
    TinyImageNet,
    _ilsvrc_meta,
    ilsvrc,
)
from tensorpack.utils._files.remote_file import RemoteFile


@pytest.fixture
def meta_dir(tmp_path):
    return write_ilsvrc_meta(tmp_path / "meta")


class TestMeta:
    def test_names_of_classes(self, meta_dir):
        meta = ILSVRCMeta(meta_dir)
        assert meta.get_synset_1000() == dict(enumerate(SYNSETS))
        assert meta.get_synset_words_1000()[1] == "n01443537 goldfish, Carassius auratus"

    @pytest.mark.parametrize("name, structure, expected", [
        ("train", "original", ("n01440764/n01440764_10.JPEG", 0)),
        ("train", "train", ("n01440764/n01440764_10.JPEG", 0)),
        ("val", "original", ("ILSVRC2012_val_00000001.JPEG", 2)),
        ("val", "train", ("n01484850/ILSVRC2012_val_00000001.JPEG", 2)),
        ("test", "original", ("ILSVRC2012_test_00000001.JPEG", 0)),
    ])
    def test_image_list(self, meta_dir, name, structure, expected):
        images = ILSVRCMeta(meta_dir).get_image_list(name, structure)
        assert images[0] == expected and type(images[0][1]) is int
        assert len(images) == {"train": 6, "val": 2, "test": 1}[name]

    def test_mean_image(self, meta_dir):
        mean = ILSVRCMeta(meta_dir).get_per_pixel_mean()
        assert (mean.shape, mean.dtype) == ((256, 256, 3), np.float32)
        np.testing.assert_array_equal(mean, MEAN.transpose(1, 2, 0))
        assert ILSVRCMeta(meta_dir).get_per_pixel_mean((64, 32)).shape == (64, 32, 3)
        np.testing.assert_allclose(ILSVRCMeta(meta_dir).get_per_pixel_mean(128).mean(), MEAN.mean(), rtol=1e-2)

    def test_a_damaged_mean_is_named(self, meta_dir):
        with open(os.path.join(meta_dir, "imagenet_mean.binaryproto"), "r+b") as f:
            f.truncate(1000)
        with pytest.raises(ValueError, match="imagenet_mean.binaryproto must be a BlobProto"):
            ILSVRCMeta(meta_dir).get_per_pixel_mean()

    def test_a_missing_file_is_named_with_its_source(self, meta_dir):
        os.remove(os.path.join(meta_dir, "val.txt"))
        with pytest.raises(FileNotFoundError, match="val.txt must exist.*caffe_ilsvrc12.tar.gz, from https?://"):
            ILSVRCMeta(meta_dir).get_image_list("val")

    @pytest.mark.parametrize("args", [("all",), ("val", "flat")])
    def test_mistakes(self, meta_dir, args):
        with pytest.raises(ValueError, match="name must be one of train, val, test, and dir_structure one of"):
            ILSVRCMeta(meta_dir).get_image_list(*args)

    def test_the_archive_is_fetched_once(self, tmp_path, monkeypatch):
        path = tmp_path / "remote.tar.gz"
        write_archive(path, {"./" + name: content for name, content in META.items()})
        monkeypatch.setenv("TENSORPACK_DATASET", str(tmp_path))
        monkeypatch.setattr(_ilsvrc_meta, "_ARCHIVE", RemoteFile("caffe_ilsvrc12.tar.gz", (path.as_uri(),)))
        assert len(ILSVRCMeta().get_image_list("train")) == 6
        path.unlink()
        assert len(ILSVRCMeta().get_image_list("val")) == 2
        assert sorted(os.listdir(str(tmp_path / "ilsvrc_metadata"))) == sorted(list(META) + ["caffe_ilsvrc12.tar.gz"])

    @pytest.mark.parametrize("entries, expected", [
        (["n01440764/a.JPEG", "n01443537/b.JPEG"], "train"),
        (["ILSVRC2012_val_00000001.JPEG"], "original"),
        (["n_a_file.JPEG"], "original"),
        (["other/a.JPEG"], "original"),
        ([], "original"),
    ], ids=["class directories", "files", "file with n", "other directory", "empty"])
    def test_guess_of_the_structure(self, tmp_path, entries, expected, log_records):
        for entry in entries:
            (tmp_path / entry).parent.mkdir(exist_ok=True)
            (tmp_path / entry).write_bytes(b"")
        assert ILSVRCMeta.guess_dir_structure(str(tmp_path)) == expected
        assert log_records[-1].getMessage() == "[ILSVRC12] Assuming directory {} has '{}' structure.".format(tmp_path, expected)


@pytest.fixture
def images_dir(tmp_path):
    return write_ilsvrc_images(tmp_path / "images")


class TestILSVRC12:
    def test_files(self, images_dir, meta_dir):
        df = ILSVRC12Files(images_dir, "train", meta_dir=meta_dir, shuffle=False)
        assert len(df) == 6 and df.full_dir == os.path.join(images_dir, "train") and df.name == "train"
        assert df.imglist[0] == ("n01440764/n01440764_10.JPEG", 0)
        datapoints = list(df)
        assert [label for _, label in datapoints] == [0, 0, 1, 1, 2, 2]
        assert all(os.path.isfile(path) for path, _ in datapoints)

    def test_images(self, images_dir, meta_dir):
        datapoints = list(ILSVRC12(images_dir, "val", meta_dir=meta_dir))  # in order: val is not shuffled
        assert [label for _, label in datapoints] == [2, 0]
        for image, _ in datapoints:
            assert (image.shape, image.dtype) == ((20, 30, 3), np.uint8)
            np.testing.assert_allclose(image[10, 10], (10, 60, 200), atol=5)

    def test_train_is_shuffled(self, images_dir, meta_dir):
        df = ILSVRC12Files(images_dir, "train", meta_dir)
        df.reset_state()
        passes = [list(df) for _ in range(8)]
        assert all(sorted(p) == sorted(passes[0]) for p in passes) and len({tuple(map(tuple, p)) for p in passes}) > 1

    @pytest.mark.parametrize("dir_structure", [None, "train"])
    def test_validation_images_by_class(self, tmp_path, meta_dir, dir_structure):
        write_image(tmp_path / "i" / "val" / SYNSETS[2] / "ILSVRC2012_val_00000001.JPEG")
        write_image(tmp_path / "i" / "val" / SYNSETS[0] / "ILSVRC2012_val_00000002.JPEG")
        assert [label for _, label in ILSVRC12(str(tmp_path / "i"), "val", meta_dir, dir_structure=dir_structure)] == [2, 0]

    def test_missing_images_are_noticed_at_once(self, images_dir, meta_dir):
        with pytest.raises(FileNotFoundError, match="test must exist and hold the images"):
            ILSVRC12(images_dir, "test", meta_dir)
        with pytest.raises(FileNotFoundError, match="n01484850.*must exist, as dir_structure is 'train'"):
            ILSVRC12(images_dir, "val", meta_dir, dir_structure="train")
        os.remove(os.path.join(images_dir, "val", "ILSVRC2012_val_00000002.JPEG"))
        with pytest.raises(FileNotFoundError, match="00000002.JPEG must exist"):
            ILSVRC12Files(images_dir, "val", meta_dir)

    def test_an_image_that_is_cut_off_is_decoded_and_counted(self, images_dir, meta_dir, log_records):
        df = ILSVRC12(images_dir, "val", meta_dir=meta_dir, shuffle=False)
        path = os.path.join(df.full_dir, df.imglist[1][0])
        cv2.imwrite(path, np.arange(3 * 64 * 64, dtype="uint8").reshape(64, 64, 3))
        os.truncate(path, os.path.getsize(path) - 9)
        images = [image for image, _ in df]
        np.testing.assert_array_equal(images[1], cv2.imread(path))
        assert log_records[-1].getMessage().endswith("{}: cut off before its end".format(path))
        assert "[ILSVRC12] 1 of {} images are damaged".format(len(df)) in log_records[-1].getMessage()

    def test_a_damaged_image_is_named(self, images_dir, meta_dir):
        with open(os.path.join(images_dir, "val", "ILSVRC2012_val_00000002.JPEG"), "wb") as f:
            f.write(b"no image")
        with pytest.raises(ValueError, match="ILSVRC12: .*00000002.JPEG must be an image"):
            list(ILSVRC12(images_dir, "val", meta_dir))

    @pytest.mark.parametrize("args, words", [
        (("valid",), "name must be"), (("val", None, None, "flat"), "dir_structure must be")], ids=["name", "structure"])
    def test_mistakes(self, images_dir, args, words):
        with pytest.raises(ValueError, match="ILSVRC12Files: " + words):
            ILSVRC12Files(images_dir, *args)


ANNOTATION = """<annotation><folder>n01440764</folder><filename>x</filename>
<size><width>500</width><height>375</height><depth>3</depth></size><segmented>0</segmented>
<object><name>n01440764</name><pose>Unspecified</pose><truncated>0</truncated>
<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object></annotation>"""


def test_boxes_of_training_images(tmp_path, log_records):
    """The original gave None for all of them on Python 3.9 and later."""
    folder = tmp_path / "n01440764"
    folder.mkdir()
    (folder / "a.xml").write_text(ANNOTATION.format(13, 22, 493, 342))
    (folder / "b.xml").write_text("<annotation></annotation>")
    boxes = ILSVRC12.get_training_bbox(str(tmp_path), [("n01440764/{}.JPEG".format(n), 0) for n in "abc"])
    assert boxes[0].dtype == np.float32 and boxes[0].tolist() == [13, 22, 493, 342]
    assert boxes[1:] == [None, None]
    assert log_records[-1].getMessage() == "Found a bounding box for 1 of 3 images."
    for damaged in ("<annotation>", ANNOTATION.format(1, "x", 2, 3)):
        (folder / "a.xml").write_text(damaged)
        with pytest.raises(ValueError, match="a.xml must be an annotation"):
            ILSVRC12.get_training_bbox(str(tmp_path), [("n01440764/a.JPEG", 0)])


class TestTinyImageNet:
    @pytest.fixture
    def directory(self, tmp_path):
        return write_tiny_imagenet(tmp_path)

    @pytest.mark.parametrize("name, labels", [("train", [0, 0, 0, 1, 1, 1]), ("val", [1, 0])])
    def test_datapoints(self, directory, name, labels):
        df = TinyImageNet(directory, name, shuffle=False)
        datapoints = list(df)
        assert len(df) == len(df.imglist) == len(labels)
        assert [label for _, label in datapoints] == labels
        assert all((image.shape, image.dtype) == ((64, 64, 3), np.uint8) for image, _ in datapoints)

    def test_the_order_does_not_depend_on_the_file_system(self, directory, monkeypatch):
        names = [os.path.basename(path) for path, _ in TinyImageNet(directory, "train").imglist]
        listdir = os.listdir
        monkeypatch.setattr(ilsvrc.os, "listdir", lambda path: sorted(listdir(path), reverse=True))
        assert [os.path.basename(path) for path, _ in TinyImageNet(directory, "train").imglist] == names

    def test_shuffle_and_mistakes(self, directory, tmp_path):
        assert TinyImageNet(directory, "train").shuffle and not TinyImageNet(directory, "val").shuffle
        with pytest.raises(ValueError, match="TinyImageNet: name must be 'train' or 'val'; got 'test'"):
            TinyImageNet(directory, "test")
        with pytest.raises(FileNotFoundError, match="wnids.txt"):
            TinyImageNet(str(tmp_path / "no"), "train")


class TestPlaces365:
    @pytest.fixture
    def directory(self, tmp_path):
        return write_places(tmp_path)

    def test_datapoints(self, directory, log_records):
        df = Places365Standard(directory, "train", shuffle=False)
        datapoints = list(df)
        assert len(df) == len(datapoints) == 3
        assert df.get_label_names() == ["airfield", "apartment_building/outdoor", "bar"]
        assert [label for _, label in datapoints] == [2, 0, 1]
        for image, _ in datapoints:
            assert (image.shape, image.dtype) == ((256, 256, 3), np.uint8)
            np.testing.assert_allclose(image[10, 10], (10, 60, 200), atol=5)
        assert log_records[-1].getMessage() == "Found 3 images in {}.".format(os.path.join(directory, "train.txt"))
        assert [label for _, label in Places365Standard(directory, "val")] == [0]

    def test_mistakes(self, directory):
        with pytest.raises(ValueError, match="name must be 'train' or 'val'; got 'test'"):
            Places365Standard(directory, "test")
        with open(os.path.join(directory, "val.txt"), "w") as f:
            f.write("4.jpg\n")
        with pytest.raises(ValueError, match="lines of .*val.txt must be part/class/file; got '4.jpg'"):
            Places365Standard(directory, "val")
        os.remove(os.path.join(directory, "train", "bar", "1.jpg"))
        with pytest.raises(ValueError, match="Places365Standard: .*1.jpg must be an image"):
            list(Places365Standard(directory, "train", shuffle=False))

    def test_star_import_gives_what_it_always_gave(self):
        namespace = {}
        exec("from tensorpack.dataflow.dataset import *", namespace)
        assert {"np", "os", "cv2", "logger", "RNGDataFlow"} <= set(namespace)
