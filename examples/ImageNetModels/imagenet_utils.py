"""What the scripts that train on ImageNet share: the images, the base of the models, the command line, training and evaluation.

The scripts of ../ResNet and ../DoReFa-Net use it as well.
"""
import argparse
import os

import cv2
import numpy as np

from tensorpack import *
from tensorpack.dataflow import dataset, imgaug
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.utils.gpu import get_num_gpu
from tensorpack.utils.stats import RatioCounter

tf = tfv1
NUM_TRAIN = 1281167
FAKE_BATCH, FAKE_STEPS = 2, 2
# Mean and standard deviation of the pixels, and the principal components of their colours; of R, G, B in [0, 1]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
EIGENVALUES = np.array([0.2175, 0.0188, 0.0045])
EIGENVECTORS = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])


class ImageNetModel(ModelDesc):
    """A classifier of images: define `get_logits`.

    Inputs are `image`, uint8 [N, size, size, 3] in BGR as OpenCV reads it, and `label`, int32 [N]. For validation there are
    the tensors `wrong-top1` and `wrong-top5`, float32 [N].
    """

    image_size = 224
    fake_image_size = 224   # with --fake
    weight_decay = 1e-4     # of all that is called W: kernels of convolutions and fully connected layers

    def inputs(self):
        return [tf.TensorSpec((None, self.image_size, self.image_size, 3), tf.uint8, "image"),
                tf.TensorSpec((None,), tf.int32, "label")]

    def get_logits(self, image):
        """float32 [N, size, size, 3], RGB, of mean 0 and variance 1 -> [N, 1000]"""
        raise NotImplementedError

    def build_graph(self, image, label):
        image = (tf.cast(image[:, :, :, ::-1], tf.float32) / 255 - MEAN) / STD
        logits = tf.identity(self.get_logits(image), name="logits")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label),
                              name="cross_entropy")
        errors = []
        for k in (1, 5):
            wrong = tf.cast(tf.logical_not(tf.nn.in_top_k(logits, label, k)), tf.float32, name="wrong-top{}".format(k))
            errors.append(tf.reduce_mean(wrong, name="train-error-top{}".format(k)))
        decay = regularize_cost(".*/W", l2_regularizer(self.weight_decay), name="weight_decay")
        cost = tf.add_n([loss, decay], name="cost")
        add_moving_summary(loss, cost, *errors)
        return cost

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=0.1, trainable=False)
        tf.summary.scalar("learning_rate-summary", rate)
        return tf.train.MomentumOptimizer(rate, 0.9)


def training_augmentors(size, smallest_area=0.08):
    """A random part of the image, with its colours changed; the smaller a network, the larger `smallest_area` should be."""
    return [
        imgaug.GoogleNetRandomCropAndResize(crop_area_fraction=(smallest_area, 1.), target_shape=size, interp=cv2.INTER_CUBIC),
        imgaug.RandomOrderAug([
            imgaug.BrightnessScale((0.6, 1.4)),
            imgaug.Contrast((0.6, 1.4), rgb=False),
            imgaug.Saturation(0.4, rgb=False),
        ]),
        imgaug.Lighting(0.1, eigval=EIGENVALUES * 255, eigvec=EIGENVECTORS[::-1]),
        imgaug.Flip(horiz=True),
    ]


def validation_augmentors(size):
    """The middle of the image; of 256 pixels for a size of 224."""
    return [imgaug.ResizeShortestEdge(size * 256 // 224, cv2.INTER_CUBIC), imgaug.CenterCrop(size)]


def read_file(datapoint):
    path, label = datapoint
    with open(path, "rb") as f:
        return [f.read(), label]


def training_flow(folder, batch, augmentors, processes):
    flow = DecodeAndAugment(MapData(dataset.ILSVRC12Files(folder, "train"), read_file), augmentors)
    return MultiProcessRunnerZMQ(BatchData(flow, batch), processes)


def validation_flow(folder, batch, augmentors, threads):
    augment = imgaug.AugmentorList(augmentors).augment

    def read(datapoint):
        content, label = read_file(datapoint)
        return augment(decode_image(content)), label

    files = dataset.ILSVRC12Files(folder, "val", shuffle=False)
    return BatchData(MultiThreadMapData(files, threads, read, strict=True), batch, remainder=True)


def fake_flow(size):
    shapes = [[FAKE_BATCH, size, size, 3], [FAKE_BATCH]]
    return FakeData(shapes, FAKE_STEPS, random=False, dtype=["uint8", "int32"], domain=[(0, 256), (0, 1000)])


def argument_parser(description, script, batch=256):
    """The arguments that all scripts have; `script` names the default of --logdir."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--data", help="directory of ImageNet, with `train` and `val` in it")
    parser.add_argument("--fake", action="store_true", help="two steps with random images; nothing is saved")
    parser.add_argument("--batch", type=int, default=batch, help="images of a step, of all GPUs together (%(default)s)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="that read images (%(default)s)")
    parser.add_argument("--load", help="checkpoint or npz file to start from")
    parser.add_argument("--eval", action="store_true", help="do not train, but evaluate --load on the validation set")
    parser.add_argument("--logdir", default=os.path.join("train_log", script))
    return parser


def parse_args(parser):
    args = parser.parse_args()
    if args.eval and not args.load:
        parser.error("--eval needs --load CHECKPOINT")
    predicts = getattr(args, "run", None)
    if not args.fake and not predicts and not os.path.isdir(os.path.join(args.data or "", "val")):
        parser.error("--data must be the directory of the images of ILSVRC12 (https://image-net.org), with the directories "
                     "`train` and `val` in it; got {!r}; or try --fake".format(args.data))
    return args


def run(model, args, schedule, max_epoch, interp=None, augmentors=None):
    """What every script does with its model: train or evaluate, on images or with --fake.

    Args:
        schedule: of the learning rate, [(epoch, value), ...]; with `interp="linear"` it moves on the line between.
        augmentors: for training; default `training_augmentors`.
    """
    if args.fake:
        model.image_size = model.fake_image_size
    if args.eval:
        evaluate(model, SmartInit(args.load), get_validation_flow(model, args))
    else:
        train(model, args, schedule, max_epoch, interp, augmentors)


def get_validation_flow(model, args):
    if args.fake:
        return fake_flow(model.image_size)
    return validation_flow(args.data, 100, validation_augmentors(model.image_size), args.processes)


def train(model, args, schedule, max_epoch, interp, augmentors):
    num_gpu = get_num_gpu()
    logger.set_logger_dir(args.logdir, action="d")
    validation = InferenceRunner(get_validation_flow(model, args), [
        ClassificationError("wrong-top1", "val-error-top1"), ClassificationError("wrong-top5", "val-error-top5")])
    schedule = ScheduledHyperParamSetter("learning_rate", schedule, interp=interp)
    if args.fake:
        flow, callbacks, steps, max_epoch = fake_flow(model.image_size), [validation, schedule], FAKE_STEPS, 1
    else:
        augmentors = augmentors or training_augmentors(model.image_size)
        flow = training_flow(args.data, args.batch // max(num_gpu, 1), augmentors, args.processes)
        callbacks = [ModelSaver(), validation, schedule, MinSaver("val-error-top1"), EstimatedTimeLeft()]
        steps = NUM_TRAIN // args.batch
    config = TrainConfig(model=model, dataflow=flow, callbacks=callbacks, steps_per_epoch=steps, max_epoch=max_epoch,
                         session_init=SmartInit(args.load))
    launch_train_with_config(config, SyncMultiGPUTrainerReplicated(num_gpu) if num_gpu > 1 else SimpleTrainer())


def evaluate(model, session_init, flow):
    """Print and return the errors over all of `flow`, top-1 and top-5."""
    config = PredictConfig(model=model, session_init=session_init, input_names=["image", "label"],
                           output_names=["wrong-top1", "wrong-top5"])
    errors = RatioCounter(), RatioCounter()
    flow.reset_state()
    with OfflinePredictor(config) as predictor:
        for image, label in flow:
            for error, wrong in zip(errors, predictor(image, label)):
                error.feed(wrong.sum(), wrong.size)
    print("{:.0f} images: top-1 error {:.4f}, top-5 error {:.4f}".format(
        errors[0].total, errors[0].ratio, errors[1].ratio))
    return errors[0].ratio, errors[1].ratio
