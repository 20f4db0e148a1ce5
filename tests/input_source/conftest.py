"""What a loaded machine must not change: a thread that is told to end has time to do it."""
import pytest

from tensorpack.callbacks import concurrency


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Threads that feed get longer to end than they need on any machine, so that one that is left has not obeyed."""
    monkeypatch.setattr(concurrency, "_JOIN_SECONDS", 120)
