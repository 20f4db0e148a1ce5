"""MinSaver and MaxSaver that keep several of the best checkpoints: `keep=k`."""
import logging
import os

import pytest
from saved_files import BIG, FullDiskFor, saved_value
from small_training import PutEachEpoch, train, train_in_new_graph

from tensorpack.callbacks.monitor import JSONWriter
from tensorpack.callbacks.saver import MaxSaver, MinSaver, ModelSaver

SEVEN = {1: .5, 2: .2, 3: .4, 4: .123456, 5: .9, 6: .2, 7: .3}


def kept(directory, prefix):
    """Global step and name of each complete checkpoint."""
    names = [n[:-len(".index")] for n in os.listdir(directory) if n.startswith(prefix) and n.endswith(".index")]
    assert len([n for n in os.listdir(directory) if n.startswith(prefix)]) == 2 * len(names)
    return sorted((int(saved_value(directory, name)), name) for name in names)


@pytest.mark.parametrize("make, expected", [
    (lambda: MinSaver("err", keep=2), [(8, "min-err-8-0.2"), (16, "min-err-16-0.12346")]),
    (lambda: MinSaver("err", keep=9, filename="best"), [
        (4, "best-4-0.5"), (8, "best-8-0.2"), (12, "best-12-0.4"), (16, "best-16-0.12346"), (20, "best-20-0.9"),
        (24, "best-24-0.2"), (28, "best-28-0.3")]),
    (lambda: MaxSaver("err", keep=3), [(4, "max-err-4-0.5"), (12, "max-err-12-0.4"), (20, "max-err-20-0.9")])],
    ids=["min-2", "more than there are", "max-3"])
def test_the_best_few_are_kept_with_step_and_value_in_their_names(log_dir, make, expected):
    train([make(), PutEachEpoch("err", SEVEN)], epochs=7)
    assert kept(log_dir, expected[0][1].partition("-")[0]) == expected


def run_keeping_two(epochs, **kwargs):
    callbacks = [ModelSaver(), PutEachEpoch("err", SEVEN), MinSaver("err", keep=2)]
    train_in_new_graph(callbacks, [JSONWriter()], epochs=epochs, **kwargs)


@pytest.mark.parametrize("last", range(1, 7))
def test_the_best_few_survive_a_restart(log_dir, last):
    run_keeping_two(last)
    run_keeping_two(7, starting_epoch=last + 1, restore=os.path.join(log_dir, "model-{}".format(4 * last)))
    assert kept(log_dir, "min-err") == [(8, "min-err-8-0.2"), (16, "min-err-16-0.12346")]


@pytest.mark.parametrize("moved", [["index"], ["index", "data-00000-of-00001"]], ids=str)
def test_a_save_of_one_of_the_best_that_was_interrupted_is_finished(log_dir, moved):
    run_keeping_two(2)
    scratch = os.path.join(log_dir, ".min-err.tmp-0123456789ab")
    os.mkdir(scratch)
    for suffix in moved:
        os.rename(os.path.join(log_dir, "min-err-8-0.2." + suffix), os.path.join(scratch, "min-err-8-0.2." + suffix))
    run_keeping_two(3, starting_epoch=3, restore=os.path.join(log_dir, "model-8"))
    assert kept(log_dir, "min-err") == [(8, "min-err-8-0.2"), (12, "min-err-12-0.4")]


def test_one_of_the_best_that_could_not_be_saved_is_saved_at_the_restart(log_dir):
    train_in_new_graph([ModelSaver(), PutEachEpoch("err", SEVEN), FullDiskFor(MinSaver("err", keep=2), [2])], [JSONWriter()],
                       size=BIG)
    assert kept(log_dir, "min-err") == [(4, "min-err-4-0.5")]
    run_keeping_two(3, starting_epoch=3, restore=os.path.join(log_dir, "model-8"), size=BIG)
    assert kept(log_dir, "min-err") == [(8, "min-err-8-0.2"), (12, "min-err-12-0.4")]


def test_files_of_later_steps_than_the_restored_one_are_left_alone(log_dir):
    run_keeping_two(4)
    run_keeping_two(3, starting_epoch=3, restore=os.path.join(log_dir, "model-8"))
    assert (16, "min-err-16-0.12346") in kept(log_dir, "min-err") and (8, "min-err-8-0.2") in kept(log_dir, "min-err")


def test_deleting_an_old_checkpoint_is_no_reason_for_advice_of_tensorflow(log_dir):
    from tensorflow.python.util import deprecation

    records = []
    handler = logging.Handler()
    handler.emit = records.append
    deprecation._PRINTED_WARNING.clear()  # TensorFlow says it once in a process
    tensorflows = logging.getLogger("tensorflow")
    tensorflows.addHandler(handler)
    try:
        train([ModelSaver(max_to_keep=1), MinSaver("err"), PutEachEpoch("err", SEVEN)], epochs=3)
    finally:
        tensorflows.removeHandler(handler)
    assert len(kept(log_dir, "model-")) == 1
    assert not [record.getMessage() for record in records if "remove_checkpoint" in record.getMessage()]
