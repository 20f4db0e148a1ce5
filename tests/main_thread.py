"""Tests run in the main thread of their process, the only one in which Python handles signals.

Imported by the conftest of all tests. execnet gives the main thread of a process that it starts to the first task. With `-v`
pytest-xdist first asks each process for facts about itself; in execnet 2.0, the last one for Python 3.7, the task of running
the tests may then come before that one has ended, and gets another thread. The processes run here, so we know their facts.
"""
import os
import sys

import pytest


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_newgateway(gateway):
    from execnet.gateway import RInfo

    gateway._cache_rinfo = RInfo(dict(executable=sys.executable, version_info=sys.version_info[:5], platform=sys.platform,
                                      cwd=os.getcwd(), pid=None))
