"""A fixture for tests of what must not hang: a test that takes far too long fails, and shows where it was."""
import signal

import pytest

LIMIT = 60  # seconds, of which a few are needed


@pytest.fixture
def time_limit():
    """Raise in the main thread after `LIMIT` seconds, where the system has alarms."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def fail(*_):
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
