"""The code blocks of each tutorial, run one after the other as one program."""
import glob
import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TUTORIALS = sorted(glob.glob(os.path.join(ROOT, "docs", "tutorial", "*.md")))


def test_there_are_tutorials():
    assert TUTORIALS


@pytest.mark.parametrize("path", TUTORIALS, ids=os.path.basename)
def test_code_blocks_run(tmp_path, path):
    with open(path, encoding="utf-8") as f:
        blocks = re.findall(r"```python\n(.*?)```", f.read(), re.S)
    (tmp_path / "tutorial.py").write_text("\n".join(blocks), encoding="utf-8")
    run = subprocess.run([sys.executable, "tutorial.py"], cwd=str(tmp_path), env=dict(os.environ, PYTHONPATH=ROOT),
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert blocks and run.returncode == 0, run.stdout[-3000:]
