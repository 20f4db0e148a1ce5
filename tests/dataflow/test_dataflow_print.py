"""Flows that look at others: PrintData and TestDataSpeed."""
import re
import time

import numpy as np
import pytest

from tensorpack.dataflow import (
    BatchData,
    CacheData,
    DataFromList,
    MapData,
    MultiProcessRunnerZMQ,
    PrintData,
    TestDataSpeed,
)


def flow(*datapoints):
    return DataFromList(list(datapoints), shuffle=False)


def printed(capsys, df):
    got = [dp for dp in df]
    return got, re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()


DP = [
    np.array([[1.5, -2.0]], "float32"),
    7,
    "text",
    [1, (2.5, None), "c", "d"],
    np.float32(1.5),
    None,
    np.zeros((0, 3), "uint8"),
    {"nested": 1},
    np.array(["a"]),
    b"raw",
    True,
]


class TestPrintData:
    def test_prints_type_shape_range_and_value(self, capsys):
        got, lines = printed(capsys, PrintData(flow(DP, DP)))
        assert got[0] is DP and len(got) == 2
        assert lines == [
            "datapoint 1/1 with 11 components consists of",
            "  0: ndarray:float32 of shape (1, 2) in range [-2.0, 1.5]",
            "  1: int with value 7",
            "  2: str with value text",
            "  3: list of len 4",
            "    0: int with value 1",
            "    1: tuple of len 2",
            "      0: float with value 2.5",
            "      1: NoneType",
            "    2: str with value c",
            "    ...",
            "  4: float32 with value 1.5",
            "  5: NoneType",
            "  6: ndarray:uint8 of shape (0, 3)",
            "  7: dict",
            "  8: ndarray:<U1 of shape (1,)",
            "  9: bytes with value b'raw'",
            "  10: bool with value True",
        ]

    @pytest.mark.parametrize("name, heading", [(None, "Contents of DataFlow:"), ("train", "Contents of DataFlow (train):")])
    def test_heading_is_logged(self, log_records, name, heading):
        list(PrintData(flow([1], [2]), num=2, name=name))
        assert [re.sub(r"\x1b\[[0-9;]*m", "", record.getMessage()) for record in log_records] == [heading]

    def test_num_counts_over_passes_until_reset(self, capsys, log_records):
        df = PrintData(flow([1], [2], [3]), num=2)
        heads = ["datapoint 1/2 with 1 components consists of", "datapoint 2/2 with 1 components consists of"]
        assert [line for line in printed(capsys, df)[1] if "datapoint" in line] == heads
        assert printed(capsys, df)[1] == []
        df.reset_state()
        assert [line for line in printed(capsys, df)[1] if "datapoint" in line] == heads
        assert len(log_records) == 2

    def test_num_zero_prints_and_logs_nothing(self, capsys, log_records):
        got, lines = printed(capsys, PrintData(flow([1], [2]), num=0))
        assert (got, lines, log_records) == ([[1], [2]], [], [])

    def test_dict_datapoints_print_their_keys(self, capsys):
        assert printed(capsys, PrintData(flow({"img": 1})))[1][1:] == ["  img: int with value 1"]

    def test_depth_and_list_limits(self, capsys):
        lines = printed(capsys, PrintData(flow([[[1], [2]], 3]), max_depth=2, max_list=1))[1]
        assert lines[1:] == ["  0: list of len 2", "    0: list of len 1", "      ...", "    ...", "  1: int with value 3"]

    def test_a_datapoint_of_another_kind_is_named(self, capsys):
        assert printed(capsys, PrintData(flow(3)))[1] == ["datapoint 1/1 is no list, tuple or dict, but int with value 3"]

    def test_length_is_that_of_the_flow(self):
        assert len(PrintData(flow([1], [2]))) == 2


class CountsResets(DataFromList):
    def __init__(self, size):
        super().__init__([[k] for k in range(size)], shuffle=False)
        self.resets = 0
        self.taken = 0

    def reset_state(self):
        super().reset_state()
        self.resets += 1

    def __iter__(self):
        for dp in super().__iter__():
            self.taken += 1
            yield dp


class TestTestDataSpeed:
    def test_is_not_collected_by_pytest(self):
        assert TestDataSpeed.__test__ is False

    def test_start_takes_warmup_and_size_under_two_bars(self, capsys):
        ds = CountsResets(10)
        TestDataSpeed(ds, size=4, warmup=3).start()
        assert (ds.resets, ds.taken) == (1, 7)
        bars = capsys.readouterr().err
        assert "3/3" in bars and "4/4" in bars

    def test_start_does_not_reset_again(self):
        ds = CountsResets(10)
        df = TestDataSpeed(ds, size=2)
        df.reset_state()
        df.start()
        assert ds.resets == 1

    def test_ends_early_with_the_flow(self, capsys):
        ds = CountsResets(5)
        TestDataSpeed(ds, size=100).start()
        assert ds.taken == 5
        assert "5/100" in capsys.readouterr().err

    def test_the_flow_must_survive_the_warmup(self):
        with pytest.raises(ValueError, match="TestDataSpeed: .*must not end during the warm-up; it ended after 5 of 6"):
            TestDataSpeed(CountsResets(5), warmup=6).start()

    def test_iterating_measures_first_and_then_yields_a_fresh_pass(self):
        ds = CountsResets(5)
        df = TestDataSpeed(CacheData(ds), size=3, warmup=1)
        assert [dp for dp in df] == [[0], [1], [2], [3], [4]]
        assert ds.taken == 9
        assert (df.test_size, df.warmup, len(df)) == (3, 1, 5)


class Sleepy(DataFromList):
    def __iter__(self):
        for dp in super().__iter__():
            time.sleep(0.002)
            yield dp


def compute(dp):
    end = time.thread_time() + 0.004
    while time.thread_time() < end:
        pass
    return dp


class TestStages:
    def flow(self):
        return BatchData(MapData(Sleepy([[k] for k in range(40)], shuffle=False), compute), 4)

    def test_the_table_tells_which_flow_takes_the_time(self, log_records):
        df = TestDataSpeed(self.flow(), size=8, warmup=1)
        df.start()
        batch, mapped, source = df.stages
        assert [(s.name, s.depth, s.datapoints) for s in df.stages] == [
            ("BatchData", 0, 8), ("MapData", 1, 32), ("Sleepy", 2, 32)]
        assert mapped.cpu >= 32 * 0.004 and source.wait >= 32 * 0.002
        assert batch.cpu < mapped.cpu and source.cpu < mapped.cpu
        lines = [r.getMessage() for r in log_records if "CPU ms" in r.getMessage()][0].splitlines()
        assert [line.split()[0] for line in lines[1:]] == ["flow", "BatchData", "MapData", "Sleepy"]
        assert sum(float(line.split()[-1].rstrip("%")) for line in lines[2:]) == pytest.approx(100, abs=2)

    def test_flows_are_what_they_were_afterwards(self):
        ds = self.flow()
        TestDataSpeed(ds, size=100).start()
        assert (type(ds), type(ds.ds), type(ds.ds.ds)) == (BatchData, MapData, Sleepy)
        with pytest.raises(ValueError):
            TestDataSpeed(ds, size=1, warmup=100).start()
        assert type(ds.ds) is MapData

    @pytest.mark.parametrize("start_method", ["fork", "spawn"])
    def test_flows_in_other_processes_are_said_to_be_there(self, start_method, log_records):
        inner = BatchData(DataFromList([[k] for k in range(8)], shuffle=False), 2)
        with MultiProcessRunnerZMQ(inner, 1, start_method=start_method) as ds:
            df = TestDataSpeed(ds, size=4)
            df.start()
            assert [(s.name, s.datapoints) for s in df.stages] == [
                ("MultiProcessRunnerZMQ", 4), ("BatchData", 0), ("DataFromList", 0)]
        assert any("in other processes" in r.getMessage() for r in log_records)

    def test_a_picture_is_written(self, tmp_path):
        pytest.importorskip("matplotlib")
        path = str(tmp_path / "speed.png")
        TestDataSpeed(self.flow(), size=2, plot=path).start()
        with open(path, "rb") as f:
            assert f.read(4) == b"\x89PNG"
