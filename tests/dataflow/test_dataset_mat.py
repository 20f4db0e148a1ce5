"""Datasets in MATLAB files: SVHN, Caltech 101 Silhouettes, BSDS500."""
import os

import numpy as np
import pytest
import scipy.io as scipy_io
from dataset_samples import (
    CALTECH_SIZES,
    SVHN_SIZES,
    bsds_files,
    edges_of,
    silhouettes,
    svhn_images,
    write_archive,
    write_caltech,
    write_folder,
    write_svhn,
)

from tensorpack.dataflow.dataset import BSDS500, Caltech101Silhouettes, SVHNDigit, _mat, bsds500, caltech101, svhn
from tensorpack.utils._files.remote_file import RemoteFile
from tensorpack.utils.optional import optional_import


class TestSVHN:
    @pytest.mark.parametrize("name", sorted(SVHN_SIZES))
    def test_datapoints(self, name, tmp_path):
        df = SVHNDigit(name, data_dir=write_svhn(tmp_path / "d"), shuffle=False)
        datapoints = list(df)
        assert len(df) == len(datapoints) == SVHN_SIZES[name]
        for (image, label), expected, digit in zip(datapoints, svhn_images(name), [0, 1, 9, 0, 5]):
            assert (image.shape, image.dtype, type(label), label) == ((32, 32, 3), np.uint8, np.uint8, digit)
            np.testing.assert_array_equal(image, expected)

    def test_shuffles_by_default(self, tmp_path):
        df = SVHNDigit("train", write_svhn(tmp_path / "d"))
        df.reset_state()
        assert len({tuple(image.tobytes() for image, _ in df) for _ in range(10)}) > 1

    def test_another_directory_is_another_dataset(self, tmp_path):
        """The original kept the first one that was loaded."""
        first = SVHNDigit("test", write_svhn(tmp_path / "a"))
        second_dir = write_svhn(tmp_path / "b")
        scipy_io.savemat(os.path.join(second_dir, "test_32x32.mat"), {
            "X": np.zeros((32, 32, 3, 2), "uint8"), "y": np.array([[3], [4]], "uint8")})
        assert (len(first), len(SVHNDigit("test", second_dir))) == (3, 2)

    def test_flows_of_one_file_share_its_memory(self, tmp_path):
        directory = write_svhn(tmp_path / "d")
        df = SVHNDigit("train", directory)
        assert SVHNDigit("train", directory).images is df.images

    def test_mean(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TENSORPACK_DATASET", str(tmp_path))
        write_svhn(tmp_path / "svhn_data")
        mean = SVHNDigit.get_per_pixel_mean()
        assert (mean.shape, mean.dtype) == ((32, 32, 3), np.float64)
        np.testing.assert_allclose(mean, np.concatenate([svhn_images(name) for name in SVHN_SIZES]).mean(axis=0))
        other = SVHNDigit.get_per_pixel_mean(("test",), data_dir=write_svhn(tmp_path / "other"))
        np.testing.assert_allclose(other, svhn_images("test").mean(axis=0))

    def test_wrong_name(self, tmp_path):
        with pytest.raises(ValueError, match="SVHNDigit: name must be 'train', 'test' or 'extra'; got 'val'"):
            SVHNDigit("val", str(tmp_path))

    @pytest.mark.parametrize("where", [0.02, 0.5, 0.98])
    def test_a_truncated_file_is_named(self, where, tmp_path):
        path = os.path.join(write_svhn(tmp_path / "d"), "train_32x32.mat")
        with open(path, "r+b") as f:
            f.truncate(int(os.path.getsize(path) * where))
        with pytest.raises(ValueError, match="train_32x32.mat: must be a complete MATLAB file(.|\n)*delete the file"):
            SVHNDigit("train", str(tmp_path / "d"))

    @pytest.mark.parametrize("content", [
        {"X": np.zeros((2, 32, 32, 3), "uint8"), "y": np.zeros((2, 1), "uint8")},
        {"X": np.zeros((32, 32, 3, 2), "uint8"), "y": np.zeros((3, 1), "uint8")},
        {"y": np.zeros((3, 1), "uint8")},
    ], ids=["order", "number", "missing"])
    def test_another_content_is_refused(self, content, tmp_path):
        scipy_io.savemat(str(tmp_path / "test_32x32.mat"), content)
        with pytest.raises(ValueError, match="test_32x32.mat: must "):
            SVHNDigit("test", str(tmp_path))

    def test_offline_message(self, tmp_path, monkeypatch):
        monkeypatch.setattr(svhn, "_SITES", ((tmp_path / "nothing").as_uri() + "/",))
        with pytest.raises(OSError, match="SVHNDigit: .*train_32x32.mat is missing .*nothing/train_32x32.mat.*place it there"):
            SVHNDigit("train", str(tmp_path))


class TestCaltech101:
    FILE = "caltech101_silhouettes_28_split1.mat"

    @pytest.mark.parametrize("name", sorted(CALTECH_SIZES))
    def test_datapoints(self, name, tmp_path):
        write_caltech(tmp_path / self.FILE)
        df = Caltech101Silhouettes(name, shuffle=False, dir=str(tmp_path))
        datapoints = list(df)
        assert len(df) == len(datapoints) == CALTECH_SIZES[name]
        for (image, label), expected, number in zip(datapoints, silhouettes(name), [0, 0, 20, 20, 40, 40]):
            assert (image.shape, image.dtype, type(label), label) == ((28, 28), np.uint8, np.uint16, number)
            np.testing.assert_array_equal(image.reshape(-1), expected)

    def test_a_download_is_verified_and_then_used(self, tmp_path, monkeypatch):
        remote = tmp_path / self.FILE
        write_caltech(remote)
        content = remote.read_bytes()
        monkeypatch.setenv("TENSORPACK_DATASET", str(tmp_path))
        monkeypatch.setattr(caltech101, "_FILE", RemoteFile(self.FILE, (remote.as_uri(),)))
        remote.write_bytes(content[:len(content) // 2])
        with pytest.raises(OSError, match="cannot be downloaded"):
            Caltech101Silhouettes("test")
        assert os.listdir(str(tmp_path / "caltech101_data")) == []
        remote.write_bytes(content)
        assert len(Caltech101Silhouettes("test")) == CALTECH_SIZES["test"]
        remote.unlink()
        assert len(Caltech101Silhouettes("val")) == CALTECH_SIZES["val"]

    def test_wrong_name(self):
        with pytest.raises(ValueError, match="name must be 'train', 'test' or 'val'; got 'extra'"):
            Caltech101Silhouettes("extra")


@pytest.fixture(scope="module")
def bsds_archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("bsds") / "BSR_bsds500.tgz"
    write_archive(path, bsds_files())
    return path


class TestBSDS500:
    def test_datapoints(self, bsds_archive, tmp_path, monkeypatch):
        monkeypatch.setattr(bsds500, "_ARCHIVE", RemoteFile("BSR_bsds500.tgz", (bsds_archive.as_uri(),)))
        monkeypatch.setenv("TENSORPACK_DATASET", str(tmp_path))
        df = BSDS500("val", shuffle=False)
        (portrait, portrait_edges), (landscape, landscape_edges) = list(df)  # in the order of their names
        assert len(df) == 2
        for image, edges in df:
            assert (image.shape, image.dtype, edges.shape, edges.dtype) == ((321, 481, 3), np.uint8, (321, 481), np.float32)
        np.testing.assert_allclose(landscape_edges, edges_of("val", (321, 481)), rtol=1e-6)
        np.testing.assert_allclose(portrait_edges, edges_of("val", (481, 321)).T, rtol=1e-6)
        assert {round(float(v), 3) for v in np.unique(landscape_edges)} == {0, 0.333, 0.667, 1}
        np.testing.assert_allclose(landscape[10, 200], (250, 10, 90), atol=6)  # blue, green, red
        np.testing.assert_allclose(portrait[200, 10], (250, 10, 90), atol=6)
        assert landscape[300, 200].max() < 10 and portrait[200, 300].max() < 10
        assert len(BSDS500("train")) == len(BSDS500("test")) == 2
        assert sorted(os.listdir(str(tmp_path / "bsds500_data"))) == ["BSR", "BSR_bsds500.tgz"]

    def test_damage_is_named(self, tmp_path):
        write_folder(tmp_path, bsds_files())
        data = tmp_path / "BSR" / "BSDS500" / "data"
        (data / "images" / "train" / "2018.jpg").write_bytes(b"no image")
        with pytest.raises(ValueError, match="2018.jpg must be an image"):
            BSDS500("train", str(tmp_path))
        (data / "groundTruth" / "test" / "2018.mat").write_bytes(b"no MATLAB file")
        with pytest.raises(ValueError, match="2018.mat: must be a complete MATLAB file"):
            BSDS500("test", str(tmp_path))
        for name in ("2018.jpg", "100007.jpg"):
            (data / "images" / "val" / name).unlink()
        with pytest.raises(ValueError, match="must hold images"):
            BSDS500("val", str(tmp_path))

    def test_wrong_name(self):
        with pytest.raises(ValueError, match="name must be 'train', 'test' or 'val'; got 'all'"):
            BSDS500("all")


def test_without_scipy_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(_mat, "scipy_io", optional_import("no_such_scipy", needed_by="SVHNDigit", pip="scipy"))
    with pytest.raises(ImportError, match="SVHNDigit needs the package .*pip install scipy"):
        SVHNDigit("train", write_svhn(tmp_path / "d"))


def test_sources_are_those_that_users_know():
    assert svhn._SITES[-1] == "http://ufldl.stanford.edu/housenumbers/"
    assert bsds500._ARCHIVE.size == 70763455
    assert caltech101._FILE.urls == ("https://people.cs.umass.edu/~marlin/data/caltech101_silhouettes_28_split1.mat",)
