"""`resume.json`: which epoch a checkpoint belongs to."""
import json
import os

import pytest
from small_training import messages

from tensorpack.callbacks import _resume


def touch_checkpoint(directory, name):
    open(os.path.join(str(directory), name + ".index"), "w").close()


@pytest.mark.parametrize("epoch_num, finished, expected", [(3, True, 4), (3, False, 3), (0, True, 1)],
                         ids=["end of an epoch", "inside an epoch", "before training"])
def test_training_goes_on_after_the_epoch_or_repeats_it(tmp_path, epoch_num, finished, expected):
    _resume.record_checkpoint(str(tmp_path), "model-8", epoch_num, finished, 8)
    assert _resume.starting_epoch_after(str(tmp_path / "model-8")) == expected
    with open(str(tmp_path / "resume.json")) as f:
        assert json.load(f) == {"model-8": {"epoch_num": epoch_num, "epoch_finished": finished, "global_step": 8}}


def test_the_epoch_of_an_unrecorded_checkpoint_is_unknown(tmp_path):
    assert _resume.starting_epoch_after(str(tmp_path / "model-4")) is None
    _resume.record_checkpoint(str(tmp_path), "model-8", 2, True, 8)
    assert _resume.starting_epoch_after(str(tmp_path / "model-4")) is None


def test_a_relative_path_is_looked_up_in_the_current_directory(tmp_path, monkeypatch):
    _resume.record_checkpoint(str(tmp_path), "model-8", 2, True, 8)
    monkeypatch.chdir(str(tmp_path))
    assert _resume.starting_epoch_after("model-8") == 3


def test_entries_of_deleted_checkpoints_are_dropped(tmp_path):
    for step in (4, 8, 12):
        _resume.record_checkpoint(str(tmp_path), "model-{}".format(step), step // 4, True, step)
        touch_checkpoint(tmp_path, "model-{}".format(step))
    os.remove(str(tmp_path / "model-4.index"))
    _resume.record_checkpoint(str(tmp_path), "model-16", 4, True, 16)
    assert sorted(_resume.read_entries(str(tmp_path))) == ["model-12", "model-16", "model-8"]


def test_the_newest_entry_alone_carries_statistics(tmp_path):
    def carried():
        return {name: len(entry.get("unwritten_statistics", [])) for name, entry in _resume.read_entries(str(tmp_path)).items()}

    assert _resume.unwritten_statistics(str(tmp_path)) == []
    for step, count in (4, 1), (8, 2), (12, 0):
        records = [{"x": k, "epoch_num": 1, "global_step": k} for k in range(count)]
        _resume.record_checkpoint(str(tmp_path), "model-{}".format(step), 1, True, step, unwritten=records)
        touch_checkpoint(tmp_path, "model-{}".format(step))
        assert _resume.unwritten_statistics(str(tmp_path)) == records
        assert {name for name, number in carried().items() if number} <= {"model-{}".format(step)}


@pytest.mark.parametrize("content", ["{", "[1, 2]", '{"model-8": {"epoch_num": "two"}}', '{"model-8": 3}', ""],
                         ids=["cut off", "a list", "wrong type", "no object", "empty"])
def test_a_damaged_file_means_unknown_and_is_replaced_by_the_next_record(tmp_path, content):
    (tmp_path / "resume.json").write_text(content)
    assert _resume.starting_epoch_after(str(tmp_path / "model-8")) is None
    _resume.record_checkpoint(str(tmp_path), "model-12", 3, True, 12)
    assert _resume.starting_epoch_after(str(tmp_path / "model-12")) == 4


def test_a_damaged_file_is_warned_of(tmp_path, log_records):
    (tmp_path / "resume.json").write_text("{")
    _resume.read_entries(str(tmp_path))
    assert any("resume.json" in message for message in messages(log_records, "WARNING"))


def test_stopped_inside_epoch_asks_for_the_very_step(tmp_path):
    _resume.record_checkpoint(str(tmp_path), "model-6", 2, False, 6)
    assert _resume.stopped_inside_epoch(str(tmp_path), 2, 6)
    assert not _resume.stopped_inside_epoch(str(tmp_path), 2, 8)
    assert not _resume.stopped_inside_epoch(str(tmp_path), 3, 6)
    _resume.record_checkpoint(str(tmp_path), "model-8", 2, True, 8)
    assert not _resume.stopped_inside_epoch(str(tmp_path), 2, 8)


def test_a_remote_directory_is_left_alone():
    _resume.record_checkpoint("gs://bucket/run", "model-8", 2, True, 8)


def test_the_statistic_of_the_best_checkpoint_and_of_the_one_that_it_replaces(tmp_path):
    path = str(tmp_path / "min-x")
    assert _resume.recorded_value(path, 8) is None
    _resume.record_checkpoint(str(tmp_path), "min-x", 2, True, 8, values={None: None, 8: .5})
    touch_checkpoint(tmp_path, "min-x")
    assert _resume.recorded_value(path, 8) == .5
    _resume.record_checkpoint(str(tmp_path), "min-x", 3, True, 12, values={8: .5, 12: .25})
    assert [_resume.recorded_value(path, step) for step in (8, 12, 16, None)] == [.5, .25, None, None]
    assert _resume.starting_epoch_after(path) == 4


@pytest.mark.parametrize("values", [[1, 2], {"8": "low"}, None], ids=["a list", "a text", "nothing"])
def test_a_damaged_statistic_is_unknown(tmp_path, values):
    entry = {"epoch_num": 2, "epoch_finished": True, "global_step": 8, "values": values}
    (tmp_path / "resume.json").write_text(json.dumps({"min-x": entry}))
    assert _resume.recorded_value(str(tmp_path / "min-x"), 8) is None
