"""The trainers for parameter servers cannot be made; the error says what to use."""
import pytest

from tensorpack import train
from tensorpack.compat import tfv1 as tf
from tensorpack.train.tower import SingleCostTrainer
from tensorpack.train.trainers import DistributedTrainerParameterServer, DistributedTrainerReplicated


@pytest.mark.parametrize("make", [
    lambda server: DistributedTrainerParameterServer([0, 1], server, caching_device="gpu"),
    lambda server: DistributedTrainerParameterServer(2, server),
    lambda server: DistributedTrainerReplicated(gpus=[0], server=server)], ids=["ps", "ps-default", "replicated"])
def test_the_error_names_the_trainers_that_work(make):
    server = tf.train.Server.create_local_server(start=False)
    with pytest.raises(RuntimeError, match="DistributedTrainer[PR].*not supported.*CollectiveTrainer.*HorovodTrainer"):
        make(server)


def test_they_are_trainers_of_one_cost_so_that_old_scripts_find_their_base_classes():
    for cls in (DistributedTrainerParameterServer, DistributedTrainerReplicated):
        assert issubclass(cls, SingleCostTrainer) and cls is getattr(train, cls.__name__)
        assert "DistributedTrainerBase" in [base.__name__ for base in cls.__mro__]  # refused by tensorpack.contrib.keras
