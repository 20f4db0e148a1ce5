"""The command line of `python -m tensorpack.tf1`."""
from __future__ import annotations

import sys
from typing import List, Optional

_USAGE = """\
usage: python -m tensorpack.tf1 PROGRAM.py [ARGUMENT ...]      run a program of TensorFlow 1 on the TensorFlow that is installed
       python -m tensorpack.tf1 -m MODULE [ARGUMENT ...]       the same for a module
       python -m tensorpack.tf1 --check PATH [--json FILE]     tell what a program, or all in a folder, uses that is lost

In the process that this starts, `import tensorflow` gives the API of TensorFlow 1 in graph mode with tf.contrib, tf.layers and
tf.nn.rnn_cell, whatever the spelling of the import; numpy, scipy and Python have names again that they have lost; the program's
own files may be in Python 2. No file is changed. On TensorFlow 1.15 the program just runs.
"""


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command; returns the exit status, or what the program raises comes out."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE, end="")
        return 0 if arguments else 2
    if arguments[0] == "--check":
        from .check.command import check

        return check(arguments[1:])
    return _run(arguments)


def _run(arguments: List[str]) -> int:
    from .process import set_up
    from .program import CannotRun, run_file, run_module

    if arguments[0].startswith("-") and (arguments[0] != "-m" or len(arguments) < 2):
        wrong = "-m: must be followed by the name of a module" if arguments[0] == "-m" else arguments[0] + ": no such option"
        print("{}\nerror: {}".format(_USAGE, wrong), file=sys.stderr)
        return 2
    set_up()
    try:
        if arguments[0] == "-m":
            run_module(arguments[1], arguments[2:])
        else:
            run_file(arguments[0], arguments[1:])
    except CannotRun as e:
        print("error: {}".format(e), file=sys.stderr)
        return 2
    return 0
