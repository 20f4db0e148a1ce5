"""Fixtures of the whole suite: each test starts with a fresh graph and no log directory, and must leave nothing running."""
import importlib.util
import multiprocessing
import threading
import time

import pytest

from tensorpack.utils import logger

HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None


@pytest.fixture(autouse=True)
def fresh_state(request):
    """A new default graph and no logger directory for each test."""
    if not HAS_TENSORFLOW or request.node.get_closest_marker("no_tensorflow"):
        yield
    else:
        from tensorpack.compat import tfv1

        with tfv1.Graph().as_default():
            yield
    _forget_logger_dir()


def _forget_logger_dir():
    logger._close_log_file()
    logger.LOG_DIR = None


@pytest.fixture(autouse=True)
def nothing_left_running():
    """Fail a test that leaves non-daemon threads or child processes behind."""
    before = set(threading.enumerate())
    yield
    deadline = time.time() + 5
    while True:
        threads = [t for t in threading.enumerate() if t not in before and t.is_alive() and not t.daemon]
        processes = multiprocessing.active_children()
        if not threads and not processes:
            return
        if time.time() > deadline:
            pytest.fail("left running: threads {}, processes {}".format(threads, processes))
        time.sleep(0.05)


@pytest.fixture
def log_dir(tmp_path):
    """An empty logger directory, as a string."""
    path = str(tmp_path / "train_log")
    logger.set_logger_dir(path)
    return path


@pytest.fixture
def log_records():
    """All records that the library logs during the test: a list that grows."""
    import logging

    records = []

    class Collector(logging.Handler):
        def emit(self, record):
            records.append(record)

    handler = Collector()
    logger._logger.addHandler(handler)
    yield records
    logger._logger.removeHandler(handler)
