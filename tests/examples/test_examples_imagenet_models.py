"""The networks for ImageNet: their sizes are the published ones, the scripts train, and images are read from files."""
import cv2
import numpy as np
import pytest
from example_models import example_globals, last_statistics, trainable_sizes
from example_runner import run_example

pytestmark = pytest.mark.slow_on(1)  # the scripts are the same, and what they are made of is tested on both


@pytest.mark.slow_on(1)
# alexnet: Krizhevsky et al. 2012, with groups, "60 million"; vgg16: Simonyan et al. 2014, "138 million";
# shufflenet: Ma et al. 2018, "2.3M" for version 2, which is the number of torchvision, and that of pytorchcv for version 1
@pytest.mark.parametrize("script, arguments, parameters", [
    ("alexnet", {}, 60965224),
    ("vgg16", {}, 138357544),
    ("shufflenet", {"groups": 3}, 1865728),
    pytest.param("shufflenet", {"groups": 8}, 2434768, marks=pytest.mark.slow),
    pytest.param("shufflenet", {"v2": True, "ratio": 0.5}, 1366792, marks=pytest.mark.slow),
    ("shufflenet", {"v2": True}, 2278604),
])
def test_size(monkeypatch, script, arguments, parameters):
    model = example_globals(monkeypatch, "ImageNetModels/{}.py".format(script))["Model"](**arguments)
    assert sum(trainable_sizes(model).values()) == parameters


@pytest.mark.slow_on(1)
def test_size_of_inception_bn(monkeypatch):
    model = example_globals(monkeypatch, "ImageNetModels/inception-bn.py")["Model"]()
    sizes = trainable_sizes(model)
    # the version of Caffe has a bias in front of each normalization, too
    biases = sum(size for name, size in sizes.items() if name.endswith("/beta"))
    assert sum(sizes.values()) + biases == 11295240


# The training itself is the same in all of them, and that of the ResNets.
@pytest.mark.parametrize("script, arguments", [
    pytest.param("alexnet", [], marks=pytest.mark.slow),
    ("vgg16", []),
    pytest.param("inception-bn", [], marks=pytest.mark.slow),
    pytest.param("shufflenet", ["--group", "4", "--ratio", "0.5"], marks=pytest.mark.slow),
    pytest.param("shufflenet", ["--v2"], marks=pytest.mark.slow),
], ids=lambda x: "".join(x))
def test_script_trains(monkeypatch, tmp_path, script, arguments):
    run_example(monkeypatch, tmp_path, "ImageNetModels/{}.py".format(script), "--fake", "--logdir", "log", *arguments)
    statistics = last_statistics(tmp_path / "log")
    assert statistics["global_step"] == 2 and statistics["cost"] > statistics["cross_entropy"] > 0
    assert statistics["val-error-top5"] <= statistics["val-error-top1"] <= 1


def test_channels_are_shuffled_between_groups(monkeypatch):
    tf_names = example_globals(monkeypatch, "ImageNetModels/shufflenet.py")
    tf = tf_names["tf"]
    with tf.Graph().as_default(), tf.Session() as sess:
        shuffled = tf_names["shuffle_channels"](tf.constant(np.arange(6.).reshape(1, 1, 1, 6)), 2)
        assert sess.run(shuffled).ravel().tolist() == [0, 3, 1, 4, 2, 5]


@pytest.fixture
def imagenet(tmp_path, monkeypatch):
    """A directory as that of ILSVRC12, with four images of two colours, and its lists."""
    lists = tmp_path / "ilsvrc_metadata"
    lists.mkdir()
    (lists / "synsets.txt").write_text("n01\nn02\n")
    (lists / "synset_words.txt").write_text("n01 blue\nn02 red\n")
    (lists / "train.txt").write_text("".join("n0{}/{}.png {}\n".format(k + 1, i, k) for k in (0, 1) for i in (0, 1)))
    (lists / "val.txt").write_text("0.png 0\n1.png 1\n2.png 1\n")
    for name, label in [("train/n01/0", 0), ("train/n01/1", 0), ("train/n02/0", 1), ("train/n02/1", 1), ("val/0", 0),
                        ("val/1", 1), ("val/2", 1)]:
        image = np.zeros((300, 400, 3), "uint8")
        image[:, :, 2 * label] = 200
        path = tmp_path / "imagenet" / (name + ".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), image)
    monkeypatch.setenv("TENSORPACK_DATASET", str(tmp_path))
    return str(tmp_path / "imagenet")


def test_images_are_read_from_files(monkeypatch, imagenet):
    utils = example_globals(monkeypatch, "ImageNetModels/imagenet_utils.py")
    flow = utils["validation_flow"](imagenet, 2, utils["validation_augmentors"](224), 2)
    flow.reset_state()
    batches = [dp for dp in flow]
    assert [images.shape for images, _ in batches] == [(2, 224, 224, 3), (1, 224, 224, 3)]
    images, labels = (np.concatenate(each) for each in zip(*batches))
    assert sorted(labels) == [0, 1, 1] and images.dtype == np.uint8
    for image, label in zip(images, labels):  # blue is the first channel
        assert (image[:, :, 2 * label] == 200).all() and image.sum() == 200 * 224 * 224

    flow = utils["training_flow"](imagenet, 2, utils["training_augmentors"](224), 1)
    flow.reset_state()
    images, labels = next(iter(flow))
    assert images.shape == (2, 224, 224, 3) and images.dtype == np.uint8
    for image, label in zip(images, labels):
        colors = image.mean(axis=(0, 1))
        assert colors[2 * label] > 50 + colors[2 - 2 * label]
