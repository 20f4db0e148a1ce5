"""All settings, with their defaults, and what follows from them: `config` and `finalize_configs`."""
import os

from config_tree import ConfigTree

from tensorpack.utils import logger
from tensorpack.utils.gpu import get_num_gpu

__all__ = ["config", "finalize_configs"]

config = ConfigTree()
_C = config  # the name that is short enough for the table below

_C.TRAINER = "replicated"  # 'replicated': this machine's GPUs; 'horovod', 'collective': one process for each GPU
_C.DATA_FORMAT = "auto"  # 'channels_first' for GPUs, 'channels_last' for CPUs; the variables are the same
_C.MODE_MASK = True  # Mask R-CNN, or boxes only
_C.MODE_FPN = True  # feature pyramid, or C4

_C.DATA.BASEDIR = "/path/to/your/DATA/DIR"
_C.DATA.TRAIN = ("coco_train2017",)  # concatenated
_C.DATA.VAL = ("coco_val2017",)  # evaluated one by one
_C.DATA.NUM_CATEGORY = -1  # without background; set by finalize_configs
_C.DATA.CLASS_NAMES = []  # with background in front; set by finalize_configs
_C.DATA.ABSOLUTE_COORD = True  # or boxes are fractions of width and height
_C.DATA.FILTER_EMPTY_ANNOTATIONS = True  # drop training images where nothing but a crowd is annotated
_C.DATA.NUM_WORKERS = 10  # processes that load (threads with horovod and collective); 0: none

_C.BACKBONE.WEIGHTS = ""  # what training starts from; '': random values
_C.BACKBONE.RESNET_NUM_BLOCKS = [3, 4, 6, 3]  # ResNet-50; ResNet-101 has [3, 4, 23, 3]
_C.BACKBONE.CHANNELS = [64, 128, 256, 512]  # within the blocks of each group, which give four times as many
_C.BACKBONE.FREEZE_AFFINE = False  # with FreezeBN: do not train scale and offset of normalisation
_C.BACKBONE.NORM = "FreezeBN"  # FreezeBN, SyncBN, GN, None
_C.BACKBONE.FREEZE_AT = 2  # train all (0), all but conv0 (1), all but conv0 and group0 (2)
_C.BACKBONE.TF_PAD_MODE = False  # where one more row of padding goes: before (False), or after, as TensorFlow does
_C.BACKBONE.STRIDE_1X1 = False  # the stride is in the first 1x1 convolution of a block, as in the weights of MSRA

_C.TRAIN.NUM_GPUS = None  # set by finalize_configs
_C.TRAIN.WEIGHT_DECAY = 1e-4
_C.TRAIN.OPTIMIZER = "momentum"  # or 'adam', which learns faster from random weights
_C.TRAIN.BATCH_SIZE = 8  # images of an update: the gradients of so many are summed, over GPUs and steps
_C.TRAIN.BASE_LR = 1e-2  # for BATCH_SIZE images
_C.TRAIN.WARMUP = 1000  # steps, whatever the number of GPUs
_C.TRAIN.WARMUP_INIT_LR = 1e-5  # for BATCH_SIZE images
_C.TRAIN.STEPS_PER_EPOCH = 500
_C.TRAIN.STARTING_EPOCH = 1
_C.TRAIN.LR_SCHEDULE = "1x"  # '1x' ... '9x', or a list of numbers of updates; the last one is the end
_C.TRAIN.EVAL_PERIOD = 50  # epochs; 0: never
_C.TRAIN.CHECKPOINT_PERIOD = 20  # epochs

_C.PREPROC.TRAIN_SHORT_EDGE_SIZE = [800, 800]  # an interval
_C.PREPROC.TEST_SHORT_EDGE_SIZE = 800
_C.PREPROC.MAX_SIZE = 1333
_C.PREPROC.PIXEL_MEAN = [123.675, 116.28, 103.53]  # red, green, blue
_C.PREPROC.PIXEL_STD = [58.395, 57.12, 57.375]

_C.RPN.ANCHOR_STRIDE = 16  # C4
_C.RPN.ANCHOR_SIZES = (32, 64, 128, 256, 512)  # square root of the area; FPN: one for each level
_C.RPN.ANCHOR_RATIOS = (0.5, 1., 2.)  # height / width
_C.RPN.POSITIVE_ANCHOR_THRESH = 0.7
_C.RPN.NEGATIVE_ANCHOR_THRESH = 0.3
_C.RPN.FG_RATIO = 0.5
_C.RPN.BATCH_PER_IM = 256  # anchors that are trained on, of all levels
_C.RPN.MIN_SIZE = 0.  # of proposals; 0 keeps even those without area, which take up places
_C.RPN.PROPOSAL_NMS_THRESH = 0.7
_C.RPN.CROWD_OVERLAP_THRESH = 9.99  # anchors that lie in a crowd by more than this part are not trained on; > 1: none
_C.RPN.HEAD_DIM = 1024  # C4
_C.RPN.TRAIN_PRE_NMS_TOPK = 12000  # C4, and FPN with 'Joint'
_C.RPN.TRAIN_POST_NMS_TOPK = 2000
_C.RPN.TEST_PRE_NMS_TOPK = 6000
_C.RPN.TEST_POST_NMS_TOPK = 1000
_C.RPN.TRAIN_PER_LEVEL_NMS_TOPK = 2000  # FPN with 'Level'
_C.RPN.TEST_PER_LEVEL_NMS_TOPK = 1000

_C.FRCNN.BATCH_PER_IM = 512
_C.FRCNN.BBOX_REG_WEIGHTS = [10., 10., 5., 5.]
_C.FRCNN.FG_THRESH = 0.5
_C.FRCNN.FG_RATIO = 0.25

_C.FPN.ANCHOR_STRIDES = (4, 8, 16, 32, 64)
_C.FPN.PROPOSAL_MODE = "Level"  # NMS and its limits for each level, or 'Joint'
_C.FPN.NUM_CHANNEL = 256
_C.FPN.NORM = "None"  # None, GN
_C.FPN.FRCNN_HEAD_FUNC = "fastrcnn_2fc_head"  # fastrcnn_4conv1fc_head, fastrcnn_4conv1fc_gn_head
_C.FPN.FRCNN_CONV_HEAD_DIM = 256
_C.FPN.FRCNN_FC_HEAD_DIM = 1024
_C.FPN.MRCNN_HEAD_FUNC = "maskrcnn_up4conv_head"  # maskrcnn_up4conv_gn_head
_C.FPN.CASCADE = False

_C.MRCNN.HEAD_DIM = 256
_C.MRCNN.ACCURATE_PASTE = True  # by interpolation at the centres of pixels, or by resizing to whole pixels

_C.CASCADE.IOUS = [0.5, 0.6, 0.7]
_C.CASCADE.BBOX_REG_WEIGHTS = [[10., 10., 5., 5.], [20., 20., 10., 10.], [30., 30., 15., 15.]]

_C.TEST.FRCNN_NMS_THRESH = 0.5
_C.TEST.RESULT_SCORE_THRESH = 0.05
_C.TEST.RESULT_SCORE_THRESH_VIS = 0.5  # of what is drawn
_C.TEST.RESULTS_PER_IM = 100

_C.freeze()

NORMS = ("FreezeBN", "SyncBN", "GN", "None")
OPTIMIZERS = ("momentum", "adam")
TRAINERS = ("replicated", "horovod", "collective")
BOX_HEADS = ("fastrcnn_2fc_head", "fastrcnn_4conv1fc_head", "fastrcnn_4conv1fc_gn_head")
MASK_HEADS = ("maskrcnn_up4conv_head", "maskrcnn_up4conv_gn_head")


def finalize_configs(is_training):
    """Check the settings and fill in those that follow from others; once, after datasets are registered.

    Raises:
        ValueError: settings are wrong, or do not go together.
        KeyError: a dataset is not registered, or its class names are not.
    """
    _C.freeze(False)
    try:
        _fill_data()
        _fill_model()
        if is_training:
            _fill_schedule()
        _fill_gpus(is_training)
        _set_environment(is_training)
    finally:
        _C.freeze()
    logger.info("The configuration:\n%s", _C)


def _require(condition, key, rule, value):
    if not condition:
        raise ValueError("config.{} must {}; got {!r}".format(key, rule, value))


def _one_of(key, value, choices):
    _require(value in choices, key, "be one of " + ", ".join(choices), value)


def _fill_data():
    from dataset import DatasetRegistry  # which needs the configuration itself

    for split in ("TRAIN", "VAL"):
        names = getattr(_C.DATA, split)
        setattr(_C.DATA, split, (names,) if isinstance(names, str) else tuple(names))
    _require(_C.DATA.TRAIN, "DATA.TRAIN", "name a dataset", _C.DATA.TRAIN)
    _C.DATA.CLASS_NAMES = list(DatasetRegistry.get_metadata(_C.DATA.TRAIN[0], "class_names"))
    _C.DATA.NUM_CATEGORY = len(_C.DATA.CLASS_NAMES) - 1
    _require(_C.DATA.NUM_CATEGORY > 0, "DATA.CLASS_NAMES", "have a class besides the background", _C.DATA.CLASS_NAMES)


def _fill_model():
    from modeling.layout import choose_data_format

    _C.DATA_FORMAT = choose_data_format(_C.DATA_FORMAT)
    _C.BACKBONE.NORM = str(_C.BACKBONE.NORM)
    _one_of("BACKBONE.NORM", _C.BACKBONE.NORM, NORMS)
    _require(_C.BACKBONE.NORM == "FreezeBN" or not _C.BACKBONE.FREEZE_AFFINE, "BACKBONE.FREEZE_AFFINE",
             "be False unless BACKBONE.NORM=FreezeBN", _C.BACKBONE.FREEZE_AFFINE)
    _require(_C.BACKBONE.FREEZE_AT in (0, 1, 2), "BACKBONE.FREEZE_AT", "be 0, 1 or 2", _C.BACKBONE.FREEZE_AT)
    _require(len(_C.BACKBONE.RESNET_NUM_BLOCKS) == 4, "BACKBONE.RESNET_NUM_BLOCKS", "have four numbers",
             _C.BACKBONE.RESNET_NUM_BLOCKS)
    _require(len(_C.BACKBONE.CHANNELS) == 4, "BACKBONE.CHANNELS", "have four numbers", _C.BACKBONE.CHANNELS)
    _require(len(_C.FPN.ANCHOR_STRIDES) == len(_C.RPN.ANCHOR_SIZES), "FPN.ANCHOR_STRIDES",
             "have as many values as RPN.ANCHOR_SIZES", _C.FPN.ANCHOR_STRIDES)
    _C.RPN.NUM_ANCHOR = len(_C.RPN.ANCHOR_SIZES) * len(_C.RPN.ANCHOR_RATIOS)
    _C.FPN.RESOLUTION_REQUIREMENT = _C.FPN.ANCHOR_STRIDES[3]
    sizes = _C.PREPROC.TRAIN_SHORT_EDGE_SIZE
    if isinstance(sizes, int):
        sizes = _C.PREPROC.TRAIN_SHORT_EDGE_SIZE = [sizes, sizes]
    _require(len(sizes) == 2 and 0 < sizes[0] <= sizes[1], "PREPROC.TRAIN_SHORT_EDGE_SIZE", "be [least, largest]", sizes)
    if _C.MODE_FPN:
        _fill_fpn()


def _fill_fpn():
    multiple = _C.FPN.RESOLUTION_REQUIREMENT * 1.
    _C.PREPROC.MAX_SIZE = -(-_C.PREPROC.MAX_SIZE // multiple) * multiple
    _one_of("FPN.PROPOSAL_MODE", _C.FPN.PROPOSAL_MODE, ("Level", "Joint"))
    _C.FPN.NORM = str(_C.FPN.NORM)
    _one_of("FPN.NORM", _C.FPN.NORM, ("None", "GN"))
    _one_of("FPN.FRCNN_HEAD_FUNC", _C.FPN.FRCNN_HEAD_FUNC, BOX_HEADS)
    _one_of("FPN.MRCNN_HEAD_FUNC", _C.FPN.MRCNN_HEAD_FUNC, MASK_HEADS)
    if _C.FPN.CASCADE:
        _require(len(_C.CASCADE.IOUS) == len(_C.CASCADE.BBOX_REG_WEIGHTS) == 3, "CASCADE.IOUS",
                 "have three values, and CASCADE.BBOX_REG_WEIGHTS as well", _C.CASCADE.IOUS)
        _require(_C.CASCADE.IOUS[0] == _C.FRCNN.FG_THRESH, "CASCADE.IOUS", "begin with FRCNN.FG_THRESH", _C.CASCADE.IOUS)


def _fill_schedule():
    _one_of("TRAINER", _C.TRAINER, TRAINERS)
    _one_of("TRAIN.OPTIMIZER", _C.TRAIN.OPTIMIZER, OPTIMIZERS)
    _require(_C.TRAIN.BATCH_SIZE > 0, "TRAIN.BATCH_SIZE", "be positive", _C.TRAIN.BATCH_SIZE)
    schedule = _C.TRAIN.LR_SCHEDULE
    if isinstance(schedule, str):
        if schedule in ("{}x".format(k) for k in range(1, 10)):
            # longer ones fall at the same distance from the end
            steps = 180 * int(schedule[0])
            schedule = [120000, 160000, 180000] if steps == 180 else [(steps - left) * 1000 for left in (120, 40, 0)]
        else:
            from config_tree import parse_value

            schedule = parse_value("TRAIN.LR_SCHEDULE", schedule, [1, 2, 3])
    _C.TRAIN.LR_SCHEDULE = schedule = [schedule] if isinstance(schedule, int) else list(schedule)
    _require(schedule and schedule == sorted(schedule) and schedule[0] > 0, "TRAIN.LR_SCHEDULE",
             "be '1x' ... '9x', or rising numbers of steps", schedule)


def _fill_gpus(is_training):
    from parallel import num_workers

    if not is_training or _C.TRAINER == "replicated":
        found = get_num_gpu()
        if is_training:
            found = found or 1  # the CPU
        if _C.TRAIN.NUM_GPUS is None:
            _C.TRAIN.NUM_GPUS = found
        _require(_C.TRAIN.NUM_GPUS <= max(found, 1), "TRAIN.NUM_GPUS", "not be more than the {} found".format(found),
                 _C.TRAIN.NUM_GPUS)
    else:
        found = num_workers(_C.TRAINER)
        if _C.TRAIN.NUM_GPUS is None:
            _C.TRAIN.NUM_GPUS = found
        _require(_C.TRAIN.NUM_GPUS == found, "TRAIN.NUM_GPUS", "be the number of processes, {}".format(found),
                 _C.TRAIN.NUM_GPUS)
    if is_training:
        gpus, batch = _C.TRAIN.NUM_GPUS, _C.TRAIN.BATCH_SIZE
        _require(gpus > 0 and (gpus % batch == 0 or batch % gpus == 0), "TRAIN.NUM_GPUS",
                 "divide TRAIN.BATCH_SIZE={} or be a multiple of it, as the schedule is for so many images".format(batch), gpus)


def _set_environment(is_training):
    sizes = _C.PREPROC.TRAIN_SHORT_EDGE_SIZE
    if not is_training or sizes[1] - sizes[0] > 100:
        os.environ["TF_CUDNN_USE_AUTOTUNE"] = "0"  # it would try anew for each size of image
    os.environ["TF_AUTOTUNE_THRESHOLD"] = "1"
