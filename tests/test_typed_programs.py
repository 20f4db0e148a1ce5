"""What a type checker sees of the library: a program of a user that is right, and mistakes that are found."""
import importlib.util
import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = os.path.join(ROOT, "tests", "typed")
FOUND = re.compile(r"(\w+\.py):(\d+): error: .*\[([a-z-]+)\]$")
EXPECTED = re.compile(r"  # ((?:\[[a-z-]+\] ?)+)")


@pytest.fixture(scope="module")
def reported():
    """(file, line, kind of error) for all that `mypy --strict` says of the two programs, as where the library is installed."""
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not there for Python 3.7")
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", "--cache-dir=" + os.devnull,
         "user_program.py", "user_mistakes.py"],
        cwd=PROGRAMS, env=dict(os.environ, MYPYPATH=ROOT), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=400)
    assert run.returncode in (0, 1) and "checked 2 source files" in run.stdout, run.stdout + run.stderr
    matches = filter(None, map(FOUND.match, run.stdout.splitlines()))
    return [(match.group(1), int(match.group(2)), match.group(3)) for match in matches]


@pytest.mark.slow_on(1)
def test_a_program_with_types_is_right(reported):
    assert [error for error in reported if error[0] == "user_program.py"] == []


@pytest.mark.slow_on(1)
def test_mistakes_are_found(reported):
    expected = []
    with open(os.path.join(PROGRAMS, "user_mistakes.py"), encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            kinds = EXPECTED.search(line)
            if kinds:
                expected.extend(("user_mistakes.py", number, kind) for kind in re.findall(r"[a-z-]+", kinds.group(1)))
    assert len(expected) > 30
    assert sorted(error for error in reported if error[0] == "user_mistakes.py") == sorted(expected)


def test_the_program_runs(run_program, tmp_path):
    program = os.path.join(PROGRAMS, "user_program.py")
    status, output = run_program(program, "--steps", "2", "--logdir", tmp_path / "log", folder=ROOT)
    assert status == 0 and output.endswith("(2, 10) 2\n"), output[-3000:]
