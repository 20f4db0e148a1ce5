"""Whoever reads JSON that others may have written takes it, leaves it with a warning, or raises ValueError."""
import json
import os
import socket
import struct
import zlib

import pytest

from tensorpack.utils._plain.json_text import parse_json, read_json

DEEP = {"lists": "[" * 100000, "dicts": '{"a":' * 100000, "closed": "[" * 100000 + "]" * 100000}


@pytest.mark.parametrize("text", list(DEEP.values()) + ["", "{", "nul", '"\\ud800', b"\xff\xfe\xff"],
                         ids=lambda text: repr(text[:5]))
def test_what_is_no_json_is_a_value_error(tmp_path, text):
    with pytest.raises(ValueError):
        parse_json(text)
    path = tmp_path / "file.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError):
        read_json(str(path))


def test_json_is_read(tmp_path):
    (tmp_path / "file.json").write_text('{"a": [1, null, "\u00e9"]}', encoding="utf-8")
    assert read_json(str(tmp_path / "file.json")) == parse_json('{"a": [1, null, "\\u00e9"]}') == {"a": [1, None, "\u00e9"]}
    with pytest.raises(FileNotFoundError):
        read_json(str(tmp_path / "other.json"))


def stats(folder):
    from tensorpack.callbacks._monitors.json_stats import read_records
    read_records(os.path.join(folder, "stats.json"))


def resume(folder):
    from tensorpack.callbacks import _resume
    _resume.starting_epoch_after(os.path.join(folder, "model-8"))
    _resume.unwritten_statistics(folder)


def memory(folder):
    from tensorpack.callbacks import _memory
    _memory._read(folder)


def tracker(folder):
    from tensorpack.callbacks._monitors.tracker import _read_identity
    _read_identity(os.path.join(folder, "run.json"))


def report(folder):
    from tensorpack._cli._report.history import read_history
    read_history(folder)


def model(folder):
    from tensorpack.tfutils._engines.signature import check_content, read_signature
    from tensorpack.tfutils._export._onnx.external import external_data
    path = os.path.join(folder, "model.onnx")
    open(path, "w").close()
    external_data(path)
    check_content(path, read_signature(path))


def download(folder):
    from tensorpack.utils._files.download import _Part
    part = _Part("http://x/y", folder)
    open(part.content, "w").close()
    assert part.size == 0 and isinstance(part.total, (int, type(None))) and isinstance(part.validator, (str, type(None)))


def config(folder):
    from tensorpack.train._distributed.cluster import cluster_from_environment
    with open(os.path.join(folder, "TF_CONFIG")) as f:
        cluster_from_environment({"TF_CONFIG": f.read()})


def worker(folder):
    from tensorpack.train._distributed.watchdog import _MAGIC, _Meeting
    with open(os.path.join(folder, "hello")) as f:
        packed = zlib.compress(f.read().replace('"MAGIC"', json.dumps(_MAGIC)).encode())
    meeting = _Meeting(2, ("127.0.0.1", 1), None, False)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        with socket.create_connection(listener.getsockname(), 10) as stranger:
            other, address = listener.accept()
            stranger.sendall(struct.pack("!I", len(packed)) + packed)
            meeting._strangers.acquire()
            meeting._introduce(other, address)
            other.close()


READERS = {  # the reader, its file, a valid content
    "stats.json": (stats, "stats.json", [{"epoch_num": 1, "global_step": 4}]),
    "resume.json": (resume, "resume.json", {"model-8": {"epoch_num": 1, "epoch_finished": True, "global_step": 8,
                                                        "unwritten_statistics": [{"x": 1}]}}),
    "callbacks.json": (memory, "callbacks.json", {"Name": [{"epoch_num": 1, "global_step": 2, "state": {"a": 1}}]}),
    "tracker": (tracker, "run.json", {"id": "x"}),
    "report": (report, "stats.json", [{"epoch_num": 1, "global_step": 4}]),
    "model": (model, "model.onnx.json", {"inputs": [{"name": "x", "dtype": "float32", "shape": [1]}], "outputs": [],
                                         "file": {"bytes": 0, "crc32c": "00000000"}, "external_data": "model.onnx.data"}),
    "download": (download, "origin.json", {"url": "http://x/y", "total": 5, "validator": "v"}),
    "TF_CONFIG": (config, "TF_CONFIG", {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}),
    "worker": (worker, "hello", {"magic": "MAGIC", "rank": 1, "size": 2}),
}
_SOME = (None, True, float("inf"), float("nan"), 10 ** 30, -1, 1.5, "x", [], [[]], {}, {"a": []})


def replaced(value):
    """Values in which one part, on any level, is another one."""
    yield from _SOME
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            for inner in replaced(value[key]):
                copy = value.copy()
                copy[key] = inner
                yield copy


@pytest.mark.parametrize("name", sorted(READERS))
def test_readers_take_json_or_say_what_is_wrong(tmp_path, name):
    if name not in ("report", "download", "model"):
        pytest.importorskip("tensorflow")
    read, filename, valid = READERS[name]
    path = tmp_path / filename
    num_refused = 0
    for text in list(DEEP.values()) + [json.dumps(value) for value in replaced(valid)]:
        path.write_text(text)
        try:
            read(str(tmp_path))
        except ValueError:
            num_refused += 1
    assert name not in ("stats.json", "model", "TF_CONFIG") or num_refused > len(DEEP)
