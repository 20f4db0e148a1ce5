"""`CollectiveInferenceRunner`: an inference pass of which each worker of a CollectiveTrainer runs a part."""
from __future__ import annotations

from typing import Any, List, Optional, Sequence, Union

from ...callbacks.inference import Inferencer
from ...callbacks.inference_runner import InferenceRunner, _find_fetches, _InferencerToHook
from ...dataflow.base import DataFlow
from ...tfutils.tower import TowerFunc, TowerTensorHandle
from ...utils._text.progress_bar import Bar
from ...utils.utils import get_tqdm
from .cluster import cluster_from_environment
from .shard import Shard

__all__ = ["CollectiveInferenceRunner"]


class CollectiveInferenceRunner(InferenceRunner):
    """Like InferenceRunner, but each worker of a CollectiveTrainer runs the model on its part of the datapoints only.

    Afterwards the inferencers of every worker get the fetched values of all datapoints, in the order of the dataset, so that
    any Inferencer gives what it gives in one process, and statistics are known on all workers. Values are kept in memory until
    the end of the pass. Runs on every worker; the chief's progress bar, which counts its own part, is the one that is shown.

    Args:
        input: a DataFlow that gives the same datapoints in the same order on every worker; at least one for each. Each worker
            reads all of them.
        infs: an Inferencer, or a list of them.
        tower_name, tower_func, device: as for InferenceRunner.

    Raises:
        TypeError: `input` is no DataFlow.
        ValueError: it has fewer datapoints than there are workers.
        RuntimeError: when the graph is set up, the trainer is no CollectiveTrainer.
    """

    _chief_only = False

    def __init__(self, input: DataFlow, infs: Union[Inferencer, Sequence[Inferencer]], tower_name: str = "InferenceTower",
                 tower_func: Optional[TowerFunc] = None, device: int = 0):
        if not isinstance(input, DataFlow):
            raise TypeError("CollectiveInferenceRunner: input must be a DataFlow; got {!r}; InferenceRunner, which runs on the "
                            "chief alone, takes any InputSource".format(input))
        cluster = cluster_from_environment()
        _check_size(input, cluster.size)
        super().__init__(Shard(input, cluster.size, cluster.rank, equal=False), infs, tower_name, tower_func, device)
        self._collected: List[_Collector] = []

    def _setup_graph(self) -> None:
        if not hasattr(self.trainer, "gather_objects"):
            raise RuntimeError("CollectiveInferenceRunner: the trainer must be a CollectiveTrainer; got {}; use "
                               "InferenceRunner".format(self.trainer.__class__.__name__))
        super()._setup_graph()

    def _connect(self, inf: Inferencer, towers: List[TowerTensorHandle]) -> None:
        collector = _Collector()
        self._collected.append(collector)
        self.register_hook(_InferencerToHook(collector, _find_fetches(inf, towers[0])))

    def _make_progress_bar(self) -> Bar:
        return get_tqdm(total=self._size, disable=not self.trainer.is_chief)

    def _run_pass(self) -> None:
        super()._run_pass()
        mine = [collector.take() for collector in self._collected]
        everything = self.trainer.gather_objects(mine)  # rank -> inferencer -> datapoint
        for position, inf in enumerate(self.infs):
            parts = [of_rank[position] for of_rank in everything]
            for index in range(max(len(part) for part in parts)):
                for part in parts:
                    if index < len(part):
                        inf.on_fetches(part[index])


def _check_size(input: DataFlow, num_workers: int) -> None:
    try:
        size = len(input)
    except NotImplementedError:
        return  # a pass of which a worker has nothing fails then
    if size < num_workers:
        raise ValueError("CollectiveInferenceRunner: input must have a datapoint for each of {} workers; got {}; make smaller "
                         "batches".format(num_workers, size))


class _Collector:
    """Keeps what an inferencer is to get."""

    def __init__(self) -> None:
        self._values: List[Any] = []

    def on_fetches(self, results: List[Any]) -> None:
        self._values.append(results)

    def take(self) -> List[Any]:
        values, self._values = self._values, []
        return values
