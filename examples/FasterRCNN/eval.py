"""From a predictor to detections of images and of data sets, and evaluation while training."""
import json
import os
import threading
import time
from collections import namedtuple
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import cv2
import numpy as np
from common import resized_shape
from config import config as cfg
from data import get_eval_dataflow
from dataset import DatasetRegistry
from paste import paste_accurate, paste_fast
from utils.np_box_ops import mask_api

from tensorpack.callbacks import Callback
from tensorpack.dataflow import MapData
from tensorpack.predict import MultiProcessDatasetPredictor
from tensorpack.utils import logger
from tensorpack.utils.gpu import get_num_gpu
from tensorpack.utils.utils import get_tqdm

__all__ = ["DetectionResult", "EvalCallback", "evaluate_in_processes", "multithread_predict_dataflow", "predict_dataflow",
           "predict_image"]

# box: float32 [4]; score: float; class_id: int, 1 ... C; mask: uint8 [h, w] of 0 and 1, or None
DetectionResult = namedtuple("DetectionResult", ["box", "score", "class_id", "mask"])


def resize_for_prediction(image):
    """What the network is to see of a uint8 image."""
    height, width = resized_shape(image.shape[0], image.shape[1], cfg.PREPROC.TEST_SHORT_EDGE_SIZE, cfg.PREPROC.MAX_SIZE)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)


def to_results(outputs, resized, shape):
    """A list of DetectionResult, in the coordinates of the image.

    Args:
        outputs: boxes, scores, labels, and maybe masks, on the resized image.
        resized, shape: (height, width) of the resized image and of the original.
    """
    boxes, scores, labels = outputs[:3]
    height, width = shape
    scale = np.sqrt(resized[0] * 1. / height * resized[1] / width)
    boxes = np.clip(boxes / scale, 0, np.array([width, height, width, height])).astype("float32")
    paste = paste_accurate if cfg.MRCNN.ACCURATE_PASTE else paste_fast
    masks = [None] * len(boxes)
    if len(outputs) > 3:
        masks = [paste(box, mask, (height, width)) for box, mask in zip(boxes, outputs[3])]
    return [DetectionResult(*each) for each in zip(boxes, scores, labels.tolist(), masks)]


def predict_image(img, model_func):
    """A list of DetectionResult.

    Args:
        img: uint8 [h, w, 3], BGR.
        model_func: from a resized image to boxes, scores, labels, and masks if it has any.
    """
    resized = resize_for_prediction(img)
    return to_results(model_func(resized), resized.shape[:2], img.shape[:2])


def to_records(image_id, results):
    """What `DatasetSplit.eval_inference_results` takes, of one image."""
    records = []
    for result in results:
        record = {"image_id": image_id, "category_id": int(result.class_id),
                  "bbox": [round(float(x), 4) for x in result.box], "score": round(float(result.score), 4)}
        if result.mask is not None:
            rle = mask_api.encode(np.asfortranarray(result.mask))
            record["segmentation"] = {"size": list(rle["size"]), "counts": rle["counts"].decode("ascii")}
        records.append(record)
    return records


def predict_dataflow(df, model_func, tqdm_bar=None, is_cancelled=None):
    """The records of all images.

    Args:
        df: gives [image, image id], see `get_eval_dataflow`.
        tqdm_bar: a bar that goes forward with each image; by default one of its own.
        is_cancelled: a function; once it returns true, nothing more is done.
    """
    df.reset_state()
    records = []
    bar = get_tqdm(total=len(df)) if tqdm_bar is None else tqdm_bar
    try:
        for image, image_id in df:
            if is_cancelled is not None and is_cancelled():
                break
            records += to_records(image_id, predict_image(image, model_func))
            bar.update(1)
    finally:
        if tqdm_bar is None:
            bar.close()
    return records


def multithread_predict_dataflow(dataflows, model_funcs):
    """The records of all dataflows, in their order, each read by a thread with a predictor of its own.

    The first error ends the others after the image that they are at.
    """
    if len(model_funcs) == 1:
        return predict_dataflow(dataflows[0], model_funcs[0])
    failed = threading.Event()
    with get_tqdm(total=sum(len(df) for df in dataflows)) as bar, ThreadPoolExecutor(len(model_funcs)) as pool:
        futures = [pool.submit(predict_dataflow, df, func, bar, failed.is_set) for df, func in zip(dataflows, model_funcs)]
        _, unfinished = wait(futures, return_when=FIRST_EXCEPTION)
        if unfinished:
            failed.set()
    return sum((future.result() for future in futures), [])


def _resized_only(dp):
    return [resize_for_prediction(dp[0]).astype("float32")]


class _ResizedImages(MapData):
    """[resized image], also in a process that was spawned, where the configuration has its defaults."""

    def __init__(self, df):
        super().__init__(df, _resized_only)
        self._settings = cfg.to_dict()

    def reset_state(self):
        cfg.freeze(False)
        cfg.from_dict(self._settings)
        cfg.freeze()
        super().reset_state()


def evaluate_in_processes(config, name, num_proc):
    """The records of a data set, predicted in several processes, each with a GPU if there are any.

    Args:
        config: a PredictConfig from `image` to the outputs.
    """
    images = get_eval_dataflow(name)
    predictor = MultiProcessDatasetPredictor(config, _ResizedImages(images), num_proc, use_gpu=get_num_gpu() > 0)
    images.reset_state()
    records = []
    for outputs, (image, image_id) in zip(predictor.get_result(), images):
        resized = resized_shape(image.shape[0], image.shape[1], cfg.PREPROC.TEST_SHORT_EDGE_SIZE, cfg.PREPROC.MAX_SIZE)
        records += to_records(image_id, to_results(outputs, resized, image.shape[:2]))
    return records


class EvalCallback(Callback):
    """Evaluates a data set each EVAL_PERIOD epochs and at the end; statistics are `<data set>-<name>`.

    With Horovod all processes of the first machine predict, and with CollectiveTrainer the chief.

    Args:
        eval_dataset: its name.
        in_names, out_names: of the predictor.
        output_dir: gets `<data set>-outputs<step>.json`.
    """

    _chief_only = False
    FLOWS_PER_GPU = 2
    POLL_SECONDS = 1

    def __init__(self, eval_dataset, in_names, out_names, output_dir="."):
        self._eval_dataset, self._in_names, self._out_names, self._output_dir = eval_dataset, in_names, out_names, output_dir

    def _setup_graph(self):
        self._shards, self._predictors = self._plan()
        self._dataflows = [get_eval_dataflow(self._eval_dataset, *shard) for shard in self._shards]

    def _plan(self):
        """Which (part, number of parts) this process predicts, and by what."""
        if cfg.TRAINER == "horovod":
            import horovod.tensorflow as hvd

            if hvd.rank() >= hvd.local_size():  # a process of another machine
                return [], []
            return [(hvd.local_rank(), hvd.local_size())], [self._predictor(0)]
        if not self.trainer.is_chief:
            return [], []
        gpus = cfg.TRAIN.NUM_GPUS if cfg.TRAINER == "replicated" else 1
        count = gpus * self.FLOWS_PER_GPU if get_num_gpu() else 1
        return [(k, count) for k in range(count)], [self._predictor(k % gpus) for k in range(count)]

    def _predictor(self, device):
        return self.trainer.get_predictor(self._in_names, self._out_names, device=device if get_num_gpu() else -1)

    def _before_train(self):
        period = cfg.TRAIN.EVAL_PERIOD
        self._epochs = {k for k in range(1, self.trainer.max_epoch + 1) if k % period == 0} | {self.trainer.max_epoch}
        if self._predictors:
            logger.info("%s is evaluated in epochs %s.", self._eval_dataset, sorted(self._epochs))

    def _trigger_epoch(self):
        if self.epoch_num not in self._epochs or not self._predictors:
            return
        logger.info("Evaluating %s ...", self._eval_dataset)
        records = multithread_predict_dataflow(self._dataflows, self._predictors)
        name = os.path.join(self._output_dir, "{}-outputs{}".format(self._eval_dataset, self.global_step))
        if cfg.TRAINER == "horovod":
            records = self._collect(name, records)
            if records is None:
                return
        self._put(DatasetRegistry.get(self._eval_dataset), records, name + ".json")

    def _put(self, dataset, records, output):
        statistics = dataset.eval_inference_results(records, output)
        if not statistics:
            statistics = dict.fromkeys(dataset.statistics_names(cfg.MODE_MASK), 0.)
        for name, value in statistics.items():
            self.trainer.monitors.put_scalar("{}-{}".format(self._eval_dataset, name), value)

    def _collect(self, name, records):
        """The records of all processes of this machine, at rank 0; None at others. There is no barrier: who dies ends all."""
        import horovod.tensorflow as hvd

        def part(rank):
            return "{}-part{}.json".format(name, rank)

        if hvd.rank() > 0:
            with open(part(hvd.local_rank()) + ".tmp", "w") as f:
                json.dump(records, f)
            os.replace(part(hvd.local_rank()) + ".tmp", part(hvd.local_rank()))
            return None
        for rank in range(1, hvd.local_size()):
            while not os.path.exists(part(rank)):
                time.sleep(self.POLL_SECONDS)
            with open(part(rank)) as f:
                records += json.load(f)
            os.remove(part(rank))
        return records
