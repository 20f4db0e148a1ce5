"""tensorpack-data-speed: a DataFlow of the user's, measured part by part."""
import subprocess
import sys

import pytest

from tensorpack._cli.data_speed import main

FLOWS = """
import time

from speed_neighbour import COUNT
from tensorpack.dataflow import BatchData, DataFromList, MapData


def slow(dp):
    time.sleep(0.001)
    return dp


def make():
    return BatchData(MapData(DataFromList([[k] for k in range(COUNT)]), slow), 5)


flow, number = make(), 3


def needs(x):
    return x
"""


@pytest.fixture(autouse=True)
def user_code(tmp_path, monkeypatch):
    (tmp_path / "speed_flows.py").write_text(FLOWS)
    (tmp_path / "speed_neighbour.py").write_text("COUNT = 20\n")
    (tmp_path / "speed_broken.py").write_text("\nSIZE = int('nine')\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("speed_flows", "_given_speed_flows", "speed_neighbour", "speed_broken"):
        sys.modules.pop(name, None)
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize("flow", ["speed_flows.py:make", "speed_flows:make", "speed_flows.py:flow"])
def test_the_table_tells_which_flow_takes_the_time(flow, capsys):
    assert main([flow, "--size", "3", "--warmup", "1"]) == 0
    head, batch, mapped, source = capsys.readouterr().out.splitlines()
    assert head.split() == ["flow", "datapoints", "CPU", "ms", "wait", "ms", "share"]
    assert [line.split()[:2] for line in (batch, mapped, source)] == [
        ["BatchData", "3"], ["MapData", "15"], ["DataFromList", "15"]]
    assert float(mapped.split()[3]) >= 5  # five sleeps of a millisecond


@pytest.mark.parametrize("ending, begin", [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_table_is_drawn(ending, begin, user_code, capsys):
    pytest.importorskip("matplotlib")
    assert main(["speed_flows.py:make", "--plot", "speed." + ending]) == 0
    assert (user_code / ("speed." + ending)).read_bytes().startswith(begin)
    assert "BatchData" in capsys.readouterr().out


MISTAKES = {
    "no file": (["missing.py:make"], "missing.py: must be an existing Python file"),
    "no module": (["missing_module:make"], "there must be a module 'missing_module'"),
    "no name": (["speed_flows.py:mke"], "must define 'mke'; got no such name; did you mean 'make'?"),
    "no flow": (["speed_flows.py:number"], "speed_flows:number must be a DataFlow, or return one; got 3"),
    "arguments": (["speed_flows.py:needs"], "speed_flows:needs must be callable without arguments"),
    "broken": (["speed_broken.py:make"], "ValueError: invalid literal for int()"),
    "no folder": (["speed_flows.py:make", "--plot", "nowhere/speed.png"], "existing folder; got none called nowhere"),
    "long warm-up": (["speed_flows.py:make", "--warmup", "100"], "must not end during the warm-up; it ended after 4 of 100"),
}


@pytest.mark.parametrize("argv, words", list(MISTAKES.values()), ids=list(MISTAKES))
def test_a_mistake_is_one_line(argv, words, capsys):
    assert main(argv) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ") and words in last


@pytest.mark.parametrize("argv", [["make"], ["speed_flows.py:"], ["speed_flows.py:make", "--size", "-1"],
                                  ["speed_flows.py:make", "--warmup", "few"]])
def test_wrong_usage(argv, capsys):
    with pytest.raises(SystemExit) as e:
        main(argv)
    assert e.value.code == 2 and "must be" in capsys.readouterr().err


def test_measuring_needs_no_tensorflow(user_code):
    (user_code / "tensorflow.py").write_text("raise RuntimeError('TensorFlow was imported')")
    code = "import sys; from tensorpack._cli.data_speed import main; sys.exit(main(['speed_flows.py:make']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8",
                          timeout=120)
    assert done.returncode == 0, done.stderr
    assert "DataFromList" in done.stdout
