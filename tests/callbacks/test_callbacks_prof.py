"""`GraphProfiler`, and the trackers of speed and of the host's memory."""
import json
import os

import psutil
import pytest
from small_training import Call, events, messages, strict_json, train

from tensorpack.callbacks import prof
from tensorpack.callbacks.monitor import TFEventWriter
from tensorpack.callbacks.prof import GraphProfiler, HostMemoryTracker, ThroughputTracker
from tensorpack.callbacks.steps import SessionRunTimeout
from tensorpack.callbacks.trigger import EnableCallbackIf, PeriodicTrigger
from tensorpack.compat import tfv1 as tf


def files(directory, ending):
    return sorted(name for name in os.listdir(directory) if name.endswith(ending))


# ---- GraphProfiler ----------------------------------------------------------------------------------------------------

def test_each_step_gives_a_trace_in_readable_json(log_dir):
    train([GraphProfiler()], steps=2, epochs=1)
    assert files(log_dir, ".json") == ["chrome-trace-1.json", "chrome-trace-2.json"] and files(log_dir, ".pb") == []
    trace = strict_json(os.path.join(log_dir, "chrome-trace-2.json"))["traceEvents"]
    spans = [e for e in trace if e["ph"] == "X"]
    assert any(e["args"].get("name") == "AssignAdd" or e["name"] == "AssignAdd" for e in spans)
    assert all(isinstance(e["ts"], int) and e["dur"] >= 0 for e in spans)
    names = [e["args"]["name"] for e in trace if e["ph"] == "M" and e["name"] == "process_name"]
    assert any("CPU" in name for name in names)


def test_metadata_and_events(log_dir):
    train([GraphProfiler(dump_metadata=True, dump_tracing=False, dump_event=True)], [TFEventWriter()], steps=1)
    assert files(log_dir, ".pb") == ["runmetadata-1.pb", "runmetadata-2.pb"] and files(log_dir, ".json") == []
    with open(os.path.join(log_dir, "runmetadata-2.pb"), "rb") as f:
        metadata = tf.RunMetadata.FromString(f.read())
    assert [device.node_stats for device in metadata.step_stats.dev_stats]
    found = [(e.step, e.tagged_run_metadata) for e in events(log_dir) if e.WhichOneof("what") == "tagged_run_metadata"]
    assert [(step, tagged.tag) for step, tagged in found] == [(1, "trace-1"), (2, "trace-2")]
    assert tf.RunMetadata.FromString(found[1][1].run_metadata) == metadata


def test_it_acts_only_when_it_is_enabled_also_beside_other_options(log_dir):
    train([SessionRunTimeout(60000), EnableCallbackIf(GraphProfiler(), lambda self: self.global_step == 4)])
    assert files(log_dir, ".json") == ["chrome-trace-5.json"]
    with open(os.path.join(log_dir, "chrome-trace-5.json")) as f:
        assert json.load(f)["traceEvents"]


def test_it_needs_a_log_directory():
    with pytest.raises(RuntimeError, match="GraphProfiler: .*log directory"):
        train([GraphProfiler()])


# ---- HostMemoryTracker ------------------------------------------------------------------------------------------------

def test_free_memory_is_logged_and_sent(log_records):
    trainer = train([HostMemoryTracker()])
    history = trainer.monitors.get_history("HostFreeMemory (GB)")
    assert [step for step, _ in history] == [4, 8]
    assert all(0 < value < psutil.virtual_memory().total / 1024 ** 3 for _, value in history)
    logged = [m for m in messages(log_records, "INFO") if "HostMemoryTracker" in m]
    assert len(logged) == 2 and "setup_graph" in logged[0] and "before_train" in logged[1]


# ---- ThroughputTracker ------------------------------------------------------------------------------------------------

@pytest.fixture
def takes(monkeypatch):
    """`takes(seconds)` is a moment of a `Call` at which a clock goes on that stands still otherwise."""
    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(prof, "time", clock)
    return lambda seconds: lambda cb: setattr(clock, "now", clock.now + seconds)


def test_speed_counts_the_time_of_steps_only(takes):
    steps, samples = ThroughputTracker(), ThroughputTracker(32)
    trainer = train([Call(trigger_step=takes(0.025), trigger_epoch=takes(0.4)), steps, samples])
    history = trainer.monitors.get_history("Throughput (steps/sec)")
    assert [step for step, _ in history] == [4, 8] and [value for _, value in history] == pytest.approx([40, 40])
    history = trainer.monitors.get_history("Throughput (samples/sec)")
    assert [value for _, value in history] == pytest.approx([32 * 40] * 2)


def test_triggered_by_steps_it_counts_since_the_last_trigger(takes):
    tracker = PeriodicTrigger(ThroughputTracker(), every_k_steps=3)
    trainer = train([Call(trigger_step=takes(0.025), trigger_epoch=takes(0.4)), tracker])
    history = trainer.monitors.get_history("Throughput (steps/sec)")
    assert [step for step, _ in history] == [3, 6] and [value for _, value in history] == pytest.approx([40, 40])


def test_an_epoch_without_steps_has_no_speed():
    assert train([ThroughputTracker()], steps=0).monitors._history == {}


def test_trackers_run_on_every_process_and_the_profiler_on_the_chief(log_dir):
    assert ThroughputTracker().chief_only is HostMemoryTracker().chief_only is False
    assert GraphProfiler().chief_only is True
