"""When the learning rate changes, and when training ends; the settings are for BATCH_SIZE images in a step."""
from tensorpack.utils import logger

__all__ = ["last_epoch", "learning_rate_schedule", "warmup_schedule"]


def warmup_schedule(train):
    """[(step, rate)] of the linear rise at the beginning, for `config.TRAIN`."""
    factor = train.BATCH_SIZE * 1. / train.NUM_GPUS
    return [(0, train.WARMUP_INIT_LR * min(factor, 1.)), (train.WARMUP, train.BASE_LR)]


def learning_rate_schedule(train):
    """[(epoch, rate)]: after the warm-up, and after each entry of LR_SCHEDULE but the last a tenth of the rate before."""
    factor = train.BATCH_SIZE * 1. / train.NUM_GPUS
    schedule = [(int(train.WARMUP / train.STEPS_PER_EPOCH + 0.5), train.BASE_LR)]
    for k, steps in enumerate(train.LR_SCHEDULE[:-1], 1):
        epoch = int(steps * factor // train.STEPS_PER_EPOCH)
        if epoch < schedule[0][0]:
            logger.warning("The rate falls in epoch %d, before the warm-up of %d steps is over (TRAIN.LR_SCHEDULE=%s).", epoch,
                           train.WARMUP, train.LR_SCHEDULE)
        schedule.append((epoch, train.BASE_LR * 0.1 ** k))
    return schedule


def last_epoch(train):
    """
    Raises:
        ValueError: nothing is left to train.
    """
    factor = train.BATCH_SIZE * 1. / train.NUM_GPUS
    epoch = int(train.LR_SCHEDULE[-1] * factor // train.STEPS_PER_EPOCH)
    if epoch < train.STARTING_EPOCH:
        raise ValueError("TRAIN.LR_SCHEDULE={} must end after TRAIN.STARTING_EPOCH={}; got {} epochs of {} steps, as it counts "
                         "updates of {} images".format(
                             train.LR_SCHEDULE, train.STARTING_EPOCH, epoch, train.STEPS_PER_EPOCH, train.BATCH_SIZE))
    return epoch
