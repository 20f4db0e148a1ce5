"""Running programs by `python -m tensorpack.tf1`, or their code in this process."""
import builtins

import pytest
from program_files import write

from tensorpack.tf1._run import lost
from tensorpack.tf1._run.rewriting import HELPER
from tensorpack.tf1._run.source import code_of


@pytest.fixture
def run_tf1(run_program, tmp_path):
    """`run_tf1({"train.py": text}, "train.py", "--argument")`: what the program writes; it must end in time with `status`."""
    def run(files, *arguments, status=0, **settings):
        write(tmp_path, files)
        got, output = run_program("-m", "tensorpack.tf1", *arguments, folder=tmp_path, timeout=200, **settings)
        assert got == status, output[-5000:]
        return output

    return run


@pytest.fixture
def run_here(monkeypatch):
    """`run_here(text, name=value)`: the names that a program binds beside those that it gets."""
    monkeypatch.setattr(builtins, HELPER, lost, raising=False)

    def run(text, **names):
        exec(code_of(text.encode(), "program.py"), names)
        return names

    return run
