"""What each package exports: the golden lists and the names of older releases, equal to `__all__` and to what a star import
binds."""
import importlib
import os
import pkgutil
import subprocess
import sys

import pytest

import tensorpack
from tensorpack._legacy._tables import TABLE

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

EXPORTS = {
    "tensorpack.utils": """change_env execute_only_once fix_rng_seed get_rng get_tqdm humanize_time_delta logger""",
    "tensorpack.dataflow": """
        ArrowData ArrowSerializer AugmentImageComponent AugmentImageComponents AugmentImageCoordinates BatchData
        BatchDataByShape CacheData CaffeLMDB ConcatData DataFlow DataFlowTerminated DataFromGenerator DataFromIterable
        DataFromList DataFromQueue DecodeAndAugment FakeData FixedSizeData HDF5Data HDF5Serializer HuggingFaceData
        ImageFromFile JoinData LMDBData LMDBDataDecoder LMDBSerializer LocallyShuffleData MapData MapDataComponent
        MultiProcessMapAndBatchData MultiProcessMapAndBatchDataZMQ MultiProcessMapData MultiProcessMapDataZMQ
        MultiProcessPrefetchData MultiProcessRunner MultiProcessRunnerZMQ MultiThreadMapData MultiThreadPrefetchData
        MultiThreadRunner NumpySerializer ParquetData ParquetSerializer PrefetchData PrefetchDataZMQ PrintData
        ProxyDataFlow RNGDataFlow RandomChooseData RandomMixData RemoteDataZMQ RepeatedData RepeatedDataPoint
        ResumableData SVMLightData SelectComponent ShardData TFExampleData TFExampleSerializer TFRecordSerializer
        TarData TarSerializer TestDataSpeed ZarrData ZarrSerializer check_dataflow dataset decode_image imgaug look
        send_dataflow_zmq""",
    "tensorpack.dataflow.adapters": "as_jax as_tf_dataset as_torch",
    "tensorpack.dataflow.dataset": """
        BSDS500 Caltech101Silhouettes Cifar10 Cifar100 CifarBase Digits FashionMnist ILSVRC12 ILSVRC12Files ILSVRCMeta
        ImageFolder Mnist Places365Standard RNGDataFlow SVHNDigit TinyImageNet cv2 logger np os""",
    "tensorpack.graph_builder": "DataParallelBuilder LeastLoadedDeviceSetter allreduce_grads",
    "tensorpack.tfutils": """
        ChainInit DictRestore JustCurrentSession SaverRestore SaverRestoreRelaxed SessionInit SmartInit TowerContext
        argscope collect_env_info enable_argscope_for_function enable_argscope_for_module get_arg_scope
        get_current_tower_context get_default_sess_config get_global_step_value get_global_step_var get_model_loader
        get_tf_version_tuple gradproc optimizer sesscreate sessinit summary tower varreplace""",
    "tensorpack.models": """
        AvgPooling BNReLU BatchNorm BatchRenorm ConcatWith Conv2D Conv2DTranspose Deconv2D Dropout FixedUnPooling
        FullyConnected GlobalAvgPooling InstanceNorm LayerNorm LinearWrap MaxPooling Maxout PReLU VariableHolder
        disable_layer_logging l1_regularizer l2_regularizer layer_register regularize_cost
        regularize_cost_from_collection rename_tflayer_get_variable""",
    "tensorpack.callbacks": """
        BinaryClassificationStats Callback CallbackFactory CallbackToHook Callbacks CheckNumerics ClassificationError
        CometMLMonitor DataParallelInferenceRunner DataPosition DumpParamAsImage DumpTensor DumpTensorAsImage DumpTensors
        EarlyStop EnableCallbackIf EstimatedTimeLeft GPUMemoryTracker GPUUtilizationTracker GraphProfiler GraphVarParam
        HookToCallback HostMemoryTracker HumanHyperParamSetter HyperParam HyperParamSetter HyperParamSetterWithFunc
        InferenceRunner InferenceRunnerBase Inferencer InjectShell JSONWriter MLflowMonitor MaxSaver MergeAllSummaries MinSaver
        ModelSaver MonitorBase Monitors MovingAverageSummary ObjAttrParam PeakMemoryTracker PeriodicCallback
        PeriodicTrigger ProcessTensors ProgressBar ProxyCallback RunOp RunUpdateOps ScalarPrinter ScalarStats
        ScheduledHyperParamSetter SendMonitorData SendStat SessionRunTimeout SimpleMovingAverage StartProcOrThread
        StatMonitorParamSetter TFEventWriter TFLocalCLIDebugHook TensorPrinter TerminateOnNaN ThroughputTracker
        WandbMonitor""",
    "tensorpack.input_source": """
        BatchQueueInput DummyConstantInput FeedInput FeedfreeInput InputSource PlaceholderInput QueueInput
        StagingInput TFDatasetInput TensorInput ZMQInput remap_input_source""",
    "tensorpack.predict": """
        DataParallelOfflinePredictor DatasetPredictorBase ExportedPredictor FeedfreePredictor MultiProcessDatasetPredictor
        MultiThreadAsyncPredictor MultiTowerOfflinePredictor OfflinePredictor OnlinePredictor PredictConfig PredictorBase
        SimpleDatasetPredictor""",
    "tensorpack.train": """
        AsyncMultiGPUTrainer AutoResumeTrainConfig BytePSTrainer CollectiveInferenceRunner CollectiveTrainer DEFAULT_CALLBACKS
        DEFAULT_MONITORS DistributedTrainerParameterServer DistributedTrainerReplicated HorovodTrainer ModelDesc
        ModelDescBase NoOpTrainer QueueInputTrainer SimpleTrainer SingleCostTrainer StopTraining SyncMultiGPUTrainer
        SyncMultiGPUTrainerParameterServer SyncMultiGPUTrainerReplicated TowerTrainer TrainConfig Trainer
        launch_train_with_config""",
}
# The root re-exports its packages, and these by other names.
ROOT_ONLY = {"callbacks", "compat", "dataflow", "graph_builder", "input_source", "libinfo", "models", "predict", "tfutils",
             "tfv1", "train", "utils"}
NOT_IN_ROOT = {"look", "DataParallelBuilder", "LeastLoadedDeviceSetter", "allreduce_grads"}
MODULES = sorted(name for _, name, _ in pkgutil.walk_packages(tensorpack.__path__, "tensorpack."))


def older_names(package):
    """Those that a star import of the package bound in some release before 0.11."""
    return set(TABLE.star.get(package, ()))


@pytest.mark.parametrize("package", sorted(EXPORTS))
def test_a_package_exports_its_golden_list(package):
    expected = sorted(set(EXPORTS[package].split()) | older_names(package))
    module = importlib.import_module(package)
    assert sorted(module.__all__) == expected
    namespace = {}
    exec("from {} import *".format(package), namespace)
    assert sorted(set(namespace) - {"__builtins__"}) == expected
    assert set(expected) <= set(dir(module))


def test_the_root_exports_everything_once():
    packages = [names for package, names in EXPORTS.items()
                if package not in ("tensorpack.dataflow.dataset", "tensorpack.dataflow.adapters")]
    expected = {name for names in packages for name in names.split()} - NOT_IN_ROOT | ROOT_ONLY | older_names("tensorpack")
    assert sorted(tensorpack.__all__) == sorted(expected)
    namespace = {}
    exec("from tensorpack import *", namespace)
    assert set(namespace) - {"__builtins__"} == expected
    assert namespace["argscope"] is importlib.import_module("tensorpack.tfutils.argscope").argscope


@pytest.mark.parametrize("module", MODULES)
def test_public_modules_list_what_they_offer(module):
    if "._" in module:
        return
    names = importlib.import_module(module).__all__
    assert list(names) == sorted(names) and len(set(names)) == len(names)
    for name in names:
        getattr(importlib.import_module(module), name)


def test_submodules_are_attributes():
    for module in MODULES:
        if module in ("tensorpack.tfutils.argscope", "tensorpack.tf1._tensorflow.contrib.framework.python.ops.arg_scope"):
            continue  # there the function of the same name wins
        importlib.import_module(module)
        value = tensorpack
        for part in module.split(".")[1:]:
            value = getattr(value, part)
        assert value is sys.modules[module]


def test_unknown_names_are_attribute_errors():
    for package in ("tensorpack", "tensorpack.callbacks", "tensorpack.dataflow.dataset"):
        with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
            importlib.import_module(package).Nonsense  # noqa: B018


def run_python(code, **environment):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ, **environment), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)


PUBLIC = [name for name in MODULES if "._" not in name]


@pytest.mark.slow_on(1)
@pytest.mark.parametrize("modules", [  # that none needs another one first follows from test_floors.py as well
    PUBLIC[0::4], *[pytest.param(PUBLIC[start::4], marks=pytest.mark.slow) for start in (1, 2, 3)],
    pytest.param([name for name in MODULES if "._" in name], marks=pytest.mark.slow),  # those that no user imports first
], ids=["public-0", "public-1", "public-2", "public-3", "private"])
def test_every_module_can_be_imported_first(run_program, modules):
    """A process that has imported TensorFlow forks a child for each module."""
    code = """
import importlib, os
failed = []
for name in {!r}:
    pid = os.fork()
    if pid == 0:
        try:
            importlib.import_module(name)
        except BaseException as e:
            print(name, repr(e), flush=True)
            os._exit(1)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        failed.append(name)
print('FAILED', failed) if failed else print('ALL FINE')
""".format(modules)
    assert len(modules) > 30
    _, output = run_program("-c", code, folder=ROOT)
    assert "ALL FINE" in output, output[-3000:]


def test_eager_import_loads_everything(run_program):
    code = "import sys, tensorpack; print(sorted(m for m in sys.modules if m.startswith('tensorpack.callbacks.')))"
    _, output = run_program("-c", code, folder=ROOT, TENSORPACK_EAGER_IMPORT="1")
    assert "tensorpack.callbacks.inference_runner" in output, output[-3000:]


@pytest.mark.parametrize("code", [
    "import tensorpack", "from tensorpack.dataflow import *",
    "from tensorpack.dataflow import dataset; dataset.Digits('train')", "from tensorpack import logger, DataFlow, BatchData"],
    ids=["root", "dataflow", "digits", "names"])
def test_data_needs_neither_tensorflow_nor_other_heavy_packages(code):
    heavy = ("tensorflow", "cv2", "zmq", "lmdb", "h5py", "scipy", "matplotlib", "sklearn")
    run = run_python("{}; import sys; print('LOADED', [m for m in {!r} if m in sys.modules])".format(code, heavy))
    assert "LOADED []" in run.stdout, run.stdout


WITHOUT_TENSORFLOW = """
import importlib.util, sys

class Blocker:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split('.')[0] == 'tensorflow':
            raise ModuleNotFoundError('No module named ' + repr(name), name=name)

find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *args: None if name == 'tensorflow' else find_spec(name, *args)
sys.meta_path.insert(0, Blocker)
"""


def test_without_tensorflow_the_data_side_works_and_the_rest_says_what_to_install():
    run = run_python(WITHOUT_TENSORFLOW + """
from tensorpack import *
import tensorpack
assert 'BatchData' in tensorpack.__all__ and 'Trainer' not in tensorpack.__all__
print(len(BatchData(dataset.Digits('train'), 50)))
for what in ('Trainer', 'train', 'summary'):
    try:
        getattr(tensorpack, what)
    except ImportError as e:
        print(e)
try:
    import tensorpack.compat
except ImportError as e:
    print(e)
""")
    assert run.returncode == 0, run.stdout
    for text in ("30\n", "tensorpack.Trainer needs TensorFlow >= 1.15 (pip install tensorflow)", "tensorpack.summary needs",
                 "this part of tensorpack needs TensorFlow"):
        assert text in run.stdout


@pytest.mark.parametrize("program, count", [
    ("from tensorpack import *\nfrom tensorpack import *", 1), ("from tensorpack import *\ntf = tfv1", 1),
    ("import tensorpack.dataflow\nfrom tensorpack.dataflow import *\nfrom tensorpack import BatchData, dataset, imgaug\n"
     "try:\n  from tensorpack import ModelDesc\nexcept ImportError: pass\nprint(dir(tensorpack)[0])", 0),
], ids=["twice", "readme", "data"])
def test_without_tensorflow_a_star_import_tells_once_what_it_leaves_out(program, count):
    run = run_python(WITHOUT_TENSORFLOW + program)
    assert run.stdout.count("TensorFlow is not installed: `from tensorpack import *` leaves out all that needs it") == count
    assert (run.returncode != 0) == ("tfv1" in program), run.stdout


def test_importing_prints_nothing_and_sets_no_start_method():
    run = run_python("import multiprocessing, tensorpack, tensorpack.dataflow.dataset\n"
                     "assert multiprocessing.get_start_method(allow_none=True) is None")
    assert run.stdout == "" and run.returncode == 0


def test_graph_mode_is_turned_on_by_the_import(run_program):
    _, output = run_program("-c", "from tensorpack import *\nimport tensorflow as tf\n"
                            "print('EAGER', tf.executing_eagerly(), tfv1.placeholder('float32', name='x').name)", folder=ROOT)
    assert "EAGER False x:0" in output, output[-2000:]


def test_an_import_after_eager_execution_says_where_it_belongs(run_program):
    if not importlib.import_module("tensorflow").__version__.startswith("2"):
        pytest.skip("TensorFlow 1.15 does not run eagerly by itself")
    _, output = run_program("-c", "import tensorflow as tf\ntf.constant(1) + 1\nfrom tensorpack import Trainer", folder=ROOT)
    assert "has already run eagerly" in output and "RuntimeError" in output, output[-2000:]


def test_stubs_of_lazy_tables_are_up_to_date():
    run = subprocess.run([sys.executable, os.path.join(ROOT, "scripts", "make-stubs"), "--check"], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout


def test_version_is_that_of_the_changelog():
    with open(os.path.join(ROOT, "CHANGES.md"), encoding="utf-8") as f:
        heads = [line[3:].split()[0] for line in f if line.startswith("## ")]
    assert heads[0] == "Unreleased" and tensorpack.__version__.endswith("dev0") or heads[0] == tensorpack.__version__


@pytest.mark.parametrize("module, name, near", [
    ("tensorpack", "ModelSavre", "ModelSaver"), ("tensorpack.imgaug", "RandomCropp", "RandomCrop"),
    ("tensorpack.dataflow", "BatchDat", "BatchData"), ("tensorpack.dataflow.dataset", "Minst", "Mnist"),
    ("tensorpack.models", "Conv2d", "Conv2D"), ("tensorpack.models", "prelu", "PReLU"),
    ("tensorpack.callbacks", "InferenceRuner", "InferenceRunner"),
    ("tensorpack.predict", "OfflinePredicter", "OfflinePredictor"),
    ("tensorpack.train", "SimpleTrainr", "SimpleTrainer"), ("tensorpack.input_source", "QueuInput", "QueueInput"),
    ("tensorpack.tfutils", "SmartInitt", "SmartInit"), ("tensorpack.logger", "set_log_dir", "set_logger_dir"),
    ("tensorpack.summary", "add_moving_sumary", "add_moving_summary"),
    ("tensorpack.optimizer", "AcumGradOptimizer", "AccumGrad"),
    ("tensorpack.gradproc", "GlobalNormClipp", "GlobalNormClip"), ("tensorpack.utils", "get_rgn", "get_rng"),
])
def test_a_name_that_is_not_there_is_told_with_those_like_it(module, name, near):
    package, _, last = module.rpartition(".")
    found = importlib.import_module(module) if not package or package != "tensorpack" else getattr(tensorpack, last)
    with pytest.raises(AttributeError, match="has no attribute '{}'; did you mean .*{}".format(name, near)):
        getattr(found, name)
    for other in ("Xyzzy", "_private", "__wrapped__"):
        with pytest.raises(AttributeError, match="has no attribute '{}'$".format(other)):
            getattr(found, other)
