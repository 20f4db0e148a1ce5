"""The processes that run the tests are like a user's, however they were started."""
import signal
import threading


def test_tests_run_in_the_main_thread():
    assert threading.current_thread() is threading.main_thread()


def test_no_signal_is_ignored_from_the_start():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
