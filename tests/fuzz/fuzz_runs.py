"""What runs and exports leave behind: log directories, what is beside models; and the command lines of the tools."""
import json
import os
import subprocess
import sys

import numpy as np
from fuzz_format import Format, content, in_one, parts_of, written

MODEL = b"the bytes of a model"
TENSORS = [{"name": "x", "dtype": "float32", "shape": [None, 3]}, {"name": "y", "dtype": "int32", "shape": None}]


def descriptions(folder):
    from tensorpack.tfutils._engines.signature import checksum

    description = {"inputs": TENSORS, "outputs": TENSORS[:1], "external_data": "model.onnx.data",
                   "file": checksum(written(folder, MODEL)), "values": {"classes": ["cat", "dog"]}}
    return [json.dumps(description, indent=1).encode()]


def read_description(data, folder, rng):
    from tensorpack.tfutils._engines.signature import Signature, TensorInfo, check_content, fitted, read_signature
    from tensorpack.tfutils._export._onnx.external import external_data

    path = written(folder, MODEL, "model.onnx")
    written(folder, data, "model.onnx.json")
    held = [TensorInfo("x", "float32", [None, 3]), TensorInfo("y", "int32", [4])]
    outside = external_data(path)
    if outside is not None and os.path.dirname(outside) != folder:
        raise AssertionError("it leads to {}".format(outside))
    told = read_signature(path)
    check_content(path, told)
    fitted(path, told, Signature(held, held[:1], {}))


_RUN = {}  # the files of a log directory

LOG = """[1129 10:00:00 @logger.py:100] Argv: train.py --lr 1
[1129 10:00:01 @collect.py:30] Versions: python 3.11
[1129 10:00:01 @model.py:40] List of Trainable Variables:
name   shape
fc/W   [3, 1]
[1129 10:00:02 @base.py:275] Start Epoch 1 ...
[1129 10:00:03 @base.py:285] Epoch 1 (global_step 10) finished, time:1 minute 2.5 seconds.
[1129 10:00:03 @queue.py:12] QueueInput/queue was 98% full on average, so that the data are fast enough.
[1129 10:00:03 @saver.py:14] Model at global_step=10 with minimum error=0.5 saved.
[1129 10:00:03 @param.py:14] [LR] At global_step=10, learning_rate changes from 0.1 to 0.01
[1129 10:00:04 @base.py:99] WRN Step 12 of epoch 2 has been running for 100 seconds
[1129 10:00:05 @base.py:99] ERR something
"""


def run_files(folder):
    if not _RUN:
        path = os.path.join(folder, "events")
        code = ("import sys; from tensorpack.compat import tfv1 as tf; from tensorpack.tfutils import summary as s;"
                "import numpy as np; w = tf.summary.FileWriter(sys.argv[1]);"
                "w.add_summary(s.create_image_summary('image', np.zeros((1, 4, 4, 3), 'u1')), 3);"
                "w.add_summary(s.create_scalar_summary('cost', 0.5), 3); w.close()")
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
        subprocess.run([sys.executable, "-c", code, path], check=True, env=environment)
        (name,) = os.listdir(path)
        events = content(os.path.join(path, name))
        os.remove(os.path.join(path, name))
        os.rmdir(path)
        records = [{"epoch_num": k, "global_step": 10 * k, "cost": 0.5, "error": None} for k in (1, 2, 3)]
        _RUN.update({"stats.json": json.dumps(records).encode(), "log.log": LOG.replace("[1129", "[2026-11-29").encode(),
                     "events.out.tfevents.1.host": events})
    return _RUN


def read_run(data, folder, rng):
    from tensorpack._cli._report.page import make_page
    from tensorpack._cli._report.run import read_runs

    parts_of(data, folder, _RUN)
    runs = read_runs([folder])
    if rng.randrange(10) == 0:  # what Bokeh makes of the numbers takes two hundred times as long as to read them
        make_page(runs, 0.6, "title")


def memories(folder):
    return [json.dumps({"EarlyStop": [{"epoch_num": k, "global_step": 10 * k, "state": {"best": 0.5, "since": k}}
                                      for k in (1, 2)]}).encode()]


def read_memory(data, folder, rng):
    from tensorpack.callbacks import _memory

    written(folder, data, _memory.FILENAME)
    _memory._read(folder)


def identities(folder):
    return [b'{"id": "abc123", "name": "run"}']


def read_identity(data, folder, rng):
    from tensorpack.callbacks._monitors.tracker import _read_identity

    _read_identity(written(folder, data))


def origins(folder):
    return [json.dumps({"url": "http://x/y", "total": 5, "validator": '"v"'}).encode()]


def read_origin(data, folder, rng):
    from tensorpack.utils._files.download import _Part

    written(folder, b"hello", "content")
    written(folder, data, "origin.json")
    part = _Part("http://x/y", folder)
    if part.can_be_continued():
        part.is_complete()
        {"If-Range": part.validator}["If-Range"].encode("latin-1", "replace")
        "{:d}".format(part.total or 0)


TOOLS = {
    "ls_checkpoint": ["a.npz"],
    "checkpoint_manipulate": ["a.npz", "--dump", "b.npz"],
    "dump_model_params": ["a.npz", "out.npz"],
    "make_key": ["key"],
    "report": ["run", "--output", "page.html", "--smooth", "0.5", "--title", "words"],
    "look": ["flow.py:FLOW", "--count", "2", "--html", "look.html", "--rgb"],
    "data_speed": ["flow.py:FLOW", "--size", "10", "--warmup", "1"],
    "export_model": ["a.npz", "model.py:Model", "exported", "--outputs", "y", "--format", "compact", "--weights", "int8"],
    "checkpoint_prof": ["--meta", "graph.meta", "-i", "x=1,3", "-o", "y", "--warmup", "2", "--print-flops"],
    "predict": ["exported.onnx", "--input", "a.npz", "--output", "b.jsonl", "--size", "4x5", "--batch", "2", "--divide", "255"],
    "launch": ["-n", "2", "--grace", "3", "script.py", "--lr", "0.1"],
}
# They would run a script, a model or a shell for as long as they are told to; only their arguments are read.
_ONLY_ARGUMENTS = {"data_speed", "export_model", "checkpoint_prof", "predict"}
_SEPARATOR = b"\x1f"
FLOW = b"from tensorpack.dataflow import DataFromList\nFLOW = DataFromList([[k, str(k)] for k in range(20)])\n"


def command_lines(folder):
    return [_SEPARATOR.join(word.encode() for word in [tool] + words) for tool, words in TOOLS.items()]


def read_command_line(data, folder, rng):
    """Files are named without directories: what a command line names it may write."""
    import importlib

    tool, *words = data.replace(b"/", b"_").replace(b"..", b"__").decode("utf-8", "surrogateescape").split("\x1f")
    tool = tool if tool in TOOLS else "ls_checkpoint"
    words = [word for word in words if not word.startswith(("--se", "--sh"))]  # serves pages until Ctrl-C; a shell
    os.chdir(folder)
    np.savez("a.npz", x=np.zeros(3))
    written(folder, FLOW, "flow.py")
    os.makedirs("run", exist_ok=True)
    written(folder, b"[]", os.path.join("run", "stats.json"))
    written(folder, b"", os.path.join("run", "log.log"))
    if os.path.exists("key"):
        os.remove("key")
    module = importlib.import_module("tensorpack." + ("launch" if tool == "launch" else "_cli." + tool))
    if tool == "launch":
        module.launch = lambda command, num_workers, **options: 0
    elif tool in _ONLY_ARGUMENTS:
        module.run = lambda run, parser, argv: parser.parse_args(argv) and 0
    try:
        status = module.main(words)
    except SystemExit as e:
        status = e.code
    if status not in (0, 1, 2):
        raise AssertionError("the exit status is {!r}".format(status))
    if status:
        raise ValueError("refused")


RUNS = {
    "JSON beside a model": Format(descriptions, read_description, needs=(
        "tensorpack.tfutils._engines.signature", "tensorpack.tfutils._export._onnx.external", "google_crc32c")),
    "log directory": Format(lambda folder: in_one(run_files(folder)), read_run,
                            needs=("tensorpack.compat", "tensorboard.backend.event_processing.event_file_loader",
                                   "bokeh.models", "bokeh.plotting")),
    "callbacks.json": Format(memories, read_memory, needs=("tensorpack.callbacks._memory",)),
    "run of a tracker": Format(identities, read_identity, needs=("tensorpack.callbacks._monitors.tracker",)),
    "part of a download": Format(origins, read_origin),
    "command lines": Format(command_lines, read_command_line, needs=(
        "tensorpack.tfutils.varmanip", "tensorpack.dataflow._look.look")),
}
