"""Downloads from a server on this machine that breaks connections, changes files, and counts what it is asked for."""
import hashlib
import http.server
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tensorpack.utils._files import download as downloading
from tensorpack.utils._files.file_lock import file_lock
from tensorpack.utils._files.remote_file import RemoteFile, obtain
from tensorpack.utils.fs import download

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONTENT = bytes(bytearray(range(256))) * 4000
BREAK = 300 * 1024
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


class Server:
    """What the test wants of the server, and what it was asked for."""

    def __init__(self):
        self.content = CONTENT
        self.headers = {"ETag": '"v1"'}
        self.knows_ranges = True
        self.respects_if_range = True
        self.breaks = []  # for each request, after how many bytes it ends; None to send all
        self.range_start = None  # lie about where the answer starts
        self.stall = False  # do not end after a break, but wait
        self.requests = []  # Range of each
        self.release = threading.Event()
        self.http = http.server.HTTPServer(("127.0.0.1", 0), self.handler())
        self.url = "http://127.0.0.1:{}/data.bin".format(self.http.server_port)

    def handler(server):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *args):
                pass

        return Handler

    def answer(self, handler):
        asked = handler.headers.get("Range")
        self.requests.append(asked)
        start = int(asked[len("bytes="):-1]) if asked and self.knows_ranges else 0
        if self.respects_if_range and handler.headers.get("If-Range") != self.headers.get("ETag"):
            start = 0
        if start >= len(self.content):
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        if start:
            shown = start if self.range_start is None else self.range_start
            handler.send_header("Content-Range", "bytes {}-{}/{}".format(shown, len(self.content) - 1, len(self.content)))
        for header in self.headers.items():
            handler.send_header(*header)
        handler.send_header("Content-Length", str(len(self.content) - start))
        handler.end_headers()
        stop_after = self.breaks.pop(0) if self.breaks else None
        try:
            handler.wfile.write(self.content[start:][:stop_after])
            if self.stall and stop_after is not None:
                self.release.wait(60)
        except OSError:  # the client was killed
            pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloading, "_PAUSE", 0.01)
    instance = Server()
    thread = threading.Thread(target=instance.http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield instance
    instance.release.set()
    instance.http.shutdown()
    thread.join()
    instance.http.server_close()


def read(path):
    with open(str(path), "rb") as f:
        return f.read()


def wait_until(condition, seconds=60):
    deadline = time.time() + seconds
    while not condition():
        assert time.time() < deadline
        time.sleep(0.01)


class TestResume:
    def test_a_broken_connection_is_resumed_where_it_broke(self, server, tmp_path, log_records):
        server.breaks = [BREAK, 1000, None]
        path = download(server.url, str(tmp_path))
        assert read(path) == CONTENT
        assert server.requests == [None, "bytes={}-".format(BREAK), "bytes={}-".format(BREAK + 1000)]
        assert sum("interrupted" in r.getMessage() for r in log_records) == 2
        assert os.listdir(str(tmp_path)) == ["data.bin"]

    def test_what_arrived_is_kept_for_the_next_call(self, server, tmp_path):
        server.breaks = [BREAK, 0]
        with pytest.raises(OSError, match="announced {} bytes; got {}".format(len(CONTENT), BREAK)):
            download(server.url, str(tmp_path))
        assert not (tmp_path / "data.bin").exists()
        del server.requests[:]
        assert read(download(server.url, str(tmp_path))) == CONTENT
        assert server.requests == ["bytes={}-".format(BREAK)]
        assert os.listdir(str(tmp_path)) == ["data.bin"]

    def test_a_killed_download_is_continued_by_the_next_process(self, server, tmp_path):
        server.breaks, server.stall = [BREAK], True
        code = "from tensorpack.utils.fs import download; download({!r}, {!r})".format(server.url, str(tmp_path))
        proc = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
        part = tmp_path / ".data.bin.download" / "content"
        wait_until(lambda: part.exists() and part.stat().st_size)
        proc.send_signal(signal.SIGKILL)
        proc.wait()
        server.release.set()
        arrived = part.stat().st_size
        assert read(download(server.url, str(tmp_path))) == CONTENT
        assert server.requests == [None, "bytes={}-".format(arrived)]
        assert os.listdir(str(tmp_path)) == ["data.bin"]

    def test_a_complete_part_needs_no_request(self, server, tmp_path):
        code = "import os; from tensorpack.utils.fs import download; download({!r}, {!r}, verify=lambda p: os._exit(3))".format(
            server.url, str(tmp_path))
        assert subprocess.call([sys.executable, "-c", code], cwd=ROOT) == 3
        assert read(download(server.url, str(tmp_path))) == CONTENT
        assert len(server.requests) == 1

    @pytest.mark.parametrize("respects_if_range", [True, False])
    def test_a_file_that_changed_meanwhile_is_not_mixed_with_the_old_one(self, server, tmp_path, respects_if_range):
        server.breaks = [BREAK, 0]
        with pytest.raises(OSError):
            download(server.url, str(tmp_path))
        server.content, server.headers = b"new and shorter", {"ETag": '"v2"'}
        server.respects_if_range = respects_if_range  # else it says that there is no such range (416)
        assert read(download(server.url, str(tmp_path))) == b"new and shorter"

    def test_a_part_is_not_continued_from_another_url(self, server, tmp_path):
        server.breaks = [BREAK, 0]
        with pytest.raises(OSError):
            download(server.url, str(tmp_path))
        assert read(download(server.url + "?mirror", str(tmp_path))) == CONTENT
        assert server.requests[-1] is None

    def test_a_server_without_ranges_is_asked_for_the_whole_file_again(self, server, tmp_path):
        server.breaks, server.knows_ranges = [BREAK, None], False
        assert read(download(server.url, str(tmp_path))) == CONTENT

    @pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"v1"'}, {"ETag": '"v1"', "Accept-Ranges": "none"}],
                             ids=["unversioned", "weak version", "no ranges"])
    def test_nothing_is_kept_that_cannot_be_continued(self, server, tmp_path, headers):
        server.breaks, server.headers = [BREAK], headers
        with pytest.raises(OSError, match="announced"):
            download(server.url, str(tmp_path))
        assert os.listdir(str(tmp_path)) == [] and len(server.requests) == 1

    def test_an_answer_from_another_position_is_refused(self, server, tmp_path):
        server.breaks, server.range_start = [BREAK, None], 7
        with pytest.raises(OSError, match="must send what it was asked for; got 'bytes 7-"):
            download(server.url, str(tmp_path))

    def test_it_gives_up_at_a_server_that_always_breaks(self, server, tmp_path):
        server.breaks = [1000] * 1000
        with pytest.raises(OSError):
            download(server.url, str(tmp_path))
        assert len(server.requests) == downloading._MAX_RESUMES + 1

    def test_a_missing_file_is_not_asked_for_again(self, server, tmp_path):
        server.content = b""
        with pytest.raises(OSError, match="416"):
            download(server.url, str(tmp_path))
        assert len(server.requests) == 1 and os.listdir(str(tmp_path)) == []


class TestExpectations:
    def test_a_file_of_the_right_checksum_is_taken_as_it_is(self, server, tmp_path):
        (tmp_path / "data.bin").write_bytes(CONTENT)
        assert download(server.url, str(tmp_path), checksum=MD5.upper()) == str(tmp_path / "data.bin")
        assert download(server.url, str(tmp_path), expect_size=len(CONTENT), checksum=MD5) == str(tmp_path / "data.bin")
        assert server.requests == []

    def test_a_file_of_the_right_size_and_another_checksum_is_replaced(self, server, tmp_path):
        (tmp_path / "data.bin").write_bytes(CONTENT[::-1])
        assert read(download(server.url, str(tmp_path), expect_size=len(CONTENT), checksum=MD5)) == CONTENT

    def test_an_existing_file_needs_no_writable_directory(self, server, tmp_path):
        (tmp_path / "data.bin").write_bytes(CONTENT)
        before = os.stat(str(tmp_path)).st_mtime_ns
        download(server.url, str(tmp_path), checksum=MD5)
        assert os.stat(str(tmp_path)).st_mtime_ns == before

    @pytest.mark.parametrize("old", [b"old", None], ids=["overwriting", "new"])
    def test_a_wrong_checksum_changes_nothing(self, server, tmp_path, old):
        if old:
            (tmp_path / "data.bin").write_bytes(old)
        with pytest.raises(OSError, match="checksum sha1:0123; got [0-9a-f]{40}"):
            download(server.url, str(tmp_path), checksum="sha1:0123")
        assert os.listdir(str(tmp_path)) == (["data.bin"] if old else [])
        assert old is None or read(tmp_path / "data.bin") == old

    @pytest.mark.parametrize("checksum", ["0123", "md5", "md5:", "no_such:0123", ""])
    def test_a_checksum_names_its_algorithm(self, tmp_path, checksum):
        with pytest.raises(ValueError, match="checksum must be an algorithm, a colon"):
            download("http://127.0.0.1:1/x", str(tmp_path), checksum=checksum)

    def test_verify_sees_the_complete_file_before_it_gets_its_name(self, server, tmp_path):
        def verify(path):
            assert read(path) == CONTENT and not (tmp_path / "data.bin").exists()
            raise ValueError("I do not like it")

        with pytest.raises(ValueError, match="I do not like it"):
            download(server.url, str(tmp_path), verify=verify)
        assert os.listdir(str(tmp_path)) == []

    def test_progress_is_shown(self, server, tmp_path, capsys, monkeypatch):
        monkeypatch.setenv("TENSORPACK_PROGRESS_REFRESH", "0")
        download(server.url, str(tmp_path))
        shown = capsys.readouterr().err
        assert "data.bin" in shown and "100%" in shown and "1.02M" in shown


class TestProcesses:
    def test_two_processes_download_once(self, server, tmp_path):
        server.breaks, server.stall = [BREAK], True
        code = "from tensorpack.utils.fs import download; print(download({!r}, {!r}))".format(server.url, str(tmp_path))
        procs = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
        wait_until(lambda: server.requests)
        time.sleep(0.3)  # let the other one come to the lock, too
        server.release.set()
        for proc in procs:
            out = proc.communicate(timeout=60)[0].decode()
            assert proc.returncode == 0 and out.rstrip().endswith(str(tmp_path / "data.bin"))
        assert read(tmp_path / "data.bin") == CONTENT
        assert server.requests[1:] in ([], ["bytes={}-".format(BREAK)])  # the break, resumed by the one
        assert os.listdir(str(tmp_path)) == ["data.bin"]

    def test_who_waits_takes_over_from_a_killed_process(self, server, tmp_path):
        server.breaks, server.stall = [BREAK], True
        code = "from tensorpack.utils.fs import download; download({!r}, {!r})".format(server.url, str(tmp_path))
        owner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
        part = tmp_path / ".data.bin.download" / "content"
        wait_until(lambda: part.exists() and part.stat().st_size)
        waiting = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
        assert b"Waiting for another process" in waiting.stdout.readline()
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        server.release.set()
        waiting.communicate(timeout=60)
        assert waiting.returncode == 0 and read(tmp_path / "data.bin") == CONTENT
        assert os.listdir(str(tmp_path)) == ["data.bin"]

    def test_a_lock_is_held_by_one_at_a_time(self, tmp_path):
        path, inside, most = str(tmp_path / "lock"), [], []

        def work():
            for _ in range(50):
                with file_lock(path):
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(most) == 300 and max(most) == 1
        assert os.listdir(str(tmp_path)) == []

    def test_a_killed_process_does_not_keep_a_lock(self, tmp_path):
        path = str(tmp_path / "lock")
        code = ("from tensorpack.utils._files.file_lock import file_lock; import time\n"
                "with file_lock({!r}): print('in', flush=True); time.sleep(600)".format(path))
        owner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
        assert owner.stdout.readline() == b"in\n"
        entered = []

        def enter():
            with file_lock(path) as waited:
                entered.append(waited)

        thread = threading.Thread(target=enter)
        thread.start()
        time.sleep(0.2)
        assert entered == []
        owner.send_signal(signal.SIGKILL)
        owner.communicate()
        thread.join(120)
        assert entered == [True] and os.listdir(str(tmp_path)) == []

    def test_a_forked_child_does_not_keep_a_lock(self, tmp_path):
        context = multiprocessing.get_context("fork")
        end = context.Event()
        with file_lock(str(tmp_path / "lock")):
            child = context.Process(target=end.wait)
            child.start()
        try:
            with file_lock(str(tmp_path / "lock")) as waited:
                assert not waited
        finally:
            end.set()
            child.join()


class TestObtain:
    def test_a_local_file_is_never_fetched(self, tmp_path):
        (tmp_path / "a.bin").write_bytes(b"whatever it is")
        file = RemoteFile("a.bin", ("http://127.0.0.1:1/a.bin",), size=5, checksum=MD5)
        assert obtain("Me", str(tmp_path), file) == str(tmp_path / "a.bin")

    def test_mirrors_are_tried_in_order(self, server, tmp_path):
        file = RemoteFile("a.bin", ((tmp_path / "nothing").as_uri(), server.url), size=len(CONTENT), checksum=MD5)
        assert read(obtain("Me", str(tmp_path / "new"), file)) == CONTENT

    def test_the_error_tells_how_to_place_the_file_by_hand(self, tmp_path):
        urls = tuple((tmp_path / name).as_uri() for name in ("here", "there"))
        with pytest.raises(OSError) as caught:
            obtain("Me", str(tmp_path), RemoteFile("a.bin", urls, size=5, checksum=MD5))
        message = str(caught.value)
        for part in ("Me: ", str(tmp_path / "a.bin"), "place it there", "5 bytes", MD5) + urls:
            assert part in message
        assert os.listdir(str(tmp_path)) == []
