"""Which processes train together, read from `TF_CONFIG`, or from the environment of a Slurm job step."""
from __future__ import annotations

import os
import re
from typing import Any, List, Mapping, NamedTuple, Optional, Tuple

from ...utils._plain.json_text import parse_json
from ...utils.argtools import log_once

__all__ = ["Cluster", "WATCHDOG_VARIABLE", "cluster_from_environment", "warn_if_alone"]

# host:port where rank 0 waits for the watchdogs of the others
WATCHDOG_VARIABLE = "TENSORPACK_WATCHDOG"
# Its distance from the port of rank 0 by default: ports of workers on one host usually follow each other.
_WATCHDOG_OFFSET = 1000
# Ports of jobs are between these, below those that systems give to clients.
_SLURM_FIRST_PORT, _SLURM_NUM_PORTS = 20000, 8000
_MOST = 1 << 20  # nodes of a job step, and tasks; what asks for more is damaged, and would fill the memory

_WHO = "CollectiveTrainer"
_TRY_BLOCKS = "try `srun --distribution=block`, or set TF_CONFIG"


class Cluster(NamedTuple):
    """The workers that train together.

    Attributes:
        workers: addresses `host:port`, by rank.
        rank: which of them this process is; 0 is the chief.
        watchdog: address `host:port` on the chief's host.
    """

    workers: Tuple[str, ...]
    rank: int
    watchdog: str

    @property
    def size(self) -> int:
        """Number of workers."""
        return len(self.workers)


def cluster_from_environment(environ: Optional[Mapping[str, str]] = None) -> Cluster:
    """The cluster of `TF_CONFIG`; without it, of the Slurm job step; without one, this process alone.

    Raises:
        ValueError: the variables do not describe a cluster of workers.
    """
    environ = os.environ if environ is None else environ
    if environ.get("TF_CONFIG"):
        workers, rank = _from_tf_config(environ["TF_CONFIG"])
    elif (environ.get("SLURM_STEP_NUM_TASKS") or "1") != "1":
        workers, rank = _from_slurm(environ)
    else:
        workers, rank = ["localhost:0"], 0
    return Cluster(tuple(workers), rank, environ.get(WATCHDOG_VARIABLE) or _default_watchdog(workers[0]))


def warn_if_alone(who: str) -> None:
    """Warn, once, of a trainer that trains alone in each of several processes that were started to train together."""
    try:
        size = cluster_from_environment().size if os.environ.get("TF_CONFIG") else 1
    except ValueError:  # of something else than our workers
        return
    if size > 1:
        log_once("{0} workers were started, as TF_CONFIG says, but {1} trains alone in each of them: these are {0} trainings, "
                 "in one log directory unless the script gives each its own; use CollectiveTrainer for one training.".format(
                     size, who), "warning")


def _from_tf_config(text: str) -> Tuple[List[str], int]:
    try:
        config = parse_json(text)
        jobs, task = config["cluster"], config["task"]
        job, rank = str(task["type"]), int(task["index"])
        workers = list(jobs.get("chief", [])) + list(jobs.get("worker", []))
        others = sorted(set(jobs) - {"chief", "worker"})
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as e:
        raise ValueError('{}: TF_CONFIG must be JSON like {{"cluster": {{"worker": ["host:port", ...]}}, "task": {{"type": '
                         '"worker", "index": 0}}}}; got {!r} ({}: {})'.format(
                             _WHO, text, type(e).__name__, e)) from e
    if others or job not in ("chief", "worker"):
        raise ValueError("{}: TF_CONFIG must have workers only, and a chief; got job '{}' in a cluster of {}; parameter "
                         "servers have no place in an all-reduce".format(_WHO, job, ", ".join(sorted(jobs))))
    if job == "worker":
        rank += len(jobs.get("chief", []))
    _check_addresses(workers, rank)
    return workers, rank


def _check_addresses(workers: List[Any], rank: int) -> None:
    for address in workers:
        if not isinstance(address, str) or not re.match(r".+:\d+$", address):
            raise ValueError("{}: the addresses in TF_CONFIG must be 'host:port'; got {!r}".format(_WHO, address))
    if len(set(workers)) < len(workers):
        raise ValueError("{}: the addresses in TF_CONFIG must differ; got {}".format(_WHO, ", ".join(workers)))
    if not 0 <= rank < len(workers):
        raise ValueError("{}: the task in TF_CONFIG must be one of {} workers; got index {}".format(_WHO, len(workers), rank))


def _default_watchdog(chief: str) -> str:
    host, _, port = chief.rpartition(":")
    offset = _WATCHDOG_OFFSET if int(port) + _WATCHDOG_OFFSET < 65536 else -_WATCHDOG_OFFSET
    return "{}:{}".format(host, int(port) + offset)


def _from_slurm(environ: Mapping[str, str]) -> Tuple[List[str], int]:
    """One worker for each task of the step, with ports that depend on the step, so that two on one node do not meet."""
    try:
        size, rank = int(environ["SLURM_STEP_NUM_TASKS"]), int(environ["SLURM_PROCID"])
        hosts = expand_hosts(environ["SLURM_STEP_NODELIST"])
        counts = expand_counts(environ["SLURM_STEP_TASKS_PER_NODE"])
        place = int(environ["SLURM_NODEID"]), int(environ["SLURM_LOCALID"])
        first = int(environ["SLURM_JOB_ID"]) * 64 + int(environ.get("SLURM_STEP_ID", 0)) * 16
    except (KeyError, ValueError) as e:
        raise ValueError("{}: the variables of a Slurm job step must be complete; {}: {}; start the script with srun, or set "
                         "TF_CONFIG".format(_WHO, type(e).__name__, e)) from e
    if len(hosts) != len(counts) or sum(counts) != size or not 0 <= rank < size <= _MOST:
        raise ValueError("{}: the nodes of a Slurm job step must have all its tasks; got {}".format(_WHO, _quote(
            environ, "STEP_NODELIST", "STEP_TASKS_PER_NODE", "STEP_NUM_TASKS", "PROCID")))
    places = _distribute(counts, environ.get("SLURM_DISTRIBUTION", ""))
    if places[rank] != place:
        raise ValueError("{}: task {} of the Slurm job step must be number {} on node {}, as its distribution says; got {}; {}"
                         .format(_WHO, rank, places[rank][1], places[rank][0], _quote(
                             environ, "NODEID", "LOCALID", "DISTRIBUTION", "STEP_TASKS_PER_NODE"), _TRY_BLOCKS))
    first = _SLURM_FIRST_PORT + first % _SLURM_NUM_PORTS
    return ["{}:{}".format(hosts[node], first + local) for node, local in places], rank


def _quote(environ: Mapping[str, str], *names: str) -> str:
    return ", ".join("SLURM_{}={}".format(name, environ.get("SLURM_" + name, "")) for name in names)


def _distribute(counts: List[int], distribution: str) -> List[Tuple[int, int]]:
    """The (node, number on that node) of each task of a step with so many tasks on each node.

    Args:
        distribution: as in SLURM_DISTRIBUTION; what follows the first word is about sockets and cores.
    """
    to_nodes = re.split("[:,=]", distribution.strip().lower())[0]
    places = [(node, local) for node, count in enumerate(counts) for local in range(count)]
    if to_nodes in ("block", "*", ""):
        return places
    if to_nodes == "cyclic":
        return sorted(places, key=lambda place: (place[1], place[0]))  # the first of each node, then the second ones, ...
    raise ValueError("{}: the tasks of a Slurm job step must be distributed to nodes in blocks or cyclically; got "
                     "SLURM_DISTRIBUTION={}; {}".format(_WHO, distribution, _TRY_BLOCKS))


def expand_hosts(text: str) -> List[str]:
    """The hosts of a Slurm node list: `"a[1-2,07],b"` -> `["a1", "a2", "a07", "b"]`.

    Raises:
        ValueError: it is no such list, or one of more than a million hosts.
    """
    hosts: List[str] = []
    for part in re.findall(r"(?:[^,\[\]]|\[[^\[\]]*\])+", text):
        expanded = [""]
        for literal, numbers in re.findall(r"([^\[\]]+)|\[([^\[\]]*)\]", part):
            endings = [literal] if literal else _expand_numbers(numbers)
            _check_size(len(expanded) * len(endings) + len(hosts), text)
            expanded = [head + ending for head in expanded for ending in endings]
        hosts.extend(expanded)
    _check_size(len(hosts), text)
    if not hosts:
        raise ValueError("a node list must be like 'node[1-3],other'; got {!r}".format(text))
    return hosts


def _expand_numbers(text: str) -> List[str]:
    numbers: List[str] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        _check_size(len(numbers) + int(last or first) - int(first) + 1, text)
        numbers += [str(k).zfill(len(first)) for k in range(int(first), int(last or first) + 1)]
    return numbers


def _check_size(size: int, text: str) -> None:
    if size > _MOST:
        raise ValueError("there must be at most {} nodes; got {} of {!r}".format(_MOST, size, text))


def expand_counts(text: str) -> List[int]:
    """The number of tasks on each node: `"2(x3),1"` -> `[2, 2, 2, 1]`.

    Raises:
        ValueError: it is no such list, or one of more than a million nodes.
    """
    counts: List[int] = []
    for part in text.split(","):
        match = re.match(r"(\d+)(?:\(x(\d+)\))?$", part.strip())
        if match is None:
            raise ValueError("tasks per node must be like '2(x3),1'; got {!r}".format(text))
        repeats = int(match.group(2) or 1)
        _check_size(len(counts) + repeats, text)
        counts += [int(match.group(1))] * repeats
    return counts
