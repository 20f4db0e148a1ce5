"""utils.fs: atomic writing, downloads from a server on this machine, the directory of datasets."""
import http.server
import os
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

from tensorpack.utils import argtools
from tensorpack.utils.fs import (
    atomic_directory,
    atomic_write,
    download,
    get_dataset_path,
    mkdir_p,
    normpath,
    recursive_walk,
)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONTENT = bytes(bytearray(range(256))) * 4000


def messages(records):
    return [(r.levelname, r.getMessage()) for r in records]


def test_mkdir_p(tmp_path):
    path = str(tmp_path / "a" / "b")
    mkdir_p(path)
    mkdir_p(path)
    mkdir_p("")
    assert os.path.isdir(path)


def test_mkdir_p_refuses_a_file_and_none(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(FileExistsError):
        mkdir_p(str(tmp_path / "f"))
    with pytest.raises(TypeError, match="mkdir_p.*None"):
        mkdir_p(None)


def test_recursive_walk_yields_files_in_order(tmp_path):
    for name in ("b/2", "b/1", "a/x/y", "c"):
        mkdir_p(str((tmp_path / name).parent))
        (tmp_path / name).write_text("")
    files = [os.path.relpath(p, str(tmp_path)) for p in recursive_walk(str(tmp_path))]
    assert files == ["c", os.path.join("a", "x", "y"), os.path.join("b", "1"), os.path.join("b", "2")]


@pytest.mark.parametrize("path,expected", [("a/../b//c/", os.path.join("b", "c")), ("gs://a/../b", "gs://a/../b"), ("", ".")])
def test_normpath(path, expected):
    assert normpath(path) == expected


@pytest.mark.parametrize("mode,content", [("w", "caf\xe9\n"), ("wb", b"\x00\xff")])
def test_atomic_write_replaces_when_done(tmp_path, mode, content):
    path = tmp_path / "f"
    path.write_text("old")
    with atomic_write(str(path), mode) as f:
        f.write(content)
        assert path.read_text() == "old"
    assert path.read_bytes() == (content.encode("utf-8") if mode == "w" else content)
    assert os.listdir(str(tmp_path)) == ["f"]


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
@pytest.mark.parametrize("exists", [True, False])
def test_atomic_write_leaves_nothing_after_an_error(tmp_path, error, exists):
    path = tmp_path / "f"
    if exists:
        path.write_text("old")
    with pytest.raises(error):
        with atomic_write(str(path)) as f:
            f.write("half")
            raise error
    assert os.listdir(str(tmp_path)) == (["f"] if exists else [])
    assert not exists or path.read_text() == "old"


def test_atomic_write_keeps_permissions_and_links(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    with atomic_write(str(link)) as f:
        f.write("new")
    assert link.is_symlink() and target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_atomic_write_creates_files_like_open(tmp_path):
    with atomic_write(str(tmp_path / "a")), open(str(tmp_path / "b"), "w"):
        pass
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize("mode", ["a", "r", "r+", "x"])
def test_atomic_write_has_two_modes(tmp_path, mode):
    with pytest.raises(ValueError, match="mode must be 'w' or 'wb'"):
        with atomic_write(str(tmp_path / "f"), mode):
            pass


def test_atomic_write_needs_a_directory(tmp_path):
    with pytest.raises(FileNotFoundError):
        with atomic_write(str(tmp_path / "no" / "f")):
            pass


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path):
    path = str(tmp_path / "f")
    code = ("import itertools; from tensorpack.utils.fs import atomic_write\n"
            "for i in itertools.count():\n"
            "    with atomic_write({!r}) as f:\n"
            "        for _ in range(2000): f.write('%d ' % (i % 10))").format(path)
    proc = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    deadline = time.time() + 60
    while not os.path.exists(path) and time.time() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    proc.send_signal(signal.SIGKILL)
    proc.wait()
    with open(path) as f:
        values = f.read().split()
    assert len(values) == 2000 and len(set(values)) == 1


@pytest.mark.parametrize("before", ["nothing", "empty", "full"])
def test_atomic_directory_replaces_when_done(tmp_path, before):
    path = tmp_path / "out" / "export"
    if before != "nothing":
        mkdir_p(str(path))
    if before == "full":
        (path / "old").write_text("")
    with atomic_directory(str(path) + "/") as tmp:
        assert os.path.dirname(tmp) == str(tmp_path / "out")
        with open(os.path.join(tmp, "new"), "w") as f:
            f.write("x")
        assert not (path / "new").exists()
    assert os.listdir(str(path)) == ["new"]
    assert os.listdir(str(tmp_path / "out")) == ["export"]


@pytest.mark.parametrize("exists", [True, False])
def test_atomic_directory_leaves_nothing_after_an_error(tmp_path, exists):
    path = tmp_path / "export"
    if exists:
        mkdir_p(str(path))
        (path / "old").write_text("")
    with pytest.raises(KeyError):
        with atomic_directory(str(path)) as tmp:
            open(os.path.join(tmp, "half"), "w").close()
            raise KeyError
    assert os.listdir(str(tmp_path)) == (["export"] if exists else [])
    assert not exists or os.listdir(str(path)) == ["old"]


def test_atomic_directory_puts_the_old_one_back_if_the_new_one_is_lost(tmp_path):
    path = tmp_path / "export"
    mkdir_p(str(path))
    with pytest.raises(FileNotFoundError):
        with atomic_directory(str(path)) as tmp:
            os.rmdir(tmp)
    assert os.listdir(str(tmp_path)) == ["export"]


def test_atomic_directory_refuses_a_file(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(NotADirectoryError, match="must not be a file"):
        with atomic_directory(str(tmp_path / "f")):
            pass
    assert os.listdir(str(tmp_path)) == ["f"]


class Handler(http.server.BaseHTTPRequestHandler):
    requests = []

    def do_GET(self):
        self.requests.append(self.path)
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        if self.path == "/garbage":
            self.wfile.write(b"this is not HTTP\r\n\r\n")
            return
        if self.path == "/stalls":
            self.server.stop_stalling.wait(30)
            return
        body = b"" if self.path == "/empty" else CONTENT
        self.send_response(200)
        if self.path != "/unannounced":
            self.send_header("Content-Length", str(len(body) + (10 if self.path == "/short" else 0)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    instance = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    instance.stop_stalling = threading.Event()
    del Handler.requests[:]
    thread = threading.Thread(target=instance.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield "http://127.0.0.1:{}".format(instance.server_port)
    instance.stop_stalling.set()
    instance.shutdown()
    thread.join()
    instance.server_close()


NAMES = [("/data.bin", None, "data.bin"), ("/a/my%20data.bin?x=1/2", None, "my data.bin"), ("/data.bin", "other", "other")]


@pytest.mark.parametrize("path,filename,expected", NAMES, ids=["plain", "quoted", "given"])
def test_download(server, tmp_path, log_records, path, filename, expected):
    result = download(server + path, str(tmp_path / "new"), filename=filename)
    assert result == str(tmp_path / "new" / expected)
    with open(result, "rb") as f:
        assert f.read() == CONTENT
    assert ("INFO", "Succesfully downloaded {}. {} bytes.".format(expected, len(CONTENT))) in messages(log_records)


def test_download_of_unannounced_size(server, tmp_path):
    assert os.path.getsize(download(server + "/unannounced", str(tmp_path))) == len(CONTENT)


def test_download_skips_only_a_file_of_the_expected_size(server, tmp_path, log_records):
    for expect_size in (len(CONTENT), None, len(CONTENT)):
        download(server + "/data.bin", str(tmp_path), expect_size=expect_size)
    assert len(Handler.requests) == 2
    assert ("INFO", "File data.bin exists! Skip download.") in messages(log_records)
    assert any(level == "WARNING" and "overwrite" in text for level, text in messages(log_records))


BAD = [
    ("not found", "/missing", {}, "404"),
    ("too short", "/short", {}, "announced"),
    ("empty", "/empty", {}, "must not be empty"),
    ("other size", "/data.bin", {"expect_size": 5}, "must have 5 bytes"),
    ("no answer", "/stalls", {"timeout": 0.2}, "timed out"),
    ("not HTTP", "/garbage", {}, "HTTP"),
]


@pytest.mark.parametrize("old", [b"old", None], ids=["overwriting", "new"])
@pytest.mark.parametrize("path,kwargs,words", [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_download_raises_and_changes_nothing(server, tmp_path, log_records, path, kwargs, words, old):
    name = path[1:]
    if old is not None:
        (tmp_path / name).write_bytes(old)
    with pytest.raises(OSError, match=words):
        download(server + path, str(tmp_path), **kwargs)
    assert ("ERROR", "Failed to download {}{}".format(server, path)) in messages(log_records)
    assert os.listdir(str(tmp_path)) == ([name] if old else [])
    assert old is None or (tmp_path / name).read_bytes() == old


def test_download_needs_a_file_name(tmp_path):
    with pytest.raises(ValueError, match="filename="):
        download("http://127.0.0.1:1/", str(tmp_path))


def test_dataset_path_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORPACK_DATASET", str(tmp_path))
    assert get_dataset_path("mnist_data", "x") == str(tmp_path / "mnist_data" / "x")
    assert get_dataset_path() == str(tmp_path)
    assert os.listdir(str(tmp_path)) == []


def test_dataset_root_must_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORPACK_DATASET", str(tmp_path / "no"))
    with pytest.raises(ValueError, match="TENSORPACK_DATASET must be an existing directory"):
        get_dataset_path("x")


def test_default_dataset_root_is_created_and_warned_about_once(tmp_path, monkeypatch, log_records):
    monkeypatch.setattr(argtools, "_LOGGED", set())
    monkeypatch.delenv("TENSORPACK_DATASET", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    root = str(tmp_path / "tensorpack_data")
    assert get_dataset_path("a") == os.path.join(root, "a")
    assert get_dataset_path("b") == os.path.join(root, "b")
    assert os.listdir(root) == []
    warning = "Env var $TENSORPACK_DATASET not set, using {} for datasets.".format(root)
    assert messages(log_records) == [("WARNING", warning), ("INFO", "Created the directory {}.".format(root))]
