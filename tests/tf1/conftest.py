"""Running programs by `python -m tensorpack.tf1`."""
import pytest
from program_files import write


@pytest.fixture
def run_tf1(run_program, tmp_path):
    """`run_tf1({"train.py": text}, "train.py", "--argument")`: what the program writes; it must end in time with `status`."""
    def run(files, *arguments, status=0, **settings):
        write(tmp_path, files)
        got, output = run_program("-m", "tensorpack.tf1", *arguments, folder=tmp_path, timeout=200, **settings)
        assert got == status, output[-5000:]
        return output

    return run
