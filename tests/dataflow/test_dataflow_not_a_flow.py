"""What is said about data that are no DataFlow, wherever one is taken."""
import inspect

import numpy as np
import pytest

from tensorpack import (
    AugmentImageComponent,
    BatchData,
    CacheData,
    ConcatData,
    DataFlow,
    DataFromGenerator,
    DataFromIterable,
    DataFromList,
    DataParallelInferenceRunner,
    FakeData,
    FeedInput,
    FixedSizeData,
    InferenceRunner,
    JoinData,
    LMDBSerializer,
    LocallyShuffleData,
    MapData,
    MultiProcessMapAndBatchData,
    MultiProcessMapData,
    MultiProcessRunnerZMQ,
    MultiThreadMapData,
    MultiThreadRunner,
    PrintData,
    QueueInput,
    RandomChooseData,
    RepeatedData,
    ResumableData,
    ScalarStats,
    TFDatasetInput,
    TrainConfig,
    check_dataflow,
    imgaug,
    tfv1,
)

IMAGES, LABELS = np.zeros((500, 28, 28)), np.zeros(500, "int32")


class DataLoader:
    """Of PyTorch, as far as its name and module tell."""

    __module__ = "torch.utils.data.dataloader"

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 3


class PyDataset:
    """Of Keras 3: batches by their number."""

    __module__ = "keras.src.trainers.data_adapters.py_dataset_adapter"

    def __getitem__(self, index):
        raise IndexError

    def __len__(self):
        return 0


class Unknown:
    pass


def generate():
    yield [1]


@pytest.mark.parametrize("make, words", [
    (lambda: [[1, 2]] * 5000, r"list of 5000: .*try DataFromList\(the list\)"),
    (lambda: [IMAGES, LABELS], r"float64 \(500, 28, 28\), int32 \(500,\).*try DataFromList\(list\(zip\(x, y\)\)\)"),
    (lambda: (IMAGES, LABELS), r"zip\(x, y\)"),
    (lambda: {"image": IMAGES, "label": LABELS}, r"DataFromList\(list\(zip\(\*arrays.values\(\)\)\)\)"),
    (lambda: IMAGES, r"got float64 \(500, 28, 28\); try DataFromList\(\[\[x\] for x in array\]\)"),
    (generate, "got generator; try DataFromGenerator.*the function that made"),
    (lambda: generate, "got function; try DataFromGenerator"),
    (lambda: tfv1.data.Dataset.from_tensor_slices([1, 2]).batch(2), r"of tensorflow; try TFDatasetInput\(dataset\).*data="),
    (DataLoader, r"a DataLoader of torch; try MapData\(DataFromIterable\(loader\)"),
    (PyDataset, r"a PyDataset of keras; try DataFromList"),
    (lambda: iter([[1]]), "got list_iterator; try DataFromIterable"),
    (lambda: range(5), "got range; try DataFromList"),
    (lambda: FakeData, r"got the class FakeData; write FakeData\(...\)"),
    (Unknown, "got Unknown; derive its class from DataFlow"),
    (lambda: "train.lmdb", "got 'train.lmdb'"),
], ids=["list", "columns", "tuple", "dict", "array", "generator", "function", "tf.data", "torch", "keras", "iterator", "range",
        "class", "unknown", "path"])
def test_the_message_says_how_to_make_a_flow_of_it(make, words):
    with tfv1.Graph().as_default(), pytest.raises(TypeError, match="^BatchData: ds must be a DataFlow; .*" + words):
        BatchData(make(), 2)


@pytest.mark.parametrize("take", [
    lambda x: BatchData(x, 2), lambda x: MapData(x, list), lambda x: RepeatedData(x, 2), PrintData, CacheData,
    lambda x: AugmentImageComponent(x, []), lambda x: ConcatData([x]), lambda x: JoinData([FakeData([[1]]), x]),
    lambda x: RandomChooseData([(x, 1.0)]), lambda x: MultiProcessRunnerZMQ(x, 1), lambda x: MultiProcessMapData(x, 1, list),
    lambda x: MultiThreadMapData(x, 1, list), lambda x: MultiProcessMapAndBatchData(x, 1, list, 2),
    lambda x: MultiThreadRunner(lambda: x, 1, 1), ResumableData, check_dataflow, lambda x: LMDBSerializer.save(x, "no.lmdb"),
    FeedInput, QueueInput, TFDatasetInput, lambda x: TFDatasetInput.dataflow_to_dataset(x, [tfv1.float32]),
    lambda x: TrainConfig(dataflow=x), lambda x: InferenceRunner(x, ScalarStats("cost")),
    lambda x: DataParallelInferenceRunner(x, ScalarStats("cost"), [0]),
], ids=["BatchData", "MapData", "RepeatedData", "PrintData", "CacheData", "AugmentImageComponent", "ConcatData", "JoinData",
        "RandomChooseData", "MultiProcessRunnerZMQ", "MultiProcessMapData", "MultiThreadMapData", "MultiProcessMapAndBatchData",
        "MultiThreadRunner", "ResumableData", "check_dataflow", "LMDBSerializer", "FeedInput", "QueueInput", "TFDatasetInput",
        "dataflow_to_dataset", "TrainConfig", "InferenceRunner", "DataParallelInferenceRunner"])
def test_everything_that_takes_a_flow_says_it_and_prints_no_data(take):
    with pytest.raises((TypeError, ValueError), match="DataFromList") as info:
        take([[np.zeros((28, 28)), 1]] * 3000)
    assert len(str(info.value)) < 600


def test_one_flow_is_no_list_of_flows():
    with pytest.raises(TypeError, match=r"JoinData: df_lists must be a list of flows; got one FakeData; write \[flow"):
        JoinData(FakeData([[1]]))


def test_a_class_with_the_methods_of_a_flow_serves_as_one():
    class Own:
        def __iter__(self):
            return iter([[1], [2]])

        def __len__(self):
            return 2

        def reset_state(self):
            pass

    df = BatchData(Own(), 2)
    df.reset_state()
    assert [dp[0].tolist() for dp in df] == [[1, 2]]


@pytest.mark.parametrize("flow", [DataFromList, DataFromIterable, DataFromGenerator])
def test_columns_in_the_place_of_datapoints_are_warned_of(log_records, flow):
    assert isinstance(flow([IMAGES, LABELS]), DataFlow)
    warning, = log_records
    assert warning.getMessage() == (
        "{}: its elements are the datapoints, so there are 2 of them: float64 (500, 28, 28) and int32 (500,). If these are "
        "the components of 500 datapoints, as in Keras' fit(x, y), give list(zip(x, y)) instead of [x, y].".format(
            flow.__name__))


@pytest.mark.parametrize("datapoints", [
    [[IMAGES[0], 1], [IMAGES[1], 2]], [IMAGES[0], IMAGES[1]], [np.zeros(3), np.zeros(4)], [], [IMAGES],
    [[IMAGES, LABELS]], [np.zeros(2), np.zeros((2, 3))],
], ids=["pairs", "two images", "other lengths", "none", "one", "a batch", "no more than they are"])
def test_what_may_be_datapoints_is_not_warned_of(log_records, datapoints):
    DataFromList(datapoints)
    assert not log_records


@pytest.mark.parametrize("make", [
    lambda ds: BatchData(8, ds), lambda ds: RepeatedData(3, ds), lambda ds: LocallyShuffleData(100, ds),
    lambda ds: FixedSizeData(np.int64(5), ds), lambda ds: MapData(0.5, ds)])
def test_a_number_in_the_place_of_the_flow_is_told_to_come_later(make):
    with pytest.raises(TypeError, match="the arguments seem to be swapped|got float 0.5; the DataFlow comes before all other"):
        make(FakeData([[2]]))


class Own(DataFlow):
    def __init__(self, size=1):
        self.size = size

    def __iter__(self):
        yield [self.size]


class OwnChild(Own):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)


@pytest.mark.parametrize("make, words", [
    (lambda: BatchData(FakeData([[2]]), batchsize=8), "BatchData: .*'batchsize'; did you mean batch_size"),
    (lambda: FakeData([[2]], length=3), "FakeData: .*'length'; it takes shapes, size, "),
    (lambda: imgaug.Flip(horizontal=True), "Flip: .*'horizontal'; did you mean horiz"),
    (lambda: imgaug.CropTransform(0, 0, height=3, w=3), "CropTransform: .*'height'; it takes y0, x0, h, w"),
    (lambda: Own(siz=3), "Own: .*'siz'; did you mean size"),
    (lambda: OwnChild(siz=3), "OwnChild: .*'siz'; did you mean size"),
], ids=["flow", "nothing near", "augmentor", "transform", "of a user", "derived"])
def test_keywords_that_are_near_are_told(make, words):
    with pytest.raises(TypeError, match="^" + words) as info:
        make()
    assert "got an unexpected keyword argument" in str(info.value)


def test_a_constructor_that_fails_by_itself_keeps_its_words():
    class Fails(DataFlow):
        def __init__(self, size):
            (lambda x: x)(y=size)

        def __iter__(self):
            yield []

    with pytest.raises(TypeError, match="unexpected keyword argument 'y'$"):
        Fails(size=3)
    assert list(inspect.signature(Fails).parameters) == ["size"]
