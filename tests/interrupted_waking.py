"""Ctrl-C at the worst moment: when a thread has been woken, and the one that wakes it has not gone on yet."""
import signal
import threading


class Interrupting:
    """In the place of a lock among the waiters of a condition: once released, it interrupts the thread that has released it."""

    def __init__(self, lock):
        self._lock = lock
        self._is_due = True

    def release(self):
        self._lock.release()
        if self._is_due:
            self._is_due = False
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
