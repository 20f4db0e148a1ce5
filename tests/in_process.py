"""Code that might hang runs in a process of its own, which is killed when it does.

All of the library is there at its first line; one process imports it, and is forked for each piece of code.
"""
import atexit
import os
import tempfile
import textwrap

from forked_programs import LIMIT, ROOT, Program, Server

_server = Server(os.devnull, "everything")
atexit.register(_server.close)


def run_in_process(code, seconds=LIMIT, status=0):
    """What the code prints; fails if it does not end in time, or with another status.

    It has `np`, `tf` and all of tensorpack.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "output.txt")
        program = Program(_server, ["-c", "from everything import *\n" + textwrap.dedent(code)], ROOT, output)
        try:
            got = program.wait(seconds)
        finally:
            program.kill()
        assert got == status, program.text()[-5000:]
        return program.text()
