"""A log directory in which another process works is not deleted under it."""
import os
import subprocess
import sys
import time

import pytest

from tensorpack.utils import logger

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = """
import os, sys
from tensorpack.utils import logger
try:
    logger.set_logger_dir(sys.argv[1], action=sys.argv[2])
except OSError as e:
    print("REFUSED", e)
    sys.exit(3)
open(os.path.join(sys.argv[1], "checkpoint"), "w").close()
print("READY", flush=True)
sys.stdin.readline()
"""


def start(directory, action):
    return subprocess.Popen([sys.executable, "-c", PROGRAM, directory, action], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            universal_newlines=True, env=dict(os.environ, PYTHONPATH=ROOT))


def until_ready(process):
    for line in process.stdout:
        if line.startswith("READY"):
            return
    pytest.fail("it has ended")


@pytest.fixture
def directory_in_use(tmp_path):
    """A log directory, and the process that writes there."""
    path = str(tmp_path / "run")
    process = start(path, "d")
    until_ready(process)
    yield path, process
    process.kill()
    process.communicate(timeout=60)


@pytest.mark.parametrize("action", ["d", "b"])
def test_it_is_neither_deleted_nor_renamed(directory_in_use, action):
    path, _ = directory_in_use
    with pytest.raises(OSError, match="another process, started as '.*', writes its log there, and so it is neither deleted "
                                      "nor renamed; give each process a directory of its own"):
        logger.set_logger_dir(path, action=action)
    assert sorted(os.listdir(path)) == ["checkpoint", "log.log"] and os.listdir(os.path.dirname(path)) == ["run"]


def test_keeping_its_files_is_warned_of(directory_in_use, log_records):
    path, _ = directory_in_use
    logger.set_logger_dir(path, action="k")
    warning, = [record.getMessage() for record in log_records if record.levelname == "WARNING"]
    assert warning.startswith("Another process") and "will be mixed" in warning and path in warning


def test_a_new_directory_is_no_matter(directory_in_use, log_records):
    logger.set_logger_dir(directory_in_use[0], action="n")
    assert not [record for record in log_records if record.levelname == "WARNING"]


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "at its end"])
def test_it_is_free_when_the_process_is_gone(directory_in_use, kill):
    path, process = directory_in_use
    if kill:
        process.kill()
    process.communicate("\n", timeout=60) if not kill else process.wait(60)
    logger.set_logger_dir(path, action="d")
    assert os.listdir(path) == ["log.log"]


@pytest.mark.parametrize("action", ["d", "b", "k"])
def test_a_process_may_set_its_own_directory_again(tmp_path, log_records, action):
    for _ in range(2):
        logger.set_logger_dir(str(tmp_path / "run"), action=action)
    assert not [record for record in log_records if record.levelname == "WARNING"]


def test_of_two_that_start_at_once_one_has_it_and_one_is_told(tmp_path):
    path = str(tmp_path / "run")
    os.mkdir(path)
    with open(os.path.join(path, "old"), "w"):
        pass
    processes = [start(path, "d") for _ in range(2)]
    loser, end = None, time.time() + 60
    while loser is None and time.time() < end:
        time.sleep(0.05)
        loser = next((process for process in processes if process.poll() is not None), None)
    winner = processes[1 - processes.index(loser)]
    outputs = [loser.communicate(timeout=60)[0], winner.communicate("\n", timeout=60)[0]]
    assert (loser.returncode, winner.returncode) == (3, 0)
    assert "REFUSED" in outputs[0] and "READY" in outputs[1]
    assert sorted(os.listdir(path)) == ["checkpoint", "log.log"]
