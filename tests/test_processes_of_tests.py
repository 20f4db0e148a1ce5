"""The processes that run the tests are like a user's, however they were started."""
import os
import signal
import subprocess
import sys
import threading

TESTS = os.path.dirname(os.path.abspath(__file__))


def test_tests_run_in_the_main_thread():
    assert threading.current_thread() is threading.main_thread()


def test_no_signal_is_ignored_from_the_start():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


def test_a_process_that_does_not_end_is_ended_after_its_summary(tmp_path):
    (tmp_path / "conftest.py").write_text("import end_in_time\nfrom end_in_time import pytest_sessionfinish\n"
                                          "end_in_time.PATIENCE = 0.5\n")
    (tmp_path / "test_it.py").write_text("import threading, time\n\ndef test_it():\n"
                                         "    threading.Thread(target=time.sleep, args=(600,)).start()\n    assert False\n")
    run = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)], cwd=str(tmp_path),
                         env=dict(os.environ, PYTHONPATH=TESTS), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=300)
    assert run.returncode == 1 and "1 failed" in run.stdout and "did not end in 0.5 s" in run.stdout, run.stdout
    assert run.stdout.index("1 failed") < run.stdout.index("did not end")
