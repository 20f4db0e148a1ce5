#!/usr/bin/env python
"""Train on one graph, export and apply another: the exported model takes the bytes of an image file and gives those of a PNG.

The model learns to detect edges in gray images of unknown size. Training feeds uint8 arrays; the graph for inference
decodes a base64-encoded image, runs the same layers on the same weights, and encodes the result.

Usage:
  export-model.py                                        train, checkpoints go to train_log/export-model
  export-model.py --export serving --load CHECKPOINT     writes a SavedModel directory, `exported`
  export-model.py --export compact --load CHECKPOINT     writes a frozen graph, `compact_graph.pb`
  export-model.py --apply default --load CHECKPOINT      applies the training graph, in inference mode, to a picture
  export-model.py --apply inference_graph --load CHECKPOINT
  export-model.py --apply serving [--load DIRECTORY]
  export-model.py --apply compact [--load FILE]          what was applied is written to applied_<how>.png
"""
import argparse
import base64
import os

import cv2
import numpy as np

from tensorpack import *
from tensorpack.tfutils.export import ModelExporter

tf = tfv1
SIZE = 64
EXPORTED = {"serving": "exported", "compact": "compact_graph.pb"}


class Model(ModelDesc):
    """Trains on uint8 arrays."""

    def inputs(self):
        return [tf.TensorSpec((None, None, None), tf.uint8, "input_img"),
                tf.TensorSpec((None, None, None), tf.float32, "target_img")]

    def make_prediction(self, image):
        """uint8 NxHxW -> float32 NxHxW edge strength in [0, 1], tensor `prediction_img`."""
        x = tf.expand_dims(tf.cast(image, tf.float32) / 255., 3)
        x = Conv2D("conv1", x, 8, 3, activation=BNReLU)
        x = Conv2D("conv2", x, 1, 3, activation=tf.nn.sigmoid)
        return tf.squeeze(x, 3, name="prediction_img")

    def build_graph(self, image, target):
        return tf.reduce_mean(tf.square(self.make_prediction(image) - target), name="cost")

    def optimizer(self):
        return tf.train.AdamOptimizer(0.01)


class InferenceOnlyModel(Model):
    """The same layers behind other inputs and outputs: base64 text of a PNG or JPEG -> bytes of a PNG."""

    def inputs(self):
        return [tf.TensorSpec((), tf.string, "input_img_bytes")]

    def build_graph(self, input_img_bytes):
        # It takes PNG as well. The method is that of cv2.imread: by the default one a JPEG would have other pixels.
        image = tf.image.decode_jpeg(tf.decode_base64(input_img_bytes), channels=1, dct_method="INTEGER_ACCURATE")[:, :, 0]
        prediction = self.make_prediction(tf.expand_dims(image, 0))[0]
        png = tf.image.encode_png(tf.expand_dims(tf.cast(prediction * 255, tf.uint8), 2))
        tf.identity(png, name="prediction_img_bytes")


def draw_picture(rng, size=SIZE):
    """uint8 size x size: a gray background with a circle, a rectangle and a line."""
    def gray():
        return int(rng.randint(0, 256))

    def point():
        return tuple(int(v) for v in rng.randint(0, size, size=2))
    image = np.full((size, size), gray(), dtype="uint8")
    cv2.rectangle(image, point(), point(), gray(), -1)
    cv2.circle(image, point(), int(rng.randint(4, size // 3)), gray(), -1)
    cv2.line(image, point(), point(), gray(), 2)
    return image


def edges(image):
    """float32 in [0, 1]: what the model has to learn."""
    image = image.astype("float32") / 255
    return np.clip(np.hypot(cv2.Sobel(image, -1, 1, 0), cv2.Sobel(image, -1, 0, 1)) / 2, 0, 1)


class Pictures(RNGDataFlow):
    """Endless [picture, edges]."""

    def __iter__(self):
        while True:
            image = draw_picture(self.rng)
            yield [image, edges(image)]


def train(epochs):
    config = TrainConfig(model=Model(), dataflow=BatchData(Pictures(), 16), callbacks=[ModelSaver()],
                         steps_per_epoch=100, max_epoch=epochs)
    launch_train_with_config(config, SimpleTrainer())


def export(how, checkpoint):
    config = PredictConfig(model=InferenceOnlyModel(), session_init=SmartInit(checkpoint),
                           input_names=["input_img_bytes"], output_names=["prediction_img_bytes"])
    if how == "serving":
        ModelExporter(config).export_serving(EXPORTED[how], overwrite=True)
    else:
        ModelExporter(config).export_compact(EXPORTED[how])


def encode(image):
    """What the inference graph takes: web-safe base64 of a PNG."""
    return base64.urlsafe_b64encode(cv2.imencode(".png", image)[1].tobytes())


def decode(png):
    return cv2.imdecode(np.frombuffer(png, "uint8"), cv2.IMREAD_GRAYSCALE)


def apply_default(checkpoint, image):
    with OfflinePredictor(PredictConfig(
            model=Model(), session_init=SmartInit(checkpoint),
            input_names=["input_img"], output_names=["prediction_img"])) as predictor:
        return (predictor(image[np.newaxis])[0][0] * 255).astype("uint8")


def apply_inference_graph(checkpoint, image):
    with OfflinePredictor(PredictConfig(
            model=InferenceOnlyModel(), session_init=SmartInit(checkpoint),
            input_names=["input_img_bytes"], output_names=["prediction_img_bytes"])) as predictor:
        return decode(predictor(encode(image))[0])


def apply_serving(directory, image):
    with tf.Graph().as_default(), tf.Session() as sess:
        meta_graph = tf.saved_model.loader.load(sess, ["serve"], directory)
        signature = meta_graph.signature_def["serving_default"]
        return decode(sess.run(signature.outputs["prediction_img_bytes"].name,
                               {signature.inputs["input_img_bytes"].name: encode(image)}))


def apply_compact(filename, image):
    graph_def = tf.GraphDef()
    with open(filename, "rb") as f:
        graph_def.ParseFromString(f.read())
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.import_graph_def(graph_def, name="")
        return decode(sess.run("prediction_img_bytes:0", {"input_img_bytes:0": encode(image)}))


def apply(how, load):
    image = draw_picture(np.random.RandomState(1), size=128)
    result = globals()["apply_" + how](load, image)
    difference = np.abs(result / 255. - edges(image)).mean()
    filename = "applied_{}.png".format(how)
    cv2.imwrite(filename, np.hstack([image, result]))
    print("{}: mean difference to the true edges {:.4f}; picture and edges are in {}".format(how, difference, filename))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", help="checkpoint to export or apply; for --apply serving|compact the exported model")
    parser.add_argument("--export", choices=["serving", "compact"])
    parser.add_argument("--apply", choices=["default", "inference_graph", "serving", "compact"])
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()
    if args.apply in EXPORTED and args.load is None:
        args.load = EXPORTED[args.apply]
    if (args.export or args.apply) and args.load is None:
        parser.error("--load CHECKPOINT is needed")

    if args.export:
        export(args.export, args.load)
    elif args.apply:
        apply(args.apply, args.load)
    else:
        logger.set_logger_dir(os.path.join("train_log", "export-model"), action="d")
        train(args.epochs)


if __name__ == "__main__":
    main()
