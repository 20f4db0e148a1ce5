"""A process that has run its tests has to end: one that does not says where it waits, and is ended.

Imported by the conftest of all tests. The time limit of each single test is pytest-timeout's, in pyproject.toml.
"""
import faulthandler
import os
import sys
import threading

import pytest

PATIENCE = 120  # seconds


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_sessionfinish(session, exitstatus):
    yield  # the folders of former runs are removed and the summary is printed, which may take long on a busy disk
    with session.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        stderr = os.dup(2)
    if hasattr(session.config, "workerinput"):  # one of several that pytest-xdist runs; its results have been sent
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=stderr)
        return

    def end():
        faulthandler.dump_traceback(file=stderr)
        os.write(stderr, "The tests are over and this process did not end in {} s.\n".format(PATIENCE).encode())
        sys.stdout.flush()
        os._exit(exitstatus)

    timer = threading.Timer(PATIENCE, end)
    timer.daemon = True
    timer.start()
