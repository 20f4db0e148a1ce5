"""Random streams: distinct by default, repeatable under a seed, never the same in two workers."""
import gc
import multiprocessing as mp
import os
import subprocess
import sys

import numpy as np
import pytest

from tensorpack.utils import _rng, fix_rng_seed, get_rng
from tensorpack.utils._rng import new_worker_origin, set_worker_index

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Thing:
    pass


class AlwaysEqual:
    __hash__ = None

    def __eq__(self, other):
        return True


@pytest.fixture(autouse=True)
def fresh_streams(monkeypatch):
    monkeypatch.setattr(_rng, "_streams", _rng._Streams())


def draw(obj=None):
    rng = get_rng(obj)
    assert isinstance(rng, np.random.RandomState)
    return rng.randint(1 << 62)


def all_different(values):
    return len(set(values)) == len(values)


def test_streams_differ_by_default():
    things = [Thing() for _ in range(50)]
    assert all_different([draw(t) for t in things] + [draw(t) for t in things] + [draw() for _ in range(50)])


def test_runs_differ_without_a_seed():
    code = "from tensorpack.utils import get_rng; print(get_rng().randint(1 << 62))"
    assert all_different([subprocess.check_output([sys.executable, "-c", code], cwd=ROOT) for _ in range(2)])


def program():
    fix_rng_seed(42)
    a, b = Thing(), Thing()
    return [draw(a), draw(b), draw(a), draw(), draw(b), draw(5), draw(AlwaysEqual())]


def test_seed_repeats_the_program_and_its_streams_still_differ():
    first = program()
    garbage = [Thing() for _ in range(1000)]  # other addresses
    assert program() == first
    assert all_different(first)
    del garbage


def test_other_seeds_give_other_streams():
    results = []
    for seed in (0, 1, -1, 2 ** 40, np.int64(7)):
        fix_rng_seed(seed)
        results.append(draw())
    assert all_different(results)


def test_seeded_streams_are_the_same_in_each_run_and_on_each_python():
    code = "from tensorpack.utils import get_rng, fix_rng_seed; fix_rng_seed(0); print(get_rng().randint(1 << 30))"
    out = [subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ, PYTHONHASHSEED=str(i)))
           for i in range(2)]
    fix_rng_seed(0)
    assert [int(o) for o in out] == [get_rng().randint(1 << 30)] * 2 == [SEED_0] * 2


SEED_0 = 1004540114  # a change of it would change the data of all seeded runs


def test_object_keeps_its_index_over_resets():
    fix_rng_seed(3)
    a, b = Thing(), Thing()
    draw(a), draw(b)
    second_of_a = draw(a)
    fix_rng_seed(3)
    draw(a), draw(b), draw(b), draw(b)
    assert draw(a) == second_of_a


def test_equal_objects_have_their_own_streams():
    fix_rng_seed(0)
    objects = [AlwaysEqual(), AlwaysEqual()]
    assert all_different([draw(o) for o in objects])


def test_dead_objects_are_forgotten_and_their_streams_are_not_reused():
    fix_rng_seed(0)
    seen = [draw(Thing()) for _ in range(200)]  # most share an address
    gc.collect()
    assert all_different(seen)
    assert len(_rng._streams.objects) == 0


def draws_of_worker(queue, worker, origin, things):
    if worker is not None:
        set_worker_index(worker, origin=origin)
    queue.put((worker, [draw(t) for t in things] + [draw()]))


def run_workers(method, use_index=True, use_origin=True, num=3, things=None, owner=None):
    """Draws of each worker of a new group, in order of the workers."""
    context = mp.get_context(method)
    things = things or [Thing(), Thing()]
    origin = new_worker_origin(owner) if use_origin else None
    results = []
    for worker in range(num):
        queue = context.Queue()
        proc = context.Process(target=draws_of_worker, args=(queue, worker if use_index else None, origin, things))
        proc.start()
        results.append(queue.get(timeout=60)[1])
        proc.join(60)
    return results


def flat(results):
    return [x for result in results for x in result]


@pytest.mark.parametrize("seed", [None, 5], ids=["no seed", "seed"])
@pytest.mark.parametrize("use_index,use_origin", [(False, False), (True, False), (True, True)],
                         ids=["unaware", "index", "index and origin"])
def test_forked_workers_never_share_a_stream(seed, use_index, use_origin):
    if seed is not None:
        fix_rng_seed(seed)
    things = [Thing(), Thing()]
    parent = [draw(t) for t in things]
    first, second = (run_workers("fork", use_index, use_origin, things=things) for _ in range(2))
    assert all_different(parent + flat(first) + flat(second) + [draw(t) for t in things])


@pytest.mark.parametrize("use_index,use_origin", [(False, False), (True, False), (True, True)],
                         ids=["unaware", "index", "index and origin"])
def test_seeded_forked_workers_repeat(use_index, use_origin):
    results = []
    for _ in range(2):
        fix_rng_seed(11)
        results.append([draw(), run_workers("fork", use_index, use_origin), run_workers("fork", use_index, use_origin)])
    assert results[0] == results[1]


def test_with_an_origin_the_start_method_does_not_matter():
    results = []
    for method in ("fork", "spawn"):
        fix_rng_seed(11)
        results.append(run_workers(method, num=2))
    assert results[0] == results[1]
    assert all_different(flat(results[0]))


def test_spawned_workers_without_an_origin_differ():
    fix_rng_seed(11)
    assert all_different(flat(run_workers("spawn", use_origin=False, num=2)))


def test_restarted_workers_of_one_owner_get_new_streams():
    fix_rng_seed(1)
    owner = Thing()
    assert all_different(flat(run_workers("fork", owner=owner, num=2)) + flat(run_workers("fork", owner=owner, num=2)))


def grandchildren(queue):
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            queue.put(draw())
            queue.close()
            queue.join_thread()
            os._exit(0)
        os.waitpid(pid, 0)
    queue.put(draw())


def test_nested_forks_differ():
    fix_rng_seed(1)
    queue = mp.get_context("fork").Queue()
    procs = [mp.get_context("fork").Process(target=grandchildren, args=(queue,)) for _ in range(2)]
    for p in procs:
        p.start()
    values = [queue.get(timeout=60) for _ in range(6)]
    for p in procs:
        p.join(60)
    assert all_different(values + [draw()])


def test_seed_set_within_workers_does_not_make_them_equal():
    results = []
    for worker in range(2):
        set_worker_index(worker)
        fix_rng_seed(0)
        results.append(draw())
    assert all_different(results)
