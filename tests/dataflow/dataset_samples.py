"""Small datasets in the formats of the real ones, and a flow of each."""
import io
import os
import pickle
import struct
import tarfile

import cv2
import numpy as np
import scipy.io as scipy_io

from tensorpack.dataflow import dataset

PER_BATCH = 4


class Python2Pickler(pickle._Pickler):
    """Writes strings as Python 2 did."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_python2_string(self, value):
        value = value.encode("latin1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    dispatch[bytes] = dispatch[str] = save_python2_string

    def save_global(self, obj, name=None):
        module = obj.__module__.replace("numpy._core", "numpy.core")
        self.write(pickle.GLOBAL + "{}\n{}\n".format(module, obj.__name__).encode())
        self.memoize(obj)

    dispatch[type(len)] = dispatch[type] = save_global


def python2_pickle(value):
    f = io.BytesIO()
    Python2Pickler(f, protocol=2).dump(value)
    return f.getvalue()


def pixels(seed, count=PER_BATCH):
    return np.random.RandomState(seed).randint(0, 256, size=(count, 3072)).astype("uint8")


def cifar10_files():
    files = {"data_batch_{}".format(k): {"data": pixels(k), "labels": [k, k + 1, 0, 9], "batch_label": "batch",
                                         "filenames": ["a.png"] * PER_BATCH} for k in range(1, 6)}
    files["test_batch"] = {"data": pixels(6), "labels": [3, 8, 8, 0], "batch_label": "test", "filenames": ["a.png"] * PER_BATCH}
    files["batches.meta"] = {"num_cases_per_batch": PER_BATCH, "num_vis": 3072,
                             "label_names": ["airplane", "automobile", "bird"]}
    return {"cifar-10-batches-py/" + name: python2_pickle(value) for name, value in files.items()}


def cifar100_files():
    files = {part: {"data": pixels(seed), "fine_labels": [19, 29, 0, 99], "coarse_labels": [11, 15, 4, 14],
                    "filenames": ["a.png"] * PER_BATCH, "batch_label": "x"} for part, seed in (("train", 7), ("test", 8))}
    files["meta"] = {"fine_label_names": ["apple", "aquarium_fish"], "coarse_label_names": ["aquatic_mammals"]}
    return {"cifar-100-python/" + name: python2_pickle(value) for name, value in files.items()}


CIFAR_FILES = {10: cifar10_files(), 100: cifar100_files()}


def write_archive(path, files):
    with tarfile.open(str(path), "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def write_folder(directory, files):
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return str(directory)


SVHN_SIZES = {"train": 5, "test": 3, "extra": 4}


def svhn_images(name):
    return np.random.RandomState(SVHN_SIZES[name]).randint(0, 256, size=(SVHN_SIZES[name], 32, 32, 3)).astype("uint8")


def write_svhn(directory):
    """MATLAB's order: the images last; labels 1 to 10, where 10 is a zero."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, size in SVHN_SIZES.items():
        scipy_io.savemat(str(directory / (name + "_32x32.mat")), {
            "X": svhn_images(name).transpose(1, 2, 3, 0), "y": np.array([[10], [1], [9], [10], [5]][:size], "uint8")},
            do_compression=True)
    return str(directory)


CALTECH_SIZES = {"train": 6, "test": 4, "val": 3}


def silhouettes(name):
    return np.random.RandomState(CALTECH_SIZES[name]).randint(0, 2, size=(CALTECH_SIZES[name], 784)).astype("uint8")


def write_caltech(path):
    content = {"classnames": np.array(["accordion", "airplanes"], dtype=object)}
    for name, size in CALTECH_SIZES.items():
        content[name + "_data"] = silhouettes(name)
        content[name + "_labels"] = np.arange(1, 101, 20, dtype="uint16").repeat(2)[:size, np.newaxis]
    scipy_io.savemat(str(path), content, do_compression=True)


def bsds_files():
    """Of each part, two images: a landscape and a portrait, each with three annotators."""
    files = {}
    for part in ("train", "test", "val"):
        for name, shape in (("2018", (321, 481)), ("100007", (481, 321))):
            rng = np.random.RandomState(len(part) + shape[0])
            image = np.zeros(shape + (3,), "uint8")
            image[:shape[0] // 4] = (250, 10, 90)
            boundaries = rng.randint(0, 2, size=(3,) + shape).astype("uint8")
            truth = np.empty((1, 3), dtype=object)
            for k in range(3):
                truth[0, k] = {"Segmentation": np.ones(shape, "uint16"), "Boundaries": boundaries[k]}
            f = io.BytesIO()
            scipy_io.savemat(f, {"groundTruth": truth}, do_compression=True)
            files["images/{}/{}.jpg".format(part, name)] = cv2.imencode(".jpg", image)[1].tobytes()
            files["groundTruth/{}/{}.mat".format(part, name)] = f.getvalue()
        files["images/{}/Thumbs.db".format(part)] = b"not an image"
    return {"BSR/BSDS500/data/" + name: content for name, content in files.items()}


def edges_of(part, shape):
    rng = np.random.RandomState(len(part) + shape[0])
    return rng.randint(0, 2, size=(3,) + shape).mean(axis=0)


SYNSETS = ["n01440764", "n01443537", "n01484850"]
MEAN = np.random.RandomState(0).rand(3, 256, 256).astype("float32") * 255


def length_delimited(number, content):
    size, encoded = len(content), b""
    while size > 127:
        encoded += bytes(bytearray([size & 127 | 128]))
        size >>= 7
    return bytes(bytearray([number << 3 | 2])) + encoded + bytes(bytearray([size])) + content


def binaryproto():
    """A `BlobProto` with the dimensions in single fields, as the one of ILSVRC12 has them."""
    header = b"\x08\x01" + b"\x10\x03" + b"\x18\x80\x02" + b"\x20\x80\x02"  # 1, 3, 256, 256
    return header + length_delimited(5, struct.pack("<{}f".format(MEAN.size), *MEAN.reshape(-1)))


META = {
    "synsets.txt": "".join(s + "\n" for s in SYNSETS).encode(),
    "synset_words.txt": b"n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\nn01484850 great white shark\n",
    "train.txt": b"".join("{0}/{0}_{1}.JPEG {2}\n".format(s, k, i).encode() for i, s in enumerate(SYNSETS) for k in (10, 3)),
    "val.txt": b"ILSVRC2012_val_00000001.JPEG 2\nILSVRC2012_val_00000002.JPEG 0\n",
    "test.txt": b"ILSVRC2012_test_00000001.JPEG 0\n",
    "imagenet_mean.binaryproto": binaryproto(),
}


def write_image(path, color=(10, 60, 200), size=(20, 30)):
    """A JPEG of one colour (blue, green, red)."""
    os.makedirs(os.path.dirname(str(path)), exist_ok=True)
    cv2.imwrite(str(path), np.full(size + (3,), color, "uint8"))


def write_ilsvrc_meta(directory):
    return write_folder(directory, META)


def write_ilsvrc_images(directory):
    """All images of the lists for train and val; val has them in one directory."""
    for synset in SYNSETS:
        for k in (10, 3):
            write_image(directory / "train" / synset / "{}_{}.JPEG".format(synset, k))
    for k in (1, 2):
        write_image(directory / "val" / "ILSVRC2012_val_0000000{}.JPEG".format(k))
    return str(directory)


def write_tiny_imagenet(directory):
    """The classes are not in alphabetical order; an image is gray."""
    for wnid in ("n01443537", "n02124075"):
        for k in (0, 10, 2):
            write_image(directory / "train" / wnid / "images" / "{}_{}.JPEG".format(wnid, k), size=(64, 64))
    write_image(directory / "val" / "images" / "val_0.JPEG", size=(64, 64))
    cv2.imwrite(str(directory / "val" / "images" / "val_1.JPEG"), np.zeros((64, 64), "uint8"))
    (directory / "val" / "val_annotations.txt").write_text(
        "val_0.JPEG\tn01443537\t0\t32\t44\t62\nval_1.JPEG\tn02124075\t1\t2\t3\t4\n")
    (directory / "wnids.txt").write_text("n02124075\nn01443537\n")
    return str(directory)


def write_places(directory):
    for name in ("train/bar/1.jpg", "train/airfield/2.jpg", "train/apartment_building/outdoor/3.jpg", "val/bar/4.jpg"):
        write_image(directory / name, size=(256, 256))
    (directory / "train.txt").write_text("train/bar/1.jpg\n/train/airfield/2.jpg\ntrain/apartment_building/outdoor/3.jpg\n")
    (directory / "val.txt").write_text("val/bar/4.jpg\n")
    return str(directory)


def write_image_folder(directory):
    for name in ("train/dog/2.jpg", "train/cat/1.png", "train/cat/3.jpg", "val/dog/4.jpg"):
        write_image(directory / name, color=(10 * len(name), 60, int(name[-5])))
    return str(directory)


def write_all(root):
    """Every dataset in a directory of its own below `root`."""
    write_folder(root / "cifar", dict(CIFAR_FILES[10], **CIFAR_FILES[100]))
    write_svhn(root / "svhn")
    write_folder(root / "bsds", bsds_files())
    write_ilsvrc_meta(root / "ilsvrc_meta")
    write_ilsvrc_images(root / "ilsvrc")
    write_tiny_imagenet(root / "tiny")
    write_places(root / "places")
    write_image_folder(root / "photos")
    write_caltech(root / "caltech101_silhouettes_28_split1.mat")


# What makes a flow that shuffles, given the directory of `write_all`, as a string.
MAKERS = {
    "BSDS500": lambda root: dataset.BSDS500("train", os.path.join(root, "bsds")),
    "Caltech101Silhouettes": lambda root: dataset.Caltech101Silhouettes("train", dir=root),
    "Cifar10": lambda root: dataset.Cifar10("train", dir=os.path.join(root, "cifar")),
    "Cifar100": lambda root: dataset.Cifar100("train", dir=os.path.join(root, "cifar")),
    "CifarBase": lambda root: dataset.CifarBase("train", dir=os.path.join(root, "cifar"), cifar_classnum=100),
    "ILSVRC12": lambda root: dataset.ILSVRC12(os.path.join(root, "ilsvrc"), "train", os.path.join(root, "ilsvrc_meta")),
    "ILSVRC12Files": lambda root: dataset.ILSVRC12Files(
        os.path.join(root, "ilsvrc"), "train", os.path.join(root, "ilsvrc_meta")),
    "ImageFolder": lambda root: dataset.ImageFolder(os.path.join(root, "photos"), "train"),
    "Places365Standard": lambda root: dataset.Places365Standard(os.path.join(root, "places"), "train"),
    "SVHNDigit": lambda root: dataset.SVHNDigit("train", os.path.join(root, "svhn")),
    "TinyImageNet": lambda root: dataset.TinyImageNet(os.path.join(root, "tiny"), "train"),
}
