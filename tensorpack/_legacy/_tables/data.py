"""DataFlow, its datasets and files."""
from __future__ import annotations

from typing import Dict

from .._table import Gone, Ignored, Moved, Name, Old, Part

_FLOWS = "_legacy.dataflow.flows."
_TOGETHER = "dataflow.image.AugmentImageComponents"
_BLOCK = Old(_FLOWS + "BlockParallel", "MultiProcessRunner(ds, queue_size, 1)")
_POINTS = Old(_FLOWS + "LMDBDataPoint", "LMDBSerializer.load(path, shuffle)")
_RECORDS = Old(_FLOWS + "TFRecordData", "TFRecordSerializer.load(path, size)")
_ON_GPUS = Old(_FLOWS + "PrefetchOnGPUs", "MultiProcessRunnerZMQ(ds, len(gpus)), whose processes all see the same GPUs")
_REMOTE = Old(_FLOWS + "RemoteData", "RemoteDataZMQ(addr)")
_SOCKET = Old(_FLOWS + "DataFromSocket", "RemoteDataZMQ(addr)")
_SERVE = "dataflow.remote.send_dataflow_zmq"
_THREADED = "dataflow.parallel_map.MultiThreadMapData"
_TF_FUNC = Gone("MapData with a function of your own that has a session, or tf.data and TFDatasetInput")
_VISUAL_QA = Gone("a DataFlow of your own over the two json files")
_TREE_BANK = Gone("a DataFlow of your own over the text files")
_TOOLS = Old("_legacy.dataflow.dftools",
             "LMDBSerializer.save, TFRecordSerializer.save, dataflow.remote, utils.viz.dump_dataflow_images")

_STAR: Dict[str, Name] = {
    "AugmentImagesTogether": _TOGETHER,
    "BlockParallel": _BLOCK,
    "LMDBDataPoint": _POINTS,
    "PrefetchOnGPUs": _ON_GPUS,
    "RemoteData": _REMOTE,
    "TFFuncMapper": _TF_FUNC,
    "TFRecordData": _RECORDS,
    "ThreadedMapData": _THREADED,
    "dftools": Old("dataflow.dftools", _TOOLS.today),
    "serve_data": _SERVE,
}
_DUMP_IMAGES = "utils.viz.dump_dataflow_images(df, index, batched=False, number=max_count, output_dir=dirname)"
_TOOL_NAMES: Dict[str, Name] = {
    "dataflow_to_process_queue": "dataflow.remote.dump_dataflow_to_process_queue",
    "dump_dataflow_images": Old("_legacy.dataflow.dftools.dump_dataflow_images", _DUMP_IMAGES),
    "dump_dataflow_to_lmdb": Old("_legacy.dataflow.dftools.dump_dataflow_to_lmdb", "LMDBSerializer.save(df, path)"),
    "dump_dataflow_to_process_queue": "dataflow.remote.dump_dataflow_to_process_queue",
    "dump_dataflow_to_tfrecord": Old("_legacy.dataflow.dftools.dump_dataflow_to_tfrecord", "TFRecordSerializer.save(df, path)"),
    "dump_dataset_images": Old("_legacy.dataflow.dftools.dump_dataset_images", _DUMP_IMAGES),
}
_PROC = {"nr_proc": "num_proc"}
_PREFETCH = {"nr_prefetch": "num_prefetch"}
_THREAD = {"nr_thread": "num_thread"}

PART = Part(
    names={
        "dataflow.common.DataFromQueue": "dataflow.raw.DataFromQueue",
        "dataflow.common.FakeData": "dataflow.raw.FakeData",
        "dataflow.dataset.cifar10.get_filenames": Gone("dataset.Cifar10, which finds its files"),
        "dataflow.dataset.cifar10.maybe_download_and_extract": Gone("dataset.Cifar10, which fetches its files"),
        "dataflow.dataset.cifar10.read_cifar10": Gone("dataset.Cifar10"),
        "dataflow.dataset.mnist.DataSet": Gone("dataset.Mnist, or extract_images and extract_labels of this module"),
        "dataflow.dataset.mnist.SOURCE_URL": Old("_legacy.dataflow.mnist.SOURCE_URL", "dataset.Mnist, which finds its files"),
        "dataflow.dataset.mnist._read32": Old("_legacy.dataflow.mnist._read32", "int.from_bytes(file.read(4), 'big')"),
        "dataflow.dataset.ptb.PennTreeBank": _TREE_BANK,
        "dataflow.dataset.ptb.get_raw_data": _TREE_BANK,
        "dataflow.dataset.visualqa.VisualQA": _VISUAL_QA,
        "dataflow.dataset.visualqa.read_json": Gone("json.load"),
        **{"dataflow.dftools." + name: value for name, value in _TOOL_NAMES.items()},
        "dataflow.format.LMDBDataPoint": _POINTS,
        "dataflow.format.TFRecordData": _RECORDS,
        "dataflow.image.AugmentImagesTogether": _TOGETHER,
        "dataflow.parallel.BlockParallel": _BLOCK,
        "dataflow.parallel.PrefetchOnGPUs": _ON_GPUS,
        "dataflow.parallel_map.ThreadedMapData": _THREADED,
        "dataflow.prefetch.BlockParallel": _BLOCK,
        "dataflow.prefetch.PrefetchOnGPUs": _ON_GPUS,
        "dataflow.prefetch.ThreadedMapData": _THREADED,
        "dataflow.prefetch.Zero": Gone("a function that returns what you want"),
        "dataflow.raw.DataFromSocket": _SOCKET,
        "dataflow.remote.RemoteData": _REMOTE,
        "dataflow.remote.serve_data": _SERVE,
        "dataflow.tf_func.TFFuncMapper": _TF_FUNC,
    },
    star={
        "": _STAR,
        "dataflow": _STAR,
        "dataflow.dataset": {"VisualQA": _VISUAL_QA},
        "dataflow.dftools": _TOOL_NAMES,
    },
    keywords={
        "dataflow._flows.print.PrintData": {"label": "name"},
        "dataflow._flows.repeat.RepeatedData": {"nr": "num"},
        "dataflow._flows.repeat.RepeatedDataPoint": {"nr": "num"},
        "dataflow._flows.shuffle.LocallyShuffleData": {"cache_size": "buffer_size", "nr_reuse": "num_reuse"},
        "dataflow._parallel.map_and_batch.MultiProcessMapAndBatchDataZMQ": _PROC,
        "dataflow._parallel.process_map.MultiProcessMapDataZMQ": _PROC,
        "dataflow._parallel.process_runner.MultiProcessRunner": {**_PREFETCH, **_PROC},
        "dataflow._parallel.process_runner.MultiProcessRunnerZMQ": {
            **_PROC, "pipedir": Ignored("the environment variable TENSORPACK_PIPEDIR says where sockets are")},
        "dataflow._parallel.thread_map.MultiThreadMapData": _THREAD,
        "dataflow._parallel.thread_runner.MultiThreadRunner": {**_PREFETCH, **_THREAD},
        "dataflow.dataset.ilsvrc.ILSVRC12": {"include_bb": Gone("ILSVRC12.get_training_bbox(bbox_dir, imglist)")},
        "dataflow.format.CaffeLMDB": {"lmdb_dir": "lmdb_path"},
        "dataflow.format.LMDBData": {"lmdb_dir": "lmdb_path"},
        "dataflow.remote.send_dataflow_zmq": {"print_interval": Ignored("the progress bar shows the speed")},
    },
    methods={
        "dataflow._flows.speed.TestDataSpeed": {"start_test": "start"},
        "dataflow.format.LMDBData": {"open_lmdb": "reset_state"},
    },
    modules={
        "dataflow.dataset.cifar10": Moved("dataflow.dataset.cifar"),
        "dataflow.dataset.ptb": Moved("", _TREE_BANK.instead),
        "dataflow.dataset.visualqa": Moved("", _VISUAL_QA.instead),
        "dataflow.dftools": Moved("_legacy.dataflow.dftools", _TOOLS.today),
        "dataflow.prefetch": Moved("dataflow.parallel dataflow.parallel_map"),
        "dataflow.tf_func": Moved("", _TF_FUNC.instead),
    },
    adapters={
        "dataflow._flows.batch": "dataflow.arguments.adapt_batch",
        "dataflow._parallel.process_runner": "dataflow.arguments.adapt_process_runner",
        "dataflow._parallel.process_map": "dataflow.arguments.adapt_positional_map",
        "dataflow._parallel.thread_map": "dataflow.arguments.adapt_positional_map",
        "dataflow.base": "dataflow.hooks.adapt_base",
        "dataflow.dataset.mnist": "dataflow.mnist.adapt_mnist",
        "dataflow.format": "dataflow.arguments.adapt_format",
        "dataflow.raw": "dataflow.arguments.adapt_raw",
    },
    behaviours={
        "BatchData._aggregate_batch": "aggregate_batch",
        "PrefetchData(ds, nr_prefetch)": "MultiProcessRunner(ds, num_prefetch, num_proc=1)",
        "DataFromGenerator(size)": "FixedSizeData, or a DataFlow of your own with __len__",
        "maybe_download(filename, directory)": "maybe_download(url, directory)",
        "LMDBDataDecoder(lmdb_dir)": "LMDBDataDecoder(LMDBData(lmdb_dir, shuffle), decoder)",
        "LMDBDataDecoder(shuffle)": "LMDBDataDecoder(LMDBData(lmdb_dir, shuffle), decoder)",
        "PrefetchDataZMQ(nr_proc)": "num_proc",
        "PrefetchDataZMQ(pipedir)": "the environment variable TENSORPACK_PIPEDIR",
        "PrefetchData(nr_prefetch)": "num_prefetch",
        "PrefetchData(nr_proc)": "num_proc",
        "MultiThreadPrefetchData(nr_prefetch)": "num_prefetch",
        "MultiThreadPrefetchData(nr_thread)": "num_thread",
        "ThreadedMapData(nr_thread)": "num_thread",
    },
)
