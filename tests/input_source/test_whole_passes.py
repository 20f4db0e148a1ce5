"""A pass that follows an abandoned one is a whole pass, also over flows that go on with an abandoned pass."""
import pytest
from input_runner import running

from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.common import BatchData, MapData
from tensorpack.dataflow.parallel_map import MultiProcessMapData, MultiThreadMapData
from tensorpack.dataflow.raw import DataFromList
from tensorpack.input_source import FeedInput, QueueInput, TFDatasetInput
from tensorpack.predict import PredictConfig, SimpleDatasetPredictor

BATCH = [tf.TensorSpec([None], "int32", "x")]


def same(dp):
    return dp


def numbers():
    return DataFromList([[k] for k in range(10)], shuffle=False)


MAPS = {
    "thread": lambda: MultiThreadMapData(numbers(), 1, same, buffer_size=3, strict=True),
    "threads": lambda: MultiThreadMapData(numbers(), 3, same, buffer_size=8, strict=True),
    "process": lambda: MultiProcessMapData(numbers(), 1, same, buffer_size=3, strict=True),
}


@pytest.fixture(params=sorted(MAPS))
def mapped(request):
    with MAPS[request.param]() as df:
        yield df


@pytest.mark.parametrize("num_before", [1, 2, 3])
@pytest.mark.parametrize("make_input", [
    lambda flow: FeedInput(flow, infinite=False), FeedInput, lambda flow: QueueInput(flow, tf.FIFOQueue(2, ["int32"])),
    TFDatasetInput], ids=["feed", "endless feed", "queue", "dataset"])
def test_reset_state_begins_a_whole_pass(make_input, mapped, num_before):
    source = make_input(MapData(BatchData(mapped, 4, remainder=True), same))
    with running(source, BATCH) as run:
        for _ in range(num_before):
            run.step()
        getattr(source, "refill_queue", source.reset_state)()
        batches = [run.step()[0] for _ in range(3)]
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert sorted(sum(batches, [])) == list(range(10))


def test_what_a_batch_leaves_over_is_not_in_the_next_pass(mapped):
    with running(FeedInput(BatchData(mapped, 4), infinite=False), BATCH) as run:
        for _ in range(3):
            batches = [run.step()[0] for _ in range(2)]
            assert len(set(sum(batches, []))) == 8
            run.source.reset_state()


def test_each_call_of_get_result_is_a_whole_pass(mapped):
    config = PredictConfig(tower_func=lambda x: tf.identity(x, name="y"), input_signature=BATCH, input_names=["x"],
                           output_names=["y"])
    predictor = SimpleDatasetPredictor(config, BatchData(mapped, 4, remainder=True))
    next(predictor.get_result())
    outputs = [output.tolist() for output, in predictor.get_result()]
    assert [len(output) for output in outputs] == [4, 4, 2] and sorted(sum(outputs, [])) == list(range(10))
