"""Fixtures of the whole suite: each test starts with a fresh graph and no log directory, and must leave nothing running."""
import gc
import importlib.util
import logging
import multiprocessing
import os
import signal
import threading
import time

import pytest
from consumer_matrix import pytest_terminal_summary  # noqa: F401
from end_in_time import pytest_sessionfinish  # noqa: F401
from forked_programs import program_server, run_code, run_program, start_program  # noqa: F401
from main_thread import pytest_xdist_newgateway  # noqa: F401
from slow_tests import pytest_itemcollected  # noqa: F401

from tensorpack.utils import _rng, logger

# Shells start what runs in the background without SIGINT, nohup what it runs without SIGHUP, and processes inherit it.
for number, action in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, action)

HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None


@pytest.fixture(autouse=True, scope="module")
def lasting_objects():
    """What has stayed of imports and former tests is passed over when garbage is collected, which would take a second."""
    if HAS_TENSORFLOW:
        import tensorpack.compat  # noqa: F401
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def fresh_state():
    """A new default graph and no logger directory for each test."""
    if not HAS_TENSORFLOW:
        yield
    else:
        from tensorpack.compat import tfv1

        with tfv1.Graph().as_default():
            yield
    _forget_logger_dir()
    _rng._streams.__init__()  # trainers of several processes number their process, for good


def _forget_logger_dir():
    logger._close_log_file()
    logger.LOG_DIR = None


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """Fail a test that leaves non-daemon threads or child processes, another environment or another working directory."""
    threads, environment, folder = set(threading.enumerate()), _environment(), os.getcwd()
    yield
    deadline = time.time() + 60
    while True:
        left = [t for t in threading.enumerate() if t not in threads and t.is_alive() and not t.daemon]
        left += multiprocessing.active_children()
        if not left:
            break
        if time.time() > deadline:
            pytest.fail("left running: {}".format(left))
        time.sleep(0.05)
    assert os.getcwd() == folder
    assert _environment() == environment


def _environment():
    """The variables that are not TensorFlow's, PyTorch's, OpenCV's or pytest's own affair."""
    own = ("TF_", "TORCHINDUCTOR_", "TF2_", "KMP_", "PYTEST_", "LD_LIBRARY_PATH", "QT_QPA_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


@pytest.fixture
def log_dir(tmp_path):
    """An empty logger directory, as a string."""
    path = str(tmp_path / "train_log")
    logger.set_logger_dir(path)
    return path


@pytest.fixture
def log_records():
    """All records that the library logs during the test: a list that grows."""
    records = []

    class Collector(logging.Handler):
        def emit(self, record):
            records.append(record)

    handler = Collector()
    logger._logger.addHandler(handler)
    yield records
    logger._logger.removeHandler(handler)
