"""Code that is run in a process of its own, because it might hang, and is killed when it does."""
import os
import subprocess
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run_in_process(code, seconds=100, status=0, **environment):
    """What the code prints; fails if it does not end in time, or with another status.

    It has `tf` and all of tensorpack.
    """
    code = "import numpy as np\nfrom tensorpack import *\ntf = tfv1\n" + textwrap.dedent(code)
    process = subprocess.run([sys.executable, "-c", code], env=dict(os.environ, PYTHONPATH=ROOT, **environment), timeout=seconds,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.stdout.decode("utf-8", "replace")
    assert process.returncode == status, output[-5000:]
    return output
