"""Which processes train together, from the environment."""
import json

import pytest

from tensorpack.compat import tfv1
from tensorpack.train._distributed.cluster import cluster_from_environment, expand_counts, expand_hosts
from tensorpack.train._distributed.collective import CollectiveTrainer
from tensorpack.train._distributed.horovod import BytePSTrainer, HorovodTrainer
from tensorpack.train.base import Trainer
from tensorpack.train.trainers import SimpleTrainer


def tf_config(index=0, job="worker", **cluster):
    cluster = cluster or {"worker": ["a:2222", "b:2222"]}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})}


def slurm(**changes):
    """Four tasks on two nodes, seen by the last of them."""
    step = {"JOB_ID": "70", "STEP_ID": "1", "STEP_NUM_TASKS": "4", "STEP_NODELIST": "n[1-2]", "STEP_TASKS_PER_NODE": "2(x2)",
            "PROCID": "3", "NODEID": "1", "LOCALID": "1"}
    step.update(changes)
    return {"SLURM_" + name: value for name, value in step.items() if value is not None}


# 20000 + 64 * 70 + 16
SLURM_WORKERS = ["n1:24496", "n1:24497", "n2:24496", "n2:24497"]


@pytest.mark.parametrize("environ, workers, rank, watchdog", [
    ({}, ["localhost:0"], 0, None),
    ({"TF_CONFIG": ""}, ["localhost:0"], 0, None),
    ({"SLURM_JOB_ID": "70", "SLURM_PROCID": "0"}, ["localhost:0"], 0, None),
    (slurm(STEP_NUM_TASKS="1", STEP_NODELIST="n1", STEP_TASKS_PER_NODE="1", PROCID="0"), ["localhost:0"], 0, None),
    (tf_config(), ["a:2222", "b:2222"], 0, "a:3222"),
    (tf_config(1), ["a:2222", "b:2222"], 1, "a:3222"),
    (tf_config("1"), ["a:2222", "b:2222"], 1, "a:3222"),
    (tf_config(0, "chief", chief=["c:1"], worker=["a:2", "b:3"]), ["c:1", "a:2", "b:3"], 0, "c:1001"),
    (tf_config(1, "worker", chief=["c:1"], worker=["a:2", "b:3"]), ["c:1", "a:2", "b:3"], 2, "c:1001"),
    (tf_config(worker=["a:65000", "b:1"]), ["a:65000", "b:1"], 0, "a:64000"),
    (tf_config(worker=["[::1]:50", "[::1]:51"]), ["[::1]:50", "[::1]:51"], 0, "[::1]:1050"),
    (dict(tf_config(), TENSORPACK_WATCHDOG="a:7"), ["a:2222", "b:2222"], 0, "a:7"),
    (dict(tf_config(), **slurm()), ["a:2222", "b:2222"], 0, "a:3222"),
    (slurm(), SLURM_WORKERS, 3, "n1:25496"),
    (slurm(PROCID="0", NODEID="0", LOCALID="0"), SLURM_WORKERS, 0, "n1:25496"),
    (slurm(STEP_ID=None), ["n1:24480", "n1:24481", "n2:24480", "n2:24481"], 3, "n1:25480"),
    (slurm(STEP_TASKS_PER_NODE="3,1", LOCALID="0"), ["n1:24496", "n1:24497", "n1:24498", "n2:24496"], 3, "n1:25496"),
    (slurm(JOB_ID="123456789"), ["n1:22512", "n1:22513", "n2:22512", "n2:22513"], 3, "n1:23512"),
], ids=[
    "nothing", "empty TF_CONFIG", "batch script of Slurm", "one task of Slurm", "TF_CONFIG", "another task", "index as text",
    "chief", "worker beside a chief", "high port", "IPv6", "address of the watchdog", "TF_CONFIG within Slurm", "Slurm",
    "first task of Slurm", "Slurm without step number", "unequal nodes", "high job number"])
def test_cluster_of_an_environment(environ, workers, rank, watchdog):
    cluster = cluster_from_environment(environ)
    assert (list(cluster.workers), cluster.rank, cluster.size) == (workers, rank, len(workers))
    assert watchdog is None or cluster.watchdog == watchdog


def test_the_environment_is_that_of_the_process(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(1)["TF_CONFIG"])
    assert cluster_from_environment().rank == 1


def test_ports_of_slurm_are_below_those_of_clients():
    for job in range(0, 5000, 7):
        cluster = cluster_from_environment(slurm(JOB_ID=str(job)))
        ports = [int(address.rpartition(":")[2]) for address in cluster.workers + (cluster.watchdog,)]
        assert 20000 <= min(ports) and max(ports) < 30000


@pytest.mark.parametrize("environ, expected", [
    ({"TF_CONFIG": "{"}, "must be JSON like"),
    ({"TF_CONFIG": "{}"}, "KeyError: 'cluster'"),
    ({"TF_CONFIG": "[]"}, "must be JSON like"),
    ({"TF_CONFIG": '{"cluster": {"worker": ["a:1"]}}'}, "KeyError: 'task'"),
    (tf_config("first"), "must be JSON like"),
    (tf_config(2), "must be one of 2 workers; got index 2"),
    (tf_config(-1), "got index -1"),
    (tf_config(0, worker=["a:1", "a:1"]), "must differ; got a:1, a:1"),
    (tf_config(0, worker=["a", "b:1"]), "must be 'host:port'; got 'a'"),
    (tf_config(0, worker=[1]), "must be 'host:port'; got 1"),
    (tf_config(0, ps=["p:1"], worker=["a:1"]), "parameter servers have no place"),
    (tf_config(0, "ps", ps=["p:1"]), "got job 'ps'"),
    (tf_config(0, "evaluator"), "got job 'evaluator'"),
    (slurm(LOCALID=None), "KeyError: 'SLURM_LOCALID'; start the script with srun"),
    (slurm(STEP_NODELIST=None), "KeyError: 'SLURM_STEP_NODELIST'; start the script with srun, or set TF_CONFIG"),
    (slurm(STEP_TASKS_PER_NODE="two"), "tasks per node must be like '2(x3),1'; got 'two'"),
    (slurm(STEP_TASKS_PER_NODE="1(x2)"), "must have all its tasks; got SLURM_STEP_NODELIST=n[1-2]"),
    (slurm(STEP_NODELIST="n1"), "must have all its tasks"),
    (slurm(PROCID="4"), "SLURM_PROCID=4"),
    (slurm(STEP_NUM_TASKS="two"), "must be complete; ValueError"),
], ids=["no JSON", "no cluster", "a list", "no task", "no number", "index too high", "index too low", "address twice",
        "no port", "address no text", "parameter server", "parameter server itself", "evaluator", "no place", "no nodes",
        "wrong counts", "too few tasks", "too few nodes", "wrong task", "number of tasks is none"])
def test_what_describes_no_cluster_is_refused(environ, expected):
    with pytest.raises(ValueError) as error:
        cluster_from_environment(environ)
    assert str(error.value).startswith("CollectiveTrainer: ") and expected in str(error.value)


# The places (node, number on it) of the tasks, in their order
BLOCKS, ROUNDS = [(0, 0), (0, 1), (1, 0), (1, 1)], [(0, 0), (1, 0), (0, 1), (1, 1)]
UNEQUAL_BLOCKS = [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]
UNEQUAL_ROUNDS = [(0, 0), (1, 0), (2, 0), (1, 1), (2, 1), (1, 2)]


def task(rank, place, **changes):
    return slurm(PROCID=str(rank), NODEID=str(place[0]), LOCALID=str(place[1]), **changes)


def ports_by_node(workers):
    ports = {}
    for address in workers:
        host, _, port = address.partition(":")
        ports.setdefault(host, []).append(int(port))
    return ports


@pytest.mark.parametrize("places, per_node", [
    (BLOCKS, "2(x2)"), (ROUNDS, "2(x2)"), (UNEQUAL_BLOCKS, "1,3,2"), (UNEQUAL_ROUNDS, "1,3,2"), ([(0, 0), (1, 0)], "1(x2)")],
    ids=["blocks", "rounds", "unequal blocks", "unequal rounds", "one on each node"])
@pytest.mark.parametrize("suffix", ["", ":block", ":cyclic", ":fcyclic:cyclic", ",Pack"])
def test_each_task_of_slurm_has_the_address_of_the_node_where_it_is(places, per_node, suffix):
    kind = "cyclic" if places in (ROUNDS, UNEQUAL_ROUNDS) else "block"
    step = dict(STEP_NUM_TASKS=str(len(places)), STEP_TASKS_PER_NODE=per_node, DISTRIBUTION=kind + suffix,
                STEP_NODELIST="n[0-{}]".format(max(places)[0]))
    clusters = [cluster_from_environment(task(rank, place, **step)) for rank, place in enumerate(places)]
    assert len({cluster.workers for cluster in clusters}) == 1
    for (node, _), cluster in zip(places, clusters):
        assert cluster.workers[cluster.rank].startswith("n{}:".format(node))
    for ports in ports_by_node(clusters[0].workers).values():
        assert ports == list(range(24496, 24496 + len(ports)))


@pytest.mark.parametrize("distribution", [None, "", "*", "*:block", "block", "Block:cyclic"])
def test_blocks_are_what_slurm_makes_by_default(distribution):
    workers = {cluster_from_environment(task(rank, place, DISTRIBUTION=distribution)).workers
               for rank, place in enumerate(BLOCKS)}
    assert workers == {tuple(SLURM_WORKERS)}


@pytest.mark.parametrize("distribution", ["plane", "plane=2", "arbitrary", "arbitrary:block"])
@pytest.mark.parametrize("rank", range(4))
def test_other_distributions_of_slurm_are_refused_by_all_tasks(rank, distribution):
    with pytest.raises(ValueError) as error:
        cluster_from_environment(task(rank, BLOCKS[rank], DISTRIBUTION=distribution))
    assert str(error.value) == (
        "CollectiveTrainer: the tasks of a Slurm job step must be distributed to nodes in blocks or cyclically; got "
        "SLURM_DISTRIBUTION={}; try `srun --distribution=block`, or set TF_CONFIG".format(distribution))


@pytest.mark.parametrize("distribution, place", [("block", (1, 0)), (None, (1, 0)), ("cyclic", (0, 1)), ("block", (0, 2))])
def test_a_task_that_is_not_where_its_distribution_says_is_refused(distribution, place):
    with pytest.raises(ValueError) as error:
        cluster_from_environment(task(1, place, DISTRIBUTION=distribution))
    expected = ROUNDS[1] if distribution == "cyclic" else BLOCKS[1]
    assert str(error.value) == (
        "CollectiveTrainer: task 1 of the Slurm job step must be number {} on node {}, as its distribution says; got "
        "SLURM_NODEID={}, SLURM_LOCALID={}, SLURM_DISTRIBUTION={}, SLURM_STEP_TASKS_PER_NODE=2(x2); try `srun "
        "--distribution=block`, or set TF_CONFIG".format(expected[1], expected[0], *place + (distribution or "",)))


@pytest.mark.parametrize("text, hosts", [
    ("a", "a"), ("a,b", "a b"), ("a[1-3]", "a1 a2 a3"), ("a[08-11]", "a08 a09 a10 a11"), ("a[1,3-4,07]", "a1 a3 a4 a07"),
    ("a[1-2],b,c[5]", "a1 a2 b c5"), ("r[1-2]n[1-2]", "r1n1 r1n2 r2n1 r2n2"),
    ("gpu-[1-2].cluster", "gpu-1.cluster gpu-2.cluster"),
])
def test_expand_hosts(text, hosts):
    assert expand_hosts(text) == hosts.split()


@pytest.mark.parametrize("text, counts", [("1", [1]), ("2(x3),1", [2, 2, 2, 1]), ("1,4(x2)", [1, 4, 4])])
def test_expand_counts(text, counts):
    assert expand_counts(text) == counts


@pytest.mark.parametrize("function, text", [
    (expand_hosts, ""), (expand_hosts, "a[x]"), (expand_counts, ""), (expand_counts, "2x3"),
    # more than fits into any memory
    (expand_hosts, "a[1-299999999999999999999]"), (expand_hosts, "a[1-1000][1-1000][1-1000][1-1000]"),
    (expand_hosts, ",".join(["a[1-100000]"] * 20)), (expand_hosts, "a[" + ",".join(["1-100000"] * 20) + "]"),
    (expand_counts, "2(x99999999999999999999)"), (expand_counts, ",".join(["1(x100000)"] * 20))],
    ids=lambda each: getattr(each, "__name__", str(each)[:30]))
def test_lists_that_are_none_are_refused(function, text):
    with pytest.raises(ValueError):
        function(text)


def config_of(number):
    return '{{"cluster": {{"worker": [{}]}}, "task": {{"type": "worker", "index": 0}}}}'.format(
        ", ".join('"127.0.0.1:{}"'.format(20000 + k) for k in range(number)))


@pytest.mark.parametrize("text, expected", [
    (config_of(3), 1), (config_of(1), 0), (None, 0), ("{}", 0),
    ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}', 0)],
    ids=["three", "one", "none", "nonsense", "parameter servers"])
def test_a_trainer_that_trains_alone_in_each_worker_is_warned_of_once(monkeypatch, log_records, text, expected):
    if text is None:
        monkeypatch.delenv("TF_CONFIG", raising=False)
    else:
        monkeypatch.setenv("TF_CONFIG", text)
    for _ in range(2):
        with tfv1.Graph().as_default():
            Trainer().setup_callbacks([], [])
    found = [r.getMessage() for r in log_records if r.levelname == "WARNING" and "workers were started" in r.getMessage()]
    assert len(found) == expected
    if expected:
        assert found[0].startswith("3 workers were started") and "Trainer trains alone in each" in found[0]
        assert "use CollectiveTrainer" in found[0]


@pytest.mark.parametrize("trainer, alone", [
    (SimpleTrainer, True), (CollectiveTrainer, False), (HorovodTrainer, False), (BytePSTrainer, False)],
    ids=lambda value: getattr(value, "__name__", ""))
def test_which_trainers_train_alone(trainer, alone):
    assert trainer._trains_with_others is not alone
