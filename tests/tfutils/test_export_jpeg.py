"""A model that was trained on the pixels of cv2.imread gets the same ones behind `tf.image.decode_jpeg`, in all exports."""
import numpy as np
import pytest
from inference_towers import load_graph_def, run_graph_def

from tensorpack.compat import tfv1 as tf
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.predict import OfflinePredictor, PredictConfig
from tensorpack.tfutils.export import ModelExporter

cv2 = pytest.importorskip("cv2")

SUBSAMPLING = {"4:4:4": 0x111111, "4:2:2": 0x211111, "4:2:0": 0x221111, "4:4:0": 0x121111, "4:1:1": 0x411111}


class Served(ModelDesc):
    """Bytes of a JPEG -> `pixels` as cv2.imread gives them: BGR, or gray."""

    def __init__(self, channels, **options):
        super().__init__()
        self.channels, self.options = channels, options

    def inputs(self):
        return [tf.TensorSpec((), tf.string, "jpeg")]

    def build_graph(self, jpeg):
        tf.identity(tf.image.decode_jpeg(jpeg, channels=self.channels, **self.options)[:, :, ::-1], name="pixels")

    def config(self):
        return PredictConfig(model=self, input_names=["jpeg"], output_names=["pixels"])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """{(subsampling, progressive, quality): path of a JPEG of odd size with smooth areas, edges and noise}."""
    rng = np.random.RandomState(0)
    image = cv2.resize(rng.randint(0, 256, (9, 12, 3)).astype("uint8"), (77, 101), interpolation=cv2.INTER_CUBIC)
    image[30:60, 20:40] = 255 - image[30:60, 20:40]
    image = np.clip(image.astype(int) + rng.randint(-15, 16, image.shape), 0, 255).astype("uint8")
    folder, made = tmp_path_factory.mktemp("jpeg"), {}
    for name, factor in SUBSAMPLING.items():
        for progressive in (0, 1):
            for quality in (50, 95):
                path = made[name, progressive, quality] = str(folder / "{}.jpg".format(len(made)))
                assert cv2.imwrite(path, image, [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor, cv2.IMWRITE_JPEG_QUALITY, quality,
                                                 cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])
    return made


def differences(files, served, channels):
    """{file: biggest difference of the pixels of cv2.imread and those that `served` makes from the bytes}."""
    found = {}
    for key, path in files.items():
        read = cv2.imread(path, cv2.IMREAD_COLOR if channels == 3 else cv2.IMREAD_GRAYSCALE)
        with open(path, "rb") as f:
            found[key] = abs(served(f.read()).astype(int) - read.reshape(read.shape[:2] + (channels,))).max()
    return found


@pytest.mark.parametrize("channels", [3, 1], ids=["colour", "gray"])
def test_exported_models_get_the_pixels_of_imread(tmp_path, files, channels):
    config = Served(channels, dct_method="INTEGER_ACCURATE").config()
    ModelExporter(config).export_compact(str(tmp_path / "model.pb"))
    ModelExporter(config).export_serving(str(tmp_path / "saved"))
    graph_def = load_graph_def(str(tmp_path / "model.pb"))
    assert set(differences(files, lambda x: run_graph_def(graph_def, ["pixels"], {"jpeg:0": x})[0], channels).values()) == {0}
    with tf.Graph().as_default(), tf.Session() as sess:
        signature = tf.saved_model.loader.load(sess, ["serve"], str(tmp_path / "saved")).signature_def["serving_default"]
        assert set(differences(files, lambda x: sess.run(
            signature.outputs["pixels"].name, {signature.inputs["jpeg"].name: x}), channels).values()) == {0}


def test_the_default_method_gives_other_pixels(files):
    with OfflinePredictor(Served(3).config()) as predictor:
        assert min(differences(files, lambda x: predictor(x)[0], 3).values()) >= 2
