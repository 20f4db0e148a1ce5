"""utils.debug: tracing calls."""
import _thread
import sys
import threading

import pytest

from tensorpack.utils.debug import _print_call, enable_call_trace


class Stream:
    def write(self, text):
        return len(text)


def callee():
    print("inside", file=Stream())


def caller():
    callee()


@pytest.fixture
def traced():
    """A function that runs another one under the trace."""
    before = sys.gettrace()

    def run(function):
        enable_call_trace()
        try:
            function()
        finally:
            sys.settrace(before)

    return run


def test_every_call_is_printed_with_its_origin(traced, capsys):
    traced(caller)
    lines = [line for line in capsys.readouterr().out.splitlines() if __file__ in line]
    first, called = caller.__code__.co_firstlineno, callee.__code__.co_firstlineno
    assert lines == [
        "Call to `caller` on line {0}:{1} from {0}:{2}".format(__file__, first, lines[0].rpartition(":")[2]),
        "Call to `callee` on line {0}:{1} from {0}:{2}".format(__file__, called, first + 1),
    ]


def test_nothing_is_printed_after_its_end(traced, capsys):
    traced(lambda: None)
    capsys.readouterr()
    caller()
    assert capsys.readouterr().out == ""


def test_the_first_function_of_a_thread_comes_from_nowhere(capsys):
    done = threading.Event()

    def first():
        _print_call(sys._getframe(), "call", None)
        done.set()

    _thread.start_new_thread(first, ())
    assert done.wait(120)
    out = capsys.readouterr().out
    assert out.startswith("Call to `first` on line") and out.endswith(" from nowhere\n")
