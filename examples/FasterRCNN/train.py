#!/usr/bin/env python
"""Train Faster R-CNN, Mask R-CNN or Cascade R-CNN.

Usage:
  train.py --config DATA.BASEDIR=~/coco BACKBONE.WEIGHTS=ImageNet-R50-AlignPadding.npz [KEY=VALUE ...]
  train.py --load MODEL --config DATA.BASEDIR=~/balloon DATA.TRAIN=balloon_train DATA.VAL=balloon_val
  train.py --resume --logdir DIR --config ...                                  go on after an interruption
  train.py --fake                                                               a few steps on a few drawn images
"""
import argparse
import itertools

import shapes
from config import config as cfg
from config import finalize_configs
from data import get_train_dataflow
from dataset import register_balloon, register_coco
from eval import EvalCallback
from modeling.generalized_rcnn import ResNetC4Model, ResNetFPNModel
from parallel import is_chief, make_trainer
from schedule import last_epoch, learning_rate_schedule, warmup_schedule

from tensorpack import *
from tensorpack.callbacks import TerminateOnNaN
from tensorpack.tfutils import collect_env_info


def parse_args(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", metavar="PATH", help="start from this model instead of BACKBONE.WEIGHTS, as far as it fits")
    parser.add_argument("--logdir", default="train_log/maskrcnn", help="is emptied first, unless --resume")
    parser.add_argument("--config", metavar="KEY=VALUE", nargs="+", default=[], help="settings, see config.py")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in the log directory")
    parser.add_argument("--fake", action="store_true", help="a few steps on drawn images with a small network")
    return parser.parse_args(words)


def register_datasets():
    register_coco(cfg.DATA.BASEDIR)  # COCO
    register_balloon(cfg.DATA.BASEDIR)  # balloons
    shapes.register_shapes(cfg.DATA.BASEDIR)  # drawn shapes


def make_model():
    return ResNetFPNModel() if cfg.MODE_FPN else ResNetC4Model()


def loss_names():
    """What tells where a NaN comes from."""
    names = ["rpn_losses/label_loss", "rpn_losses/box_loss", "wd_cost", "total_cost"]
    stages = ["cascade_loss_stage{}/".format(k) for k in (1, 2, 3)] if cfg.MODE_FPN and cfg.FPN.CASCADE else [""]
    names += [stage + "fastrcnn_losses/" + loss for stage, loss in itertools.product(stages, ("label_loss", "box_loss"))]
    return names + ["maskrcnn_loss/maskrcnn_loss"] if cfg.MODE_MASK else names


def make_callbacks(model, warmup, schedule):
    callbacks = [
        PeriodicCallback(ModelSaver(max_to_keep=10, keep_checkpoint_every_n_hours=1),
                         every_k_epochs=cfg.TRAIN.CHECKPOINT_PERIOD),
        # linear in each step, then by epochs
        ScheduledHyperParamSetter("learning_rate", warmup, interp="linear", step_based=True),
        ScheduledHyperParamSetter("learning_rate", schedule),
        TerminateOnNaN(loss_names()),
        GPUMemoryTracker(),
        HostMemoryTracker(),
        ThroughputTracker(samples_per_step=cfg.TRAIN.NUM_GPUS),
        EstimatedTimeLeft(median=True),
        SessionRunTimeout(600000),
        GPUUtilizationTracker(),
    ]
    if cfg.TRAIN.EVAL_PERIOD > 0:
        callbacks += [EvalCallback(name, *model.get_inference_tensor_names(), logger.get_logger_dir() or ".")
                      for name in cfg.DATA.VAL]
    return callbacks


def make_train_config(args, model, dataflow, data):
    warmup, schedule, epochs = warmup_schedule(cfg.TRAIN), learning_rate_schedule(cfg.TRAIN), last_epoch(cfg.TRAIN)
    logger.info("Warm-up, by steps: %s", warmup)
    logger.info("Learning rate, by epochs: %s; the end is after epoch %d.", schedule, epochs)
    logger.info("Passes over the images: %.3g", cfg.TRAIN.LR_SCHEDULE[-1] * cfg.TRAIN.BATCH_SIZE * 1. / len(dataflow))
    if args.load:
        init = SmartInit(args.load, ignore_mismatch=True)
    else:
        init = SmartInit(cfg.BACKBONE.WEIGHTS or None)
    make = AutoResumeTrainConfig if args.resume else TrainConfig
    return make(model=model, data=data, callbacks=make_callbacks(model, warmup, schedule),
                steps_per_epoch=cfg.TRAIN.STEPS_PER_EPOCH, max_epoch=epochs, session_init=init,
                starting_epoch=cfg.TRAIN.STARTING_EPOCH)


def main(words=None):
    """Train as the words of the command line say, or these: for scripts that register data sets of their own."""
    args = parse_args(words)
    if args.fake:
        args.config = shapes.fake_settings(args.logdir) + args.config
    cfg.update_args(args.config)
    register_datasets()
    chief = is_chief(cfg.TRAINER)
    if chief:
        logger.set_logger_dir(args.logdir, "k" if args.resume else "d")
        logger.info("Environment:\n%s", collect_env_info())
    finalize_configs(is_training=True)

    dataflow = get_train_dataflow()
    model = make_model()
    config = make_train_config(args, model, dataflow, QueueInput(dataflow))
    launch_train_with_config(config, make_trainer(cfg.TRAINER, cfg.TRAIN.NUM_GPUS))


if __name__ == "__main__":
    main()
