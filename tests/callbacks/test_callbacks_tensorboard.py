"""What monitors write is read back by TensorBoard's own reader."""
import numpy as np
import pytest
from small_training import Call, train

from tensorpack.callbacks.monitor import TFEventWriter
from tensorpack.callbacks.prof import GraphProfiler
from tensorpack.callbacks.summary import MergeAllSummaries
from tensorpack.compat import tfv1 as tf

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
cv2 = pytest.importorskip("cv2")


def read(directory):
    reader = event_accumulator.EventAccumulator(directory, size_guidance=dict.fromkeys(("scalars", "images", "histograms"), 0))
    reader.Reload()
    return reader


def put_all(cb):
    monitors = cb.trainer.monitors
    monitors.put_scalar("accuracy", cb.epoch_num / 2)
    monitors.put_image("noise", np.full((4, 5, 3), [250, 0, 10 * cb.epoch_num], "uint8"))
    monitors.put_histogram("weights", np.arange(10.))


def summaries_of_the_graph():
    step = tf.cast(tf.train.get_or_create_global_step(), tf.float32)
    tf.summary.scalar("tower0/step-summary", step)
    tf.summary.histogram("spread", tf.range(5))
    tf.summary.image("pixels", tf.zeros([2, 3, 3, 1]))


@pytest.mark.parametrize("run_alone", [False, True], ids=["with the step", "alone"])
def test_scalars_images_and_histograms_share_one_axis_of_steps(log_dir, run_alone):
    summaries_of_the_graph()
    train([Call(trigger_epoch=put_all), MergeAllSummaries(run_alone=run_alone)], [TFEventWriter()])
    reader = read(log_dir)
    tags = reader.Tags()
    assert sorted(tags["scalars"]) == ["accuracy", "step"] and tags["graph"]
    assert sorted(tags["images"]) == ["noise", "pixels/image/0", "pixels/image/1"]
    assert sorted(tags["histograms"]) == ["spread", "weights"]
    assert [(e.step, e.value) for e in reader.Scalars("accuracy")] == [(4, .5), (8, 1.)]
    assert [e.step for e in reader.Scalars("step")] == [4, 8]
    assert [e.step for e in reader.Histograms("spread")] == [e.step for e in reader.Images("pixels/image/1")] == [4, 8]
    histogram = reader.Histograms("weights")[1].histogram_value
    assert (histogram.min, histogram.max, histogram.num, histogram.sum) == (0, 9, 10, 45)
    image = reader.Images("noise")[1]
    pixels = cv2.imdecode(np.frombuffer(image.encoded_image_string, "uint8"), cv2.IMREAD_COLOR)
    assert (image.step, image.height, image.width) == (8, 4, 5) and pixels[0, 0].tolist() == [20, 0, 250]  # BGR
    assert "v" in [node.name for node in reader.Graph().node]


def test_traces_of_the_profiler(log_dir):
    train([GraphProfiler(dump_tracing=False, dump_event=True)], [TFEventWriter()], steps=2, epochs=1)
    reader = read(log_dir)
    assert sorted(reader.Tags()["run_metadata"]) == ["trace-1", "trace-2"]
    assert reader.RunMetadata("trace-2").step_stats.dev_stats


def test_what_was_put_before_a_crash_is_there(log_dir):
    def crash(cb):
        put_all(cb)
        if cb.epoch_num == 2:
            raise ValueError("crash")

    with pytest.raises(ValueError, match="crash"):
        train([Call(trigger_epoch=crash)], [TFEventWriter()])
    assert [(e.step, e.value) for e in read(log_dir).Scalars("accuracy")] == [(4, .5), (8, 1.)]
