"""`CollectiveInferenceRunner`: an inference pass of which each worker of a CollectiveTrainer runs a part."""
from __future__ import annotations

from typing import Any, List, NamedTuple, Optional, Sequence, Union

from ...callbacks.inference import Inferencer
from ...callbacks.inference_runner import InferenceRunner, _InferencerToHook
from ...dataflow._same_everywhere import check_same_everywhere
from ...dataflow.base import DataFlow, require_dataflow
from ...tfutils.tower import TowerFunc, TowerTensorHandle
from ...utils._text.progress_bar import Bar
from ...utils.utils import get_tqdm
from .cluster import cluster_from_environment
from .portion import Portion, Tally, deal

__all__ = ["CollectiveInferenceRunner"]


class CollectiveInferenceRunner(InferenceRunner):
    """Like InferenceRunner, but each worker of a CollectiveTrainer runs the model on its part of the datapoints only.

    Afterwards the inferencers of every worker get the fetched values of all datapoints, in the order of the dataset, so that
    any Inferencer gives what it gives in one process, and statistics are known on all workers. Values are kept in memory until
    the end of the pass. Runs on every worker; the chief's progress bar, which counts its own part, is the one that is shown.

    What works on each datapoint by itself at the top of the flow, that is MapData and its relatives, BatchData, and parallel
    maps that are `strict`, is done by each worker for its own part only: batches are those of one process. What is below is
    read by all of them, and must be the same on each. After each pass workers compare what they have read, so that no datapoint
    is left out or counted twice.

    Args:
        input: a finite DataFlow; at least one datapoint for each worker.
        infs: an Inferencer, or a list of them.
        tower_name, tower_func, device: as for InferenceRunner.

    Raises:
        TypeError: `input` is no DataFlow.
        ValueError: it has fewer datapoints than there are workers; or, with several of them, it shuffles or mixes what all
            have to read.
        RuntimeError: when the graph is set up, the trainer is no CollectiveTrainer; after a pass, the workers together have
            not seen each datapoint once.
    """

    _chief_only = False

    def __init__(self, input: DataFlow, infs: Union[Inferencer, Sequence[Inferencer]], tower_name: str = "InferenceTower",
                 tower_func: Optional[TowerFunc] = None, device: int = 0):
        require_dataflow("CollectiveInferenceRunner", "input", input, hint="InferenceRunner, which runs on the chief alone, "
                         "takes any InputSource")
        cluster = cluster_from_environment()
        self._portion: Optional[Portion] = None
        if cluster.size > 1:
            _check_size(input, cluster.size)
            input, self._portion = deal(input, cluster.size, cluster.rank)
            check_same_everywhere(type(self).__name__, self._portion.ds)
        super().__init__(input, infs, tower_name, tower_func, device)
        self._collected: List[_Collector] = []

    def _setup_graph(self) -> None:
        if not hasattr(self.trainer, "gather_objects"):
            raise RuntimeError("CollectiveInferenceRunner: the trainer must be a CollectiveTrainer; got {}; use "
                               "InferenceRunner".format(self.trainer.__class__.__name__))
        super()._setup_graph()

    def _connect(self, inf: Inferencer, towers: List[TowerTensorHandle]) -> None:
        collector = _Collector()
        self._collected.append(collector)
        self.register_hook(_InferencerToHook(collector.keep, self._find_fetches(inf, towers[0])))

    def _make_progress_bar(self) -> Bar:
        return get_tqdm(total=self._size, disable=not self.trainer.is_chief)

    def _run_pass(self) -> None:
        super()._run_pass()
        parts = self.trainer.gather_objects(self._take_part())  # by rank
        if self._portion is not None:
            _check_parts(str(self), [part.share for part in parts])
        for position, inf in enumerate(self.infs):
            _deliver(inf, [part.values[position] for part in parts])

    def _take_part(self) -> _Part:
        values = [collector.take() for collector in self._collected]
        if self._portion is None:
            return _Part(values, None)
        tally = self._portion.take_tally()
        expected = 0 if tally is None else self._portion.num_results(tally.num_own)
        return _Part(values, _Share(len(values[0]), expected, tally))


class _Share(NamedTuple):
    """What a worker has to do with the datapoints of a pass.

    Attributes:
        runs: on how many (batches of) datapoints it has run the model.
        expected: how many its portion makes.
        tally: what it has read; None if it has not come to the end.
    """

    runs: int
    expected: int
    tally: Optional[Tally]


class _Part(NamedTuple):
    """What a worker tells the others after a pass: the values for each inferencer, by datapoint, and its share."""

    values: List[List[Any]]
    share: Optional[_Share]


def _check_parts(who: str, shares: List[_Share]) -> None:
    """Raise RuntimeError, on all workers alike, unless these have seen each datapoint of the pass once, together."""
    tallies: List[Tally] = []
    for rank, share in enumerate(shares):
        if share.tally is None:
            raise RuntimeError("{}: a pass must be all of the flow; got one that goes on, on rank {}, after as many datapoints "
                               "as its length says, of which {} are for this rank; mend its __len__, or wrap it in "
                               "FixedSizeData".format(who, rank, share.runs))
        if share.runs != share.expected:
            raise RuntimeError("{}: each datapoint must come through the maps of the flow; got {} on rank {}, of {}; leave out "
                               "what is not wanted below them, where the flow is read".format(
                                   who, share.runs, rank, share.expected))
        tallies.append(share.tally)
    counts = sorted({tally.num_all for tally in tallies})
    dealt = sum(tally.num_own for tally in tallies), sum(tally.sum_own for tally in tallies)
    if any((tally.num_all, tally.sum_all) != dealt for tally in tallies):
        where = " on different workers" if len(counts) > 1 else ""
        raise RuntimeError("{}: together all workers must see each datapoint once; got {} datapoints{}, in another order or "
                           "with other contents on each; let what is read below the maps of the flow be the same everywhere, "
                           "without random numbers and trainer.shard".format(who, " and ".join(map(str, counts)), where))


def _deliver(inf: Inferencer, parts: List[List[Any]]) -> None:
    """Give an inferencer the values of all workers, in the order of the dataset."""
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

    def keep(self, results: List[Any]) -> None:
        self._values.append(results)

    def take(self) -> List[Any]:
        values, self._values = self._values, []
        return values
