"""Calls that Python or a constructor refuses: swapped, missing and too many arguments, and what is said about them."""
import inspect

import numpy as np
import pytest

from tensorpack import (
    AugmentImageComponent,
    AutoResumeTrainConfig,
    BatchData,
    BatchQueueInput,
    BinaryClassificationStats,
    Callback,
    ClassificationError,
    Conv2D,
    DataFromGenerator,
    DataFromList,
    DataParallelInferenceRunner,
    DictRestore,
    EarlyStop,
    EnableCallbackIf,
    ExportedPredictor,
    FakeData,
    FeedInput,
    FixedSizeData,
    FullyConnected,
    GraphVarParam,
    HyperParamSetterWithFunc,
    ImageFromFile,
    InferenceRunner,
    JoinData,
    LMDBSerializer,
    LocallyShuffleData,
    MapData,
    MapDataComponent,
    MaxPooling,
    MaxSaver,
    MinSaver,
    ModelDesc,
    ModelSaver,
    MultiProcessMapData,
    MultiProcessRunnerZMQ,
    MultiThreadMapData,
    ObjAttrParam,
    OfflinePredictor,
    OnlinePredictor,
    PeriodicTrigger,
    PredictConfig,
    PrintData,
    ProcessTensors,
    RepeatedData,
    RepeatedDataPoint,
    SaverRestore,
    ScalarStats,
    ScheduledHyperParamSetter,
    SelectComponent,
    SendStat,
    SimpleDatasetPredictor,
    SimpleTrainer,
    SmartInit,
    StagingInput,
    StatMonitorParamSetter,
    TestDataSpeed,
    TFDatasetInput,
    TrainConfig,
    imgaug,
    l2_regularizer,
    launch_train_with_config,
    send_dataflow_zmq,
    tfv1,
)
from tensorpack.contrib.keras import weights_from_keras
from tensorpack.dataflow import HDF5Serializer, NumpySerializer, TFRecordSerializer
from tensorpack.models import regularize_cost
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.gradproc import MapGradient
from tensorpack.tfutils.optimizer import AccumGradOptimizer
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.tfutils.varreplace import freeze_variables
from tensorpack.utils import logger
from tensorpack.utils._text.keywords import keywords_told

DS = DataFromList([[1]] * 100)
FLIP = imgaug.Flip(horiz=True)
STATS = ScalarStats("cost")


def function(x):
    return x


SWAPPED = [
    (MapData, (function, DS), "MapData(ds, func)"),
    (MapDataComponent, (function, DS), "MapDataComponent(ds, func)"),
    (MapDataComponent, (DS, 0, function), "MapDataComponent(ds, func, 0)"),
    (BatchData, (32, DS), "BatchData(ds, 32)"),
    (RepeatedData, (-1, DS), "RepeatedData(ds, -1)"),
    (RepeatedDataPoint, (3, DS), "RepeatedDataPoint(ds, 3)"),
    (FixedSizeData, (10, DS), "FixedSizeData(ds, 10)"),
    (LocallyShuffleData, (10, DS), "LocallyShuffleData(ds, 10)"),
    (PrintData, (3, DS), "PrintData(ds, 3)"),
    (TestDataSpeed, (3, DS), "TestDataSpeed(ds, 3)"),
    (AugmentImageComponent, ([FLIP], DS), "AugmentImageComponent(ds, augmentors)"),
    (MultiProcessMapData, (2, DS, function), "MultiProcessMapDataZMQ(ds, 2, map_func)"),
    (MultiThreadMapData, (DS, function, 2), "MultiThreadMapData(ds, 2, map_func)"),
    (MultiProcessRunnerZMQ, (2, DS), "MultiProcessRunnerZMQ(ds, 2)"),
    (FakeData, (10, [[3]]), "FakeData(shapes, 10)"),
    (ImageFromFile, (3, ["a.jpg"]), "ImageFromFile(files, 3)"),
    (imgaug.RandomApplyAug, (.5, FLIP), "RandomApplyAug(aug, 0.5)"),
    (FeedInput, (False, DS), "FeedInput(ds, False)"),
    (BatchQueueInput, (32, DS), "BatchQueueInput(ds, 32)"),
    (InferenceRunner, (STATS, DS), "InferenceRunner(input, infs)"),
    (InferenceRunner, ([STATS], DS), "InferenceRunner(input, infs)"),
    (DataParallelInferenceRunner, ([STATS], DS, [0]), "DataParallelInferenceRunner(input, infs, gpus)"),
    (EarlyStop, (3, "val_error"), "EarlyStop('val_error', 3)"),
    (MinSaver, (True, "val_error"), "MinSaver('val_error', True)"),
    (MaxSaver, (5, "val_accuracy"), None),
    (ScheduledHyperParamSetter, ([(1, .1)], "learning_rate"), "ScheduledHyperParamSetter('learning_rate', schedule)"),
    (HyperParamSetterWithFunc, (lambda epoch, value: .1, "learning_rate"), "HyperParamSetterWithFunc('learning_rate', func)"),
    (StatMonitorParamSetter, ("learning_rate", function, "val_error", 0, 10),
     "StatMonitorParamSetter('learning_rate', 'val_error', value_func, 0, 10)"),
    (PeriodicTrigger, (3, ModelSaver()), "PeriodicTrigger(triggerable, 3)"),
    (EnableCallbackIf, (lambda _: True, ModelSaver()), "EnableCallbackIf(callback, pred)"),
    (ProcessTensors, (function, ["cost"]), "ProcessTensors(names, fn)"),
    (SendStat, (["cost"], "echo {cost}"), "SendStat('echo {cost}', names)"),
    (GraphVarParam, ((), "learning_rate"), "GraphVarParam('learning_rate', shape)"),
]


@pytest.mark.parametrize("cls, args, call", SWAPPED, ids=[cls.__name__ for cls, _, _ in SWAPPED])
def test_swapped_arguments_are_told_with_the_right_call(cls, args, call):
    with pytest.raises((TypeError, ValueError)) as info:
        cls(*args)
    if call is not None:
        assert str(info.value) == "{}: the arguments seem to be swapped; write {}".format(call.partition("(")[0], call)


@pytest.mark.parametrize("cls, args, call", [case for case in SWAPPED if case[2]][:5])
def test_swapped_keywords_are_told_as_well(cls, args, call):
    names = list(inspect.signature(cls.__init__).parameters)[1:]
    with pytest.raises(TypeError, match="seem to be swapped"):
        cls(**dict(zip(names, args)))


@pytest.mark.parametrize("call", [
    lambda: BatchData(DS, 0), lambda: EarlyStop("val_error", -1), lambda: MapData(DS, "x"), lambda: InferenceRunner(DS, []),
    lambda: InferenceRunner(3, 4), lambda: MinSaver(3), lambda: RepeatedData(DS, "x"),
], ids=["BatchData", "EarlyStop", "MapData", "InferenceRunner", "numbers", "MinSaver", "RepeatedData"])
def test_other_mistakes_are_not_taken_for_it(call):
    try:
        call()
    except (TypeError, ValueError) as e:
        assert "swapped" not in str(e)


def test_constructors_of_users_are_called_once():
    calls = []

    class Mine(Callback):
        def __init__(self, name, number):
            calls.append((name, number))
            raise TypeError("name must be a str")

    with pytest.raises(TypeError, match="^name must be a str$"):
        Mine(3, "a")
    assert calls == [(3, "a")]


@pytest.mark.parametrize("call", [
    lambda path: SelectComponent([0], DS), lambda path: LMDBSerializer.save(path, DS),
    lambda path: NumpySerializer.save(path, DS),
    lambda path: TFRecordSerializer.save(path, DS), lambda path: HDF5Serializer.save(path, DS, ["x"]),
    lambda path: send_dataflow_zmq("tcp://localhost:1", DS),
], ids=["SelectComponent", "LMDB", "Numpy", "TFRecord", "HDF5", "send"])
def test_functions_tell_that_the_flow_comes_first(call, tmp_path):
    with pytest.raises(TypeError, match="the arguments seem to be swapped; the DataFlow is the first"):
        call(str(tmp_path / "file"))
    assert not list(tmp_path.iterdir())


X = np.zeros((1, 4, 4, 3), "float32")
NUMBER = [
    (lambda x: InferenceRunner(DS), r"infs must be given; write InferenceRunner\(input, infs, tower_name=\.\.\."),
    (lambda x: MinSaver(), r"MinSaver: monitor_stat must be given; write MinSaver\(monitor_stat, reverse=\.\.\."),
    (lambda x: BatchData(DS), r"BatchData: batch_size must be given; write BatchData\(ds, batch_size, "),
    (lambda x: EarlyStop(), r"EarlyStop: .*must be given; write EarlyStop\("),
    (lambda x: imgaug.RandomCrop(), r"RandomCrop: crop_shape must be given; write RandomCrop\(crop_shape"),
    (lambda x: FeedInput(), r"FeedInput: ds must be given; write FeedInput\(ds, infinite=\.\.\.\)"),
    (lambda x: JoinData(DS, DS), r"JoinData: got too many arguments without a keyword; write JoinData\(df_lists\)"),
    (lambda x: TFDatasetInput(DS, DS), r"TFDatasetInput: got too many arguments .*write TFDatasetInput\(dataset\)"),
    (lambda x: Conv2D("c", x, 3), r"Conv2D 'c': kernel_size must be given; write Conv2D\(inputs, filters, kernel_size, "),
    (lambda x: FullyConnected("f", x), r"FullyConnected 'f': units must be given; write FullyConnected\(inputs, units, "),
    (lambda x: MaxPooling("p", x), "MaxPooling 'p': pool_size must be given"),
]


@pytest.mark.parametrize("call, words", NUMBER, ids=[str(k) for k in range(len(NUMBER))])
def test_missing_and_surplus_arguments_are_told_with_the_call(call, words):
    with tfv1.Graph().as_default(), pytest.raises((TypeError, ValueError), match=words):
        call(tfv1.constant(X))


def test_an_error_inside_of_a_constructor_is_not_about_its_call():
    def __init__(self, x):
        raise AssertionError("not called")

    class Mine(Callback):
        def __init__(self):
            __init__(self)

    with pytest.raises(TypeError, match=r"__init__\(\) missing 1 required positional argument: 'x'"):
        Mine()


class Model(ModelDesc):
    def inputs(self):
        return [tfv1.TensorSpec([None], tfv1.float32, "x")]


@pytest.mark.parametrize("call, words", [
    (lambda: TrainConfig(Model(), DS), r"the model Model; use keywords, as in TrainConfig\(model=Model\(\), dataflow="),
    (lambda: TrainConfig(Model()), "got the model Model; use keywords"),
    (lambda: TrainConfig(model=Model()), "dataflow= or data= must be given, as in"),
    (lambda: TrainConfig(), "dataflow= or data=, and model=, must be given, as in"),
    (lambda: launch_train_with_config(TrainConfig(steps_per_epoch=1), SimpleTrainer()),
     "must have model=, and dataflow= or data=; got None"),
], ids=["position", "model-alone", "no-data", "nothing", "launch"])
def test_a_train_config_tells_all_that_is_missing_at_once(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


@pytest.mark.parametrize("call", [
    lambda: ScalarStats("cost", 3), lambda: ClassificationError(3, "val_error"), lambda: MapDataComponent(DS, 3),
    lambda: BinaryClassificationStats("a", 3), lambda: imgaug.MapImage("resize"), lambda: ObjAttrParam(DS, 3),
    lambda: SendStat(3, "cost"),
], ids=["ScalarStats", "ClassificationError", "MapDataComponent", "BinaryStats", "MapImage", "ObjAttr", "SendStat"])
def test_wrong_types_are_told_at_once(call):
    with pytest.raises(TypeError, match="must be a (str|function)"):
        call()


CONFIG = dict(tower_func=function, input_signature=[tfv1.TensorSpec([None], tfv1.float32, "x")], output_names=["y"])
MISSPELT = [
    (SmartInit, ("model",), "ignore_missmatch", "SmartInit", "ignore_mismatch"),
    (SaverRestore, ("model",), "prefx", "SaverRestore", "prefix"),
    (DictRestore, ({"x": 1},), "ignore_mismach", "DictRestore", "ignore_mismatch"),
    (OfflinePredictor, (), "confg", "OfflinePredictor", "config"),
    (OnlinePredictor, ([], []), "session", "OnlinePredictor", "sess"),
    (ExportedPredictor, ("x.pb",), "engin", "ExportedPredictor", "engine"),
    (SimpleDatasetPredictor, (None,), "data_set", "SimpleDatasetPredictor", "dataset"),
    (PredictConfig, (), "output_name", "PredictConfig", "output_names"),
    (TrainConfig, (), "max_epochs", "TrainConfig", "max_epoch"),
    (AutoResumeTrainConfig, (), "call_backs", "AutoResumeTrainConfig", "callbacks"),
    (ModelSaver, (), "max_to_kepp", "ModelSaver", "max_to_keep"),
    (BatchData, (DS, 2), "remaindr", "BatchData", "remainder"),
    (DataFromGenerator, (), "genn", "DataFromGenerator", "gen"),
    (StagingInput, (None,), "nr_stages", "StagingInput", "nr_stage"),
    (imgaug.Hue, (), "ranges", "Hue", "range"),
    (imgaug.ColorSpace, (), "mod", "ColorSpace", "mode"),
    (NewSessionCreator, (), "confg", "NewSessionCreator", "config"),
    (ModelExporter, (), "confg", "ModelExporter", "config"),
    (MapGradient, (function,), "regx", "MapGradient", "regex"),
    (AccumGradOptimizer, (None,), "nitter", "AccumGradOptimizer", "niter"),
    (ModelExporter(PredictConfig(**CONFIG)).export_onnx, ("x",), "opsett", "ModelExporter.export_onnx", "opset"),
    (LMDBSerializer.load, ("x",), "shufle", "LMDBSerializer.load", "shuffle"),
    (SimpleTrainer.train_with_defaults, (None,), "max_epochs", "Trainer.train_with_defaults", "max_epoch"),
    (SimpleTrainer.get_predictor, (object.__new__(SimpleTrainer), [], []), "devices", "TowerTrainer.get_predictor", "device"),
    (launch_train_with_config, (), "confg", "launch_train_with_config", "config"),
    (add_moving_summary, (), "decy", "add_moving_summary", "decay"),
    (regularize_cost, ("W",), "fun", "regularize_cost", "func"),
    (freeze_variables, (), "skip_collections", "freeze_variables", "skip_collection"),
    (logger.set_logger_dir, ("x",), "actions", "set_logger_dir", "action"),
    (SelectComponent, (DS,), "idx", "SelectComponent", "idxs"),
    (weights_from_keras, ({},), "name", "weights_from_keras", "names"),
    (l2_regularizer, (), "y", "l2_regularizer", None),
]


@pytest.mark.parametrize("called, args, keyword, who, near", MISSPELT, ids=[case[3] for case in MISSPELT])
def test_a_misspelt_keyword_is_told_with_the_nearest_one(called, args, keyword, who, near):
    with pytest.raises(TypeError) as info:
        called(*args, **{keyword: 1})
    assert str(info.value).startswith("{}: got an unexpected keyword argument '{}'; {}".format(
        who, keyword, "it takes x" if near is None else "did you mean " + near))


def test_an_error_inside_of_a_function_is_not_about_its_call():
    @keywords_told
    def save(path):
        def save():
            raise AssertionError("not called")

        save(path=path)

    with pytest.raises(TypeError, match=r"save\(\) got an unexpected keyword argument 'path'$"):
        save(path=1)
    with pytest.raises(TypeError, match=r"save: got an unexpected keyword argument 'pathh'; did you mean path\?$"):
        save(pathh=1)
