"""No process can make the progress bars of another one wait."""
import multiprocessing
import os
import signal
import threading

import pytest

from tensorpack.utils._text.progress_bar import Bar
from tensorpack.utils.utils import get_tqdm


def draw():
    with get_tqdm(total=3) as bar:
        bar.update(3)


def draw_in_child():
    child = multiprocessing.get_context("fork").Process(target=draw)
    child.start()
    child.join(120)
    code = child.exitcode
    child.kill()
    child.join()
    return code


def die_with_the_lock():
    with Bar.get_lock():
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_was_killed_while_it_drew_holds_up_nobody():
    child = multiprocessing.get_context("fork").Process(target=die_with_the_lock)
    child.start()
    child.join()
    drawing = threading.Thread(target=draw, daemon=True)
    drawing.start()
    drawing.join(120)
    assert not drawing.is_alive()
    assert draw_in_child() == 0


def test_a_fork_while_a_bar_is_drawn_gives_a_free_lock():
    locked, done = threading.Event(), threading.Event()

    def hold():
        with Bar.get_lock():
            locked.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait()
    try:
        assert draw_in_child() == 0
    finally:
        done.set()
        holder.join()


@pytest.mark.parametrize("attribute", ["_lock", "monitor"])
def test_other_bars_of_the_program_keep_their_own(attribute):
    from tqdm import tqdm

    draw()
    assert getattr(Bar, attribute) is not tqdm.__dict__.get(attribute, object())
