"""How many processes or GPUs train together, and the trainers for them."""
import functools

from tensorpack import CollectiveTrainer, HorovodTrainer, SyncMultiGPUTrainerReplicated
from tensorpack.utils.gpu import get_num_gpu


@functools.lru_cache(maxsize=None)
def collective_trainer():
    """The one of this process, which knows from the environment who else trains."""
    return CollectiveTrainer(average=False)


def num_workers(trainer):
    """The number of processes, each with a GPU, that a trainer 'horovod' or 'collective' runs on."""
    if trainer == "collective":
        return collective_trainer().size
    import horovod.tensorflow as hvd

    hvd.init()
    return hvd.size()


def make_trainer(trainer, num_gpus):
    """Gradients are summed, so that the learning rate is that of an image."""
    if trainer == "collective":
        return collective_trainer()
    if trainer == "horovod":
        return HorovodTrainer(average=False)
    device_type = "gpu" if get_num_gpu() else "cpu"
    return SyncMultiGPUTrainerReplicated(num_gpus, average=False, device_type=device_type)


def is_chief(trainer):
    """Whether this process writes logs and checkpoints."""
    if trainer == "collective":
        return collective_trainer().is_chief
    if trainer == "horovod":
        import horovod.tensorflow as hvd

        return hvd.rank() == 0
    return True
