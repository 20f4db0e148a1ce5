"""Counts and sizes: every flow takes whole floats, as scripts compute them, and refuses others by the argument's name."""
import time

import numpy as np
import pytest
from parallel_flows import Count, Noting, double

from tensorpack.dataflow import (
    BatchData,
    BatchDataByShape,
    FakeData,
    FixedSizeData,
    ImageFromFile,
    LMDBSerializer,
    LocallyShuffleData,
    MultiProcessMapAndBatchData,
    MultiProcessMapData,
    MultiProcessRunner,
    MultiProcessRunnerZMQ,
    MultiThreadMapData,
    MultiThreadRunner,
    PrintData,
    RemoteDataZMQ,
    RepeatedData,
    RepeatedDataPoint,
    ResumableData,
    TestDataSpeed,
    TFRecordSerializer,
    check_dataflow,
    send_dataflow_zmq,
)
from tensorpack.dataflow.parallel_map import MultiProcessMapDataComponentSharedArray
from tensorpack.dataflow.remote import dump_dataflow_to_process_queue

DS = Count(40)


def shared(nr_proc=1, output_shape=(3,)):
    return MultiProcessMapDataComponentSharedArray(DS, nr_proc, double, output_shape, "float32")


# what is made of one number, by the argument's name; 0 marks those that take 0
NUMBERS = [
    ("batch_size", lambda n: BatchData(DS, n)), ("batch_size", lambda n: BatchDataByShape(DS, n, 0)),
    ("num", lambda n: RepeatedDataPoint(DS, n)),
    ("size 0", lambda n: FixedSizeData(DS, n)), ("buffer_size", lambda n: LocallyShuffleData(DS, n)),
    ("num_reuse", lambda n: LocallyShuffleData(DS, 9, n)), ("shuffle_interval", lambda n: LocallyShuffleData(DS, 9, 1, n)),
    ("size 0", lambda n: TestDataSpeed(DS, n)), ("warmup 0", lambda n: TestDataSpeed(DS, 4, n)),
    ("num 0", lambda n: PrintData(DS, n)), ("max_depth 0", lambda n: PrintData(DS, 1, max_depth=n)),
    ("max_list 0", lambda n: PrintData(DS, 1, max_list=n)),
    ("size 0", lambda n: FakeData([[2]], n)), ("shapes 0", lambda n: FakeData([[2, n]], 3)),
    ("num_proc", lambda n: MultiProcessRunnerZMQ(DS, n)), ("hwm 0", lambda n: MultiProcessRunnerZMQ(DS, 1, n)),
    ("num_proc", lambda n: MultiProcessRunner(DS, 3, n)), ("num_prefetch", lambda n: MultiProcessRunner(DS, n, 1)),
    ("num_thread", lambda n: MultiThreadRunner(lambda: DS, 3, n)),
    ("num_prefetch", lambda n: MultiThreadRunner(lambda: DS, n, 1)),
    ("num_proc", lambda n: MultiProcessMapData(DS, n, double)),
    ("buffer_size", lambda n: MultiProcessMapData(DS, 1, double, buffer_size=n)),
    ("num_thread", lambda n: MultiThreadMapData(DS, n, double)),
    ("buffer_size", lambda n: MultiThreadMapData(DS, 1, double, buffer_size=n)),
    ("num_proc", lambda n: MultiProcessMapAndBatchData(DS, n, double, 2)),
    ("batch_size", lambda n: MultiProcessMapAndBatchData(DS, 1, double, n)),
    ("buffer_size", lambda n: MultiProcessMapAndBatchData(DS, 1, double, 1, n)),
    ("nr_proc", lambda n: shared(n)), ("output_shape 0", lambda n: shared(output_shape=(n,))),
    ("hwm 0", lambda n: RemoteDataZMQ("ipc://nowhere", hwm=n)),
    ("resize", lambda n: ImageFromFile(["x.png"], resize=n)), ("resize", lambda n: ImageFromFile(["x.png"], resize=(3, n))),
]
BY_NAME = [pytest.param(name.split()[0], "0" in name, make, id="{} {}".format(name.split()[0], k))
           for k, (name, make) in enumerate(NUMBERS)]


@pytest.mark.parametrize("name, takes_zero, make", BY_NAME)
@pytest.mark.parametrize("number", [4.0, np.float32(4), np.int64(4)], ids=["float", "float32", "int64"])
def test_whole_floats_and_numbers_of_numpy_are_taken(name, takes_zero, make, number):
    assert repr(make(number)) == repr(make(4))


@pytest.mark.parametrize("name, takes_zero, make", BY_NAME)
def test_others_are_refused_by_name(name, takes_zero, make):
    with pytest.raises(ValueError, match="{} must be a whole number; got 2.5".format(name)):
        make(2.5)
    with pytest.raises(TypeError, match="{} must be a whole number; got '4'".format(name)):
        make("4")
    with pytest.raises(ValueError, match="{} must be at least {}; got -1".format(name, 0 if takes_zero else 1)):
        make(-1)
    if takes_zero:
        make(0)
    else:
        with pytest.raises(ValueError, match="{} must be at least 1; got 0".format(name)):
            make(0)


def test_numbers_of_passes_may_be_negative():
    assert RepeatedData(DS, -1.0).num == -1
    with pytest.raises(ValueError, match="RepeatedData: num must be a whole number; got 0.5"):
        RepeatedData(DS, 0.5)


@pytest.mark.parametrize("name, call", [
    ("write_frequency", lambda n, path: LMDBSerializer.save(DS, path, n)),
    ("hwm", lambda n, path: send_dataflow_zmq(DS, "ipc://" + path, hwm=n)),
    ("size", lambda n, path: TFRecordSerializer.load(path, n)), ("size", lambda n, path: check_dataflow(DS, size=n)),
    ("size", lambda n, path: dump_dataflow_to_process_queue(DS, n, 1)),
    ("nr_consumer", lambda n, path: dump_dataflow_to_process_queue(DS, 3, n)),
    ("position", lambda n, path: started(ResumableData(DS)).state_dict(position=n)),
], ids=lambda v: v if isinstance(v, str) else "")
def test_functions_refuse_what_is_no_number_before_they_begin(name, call, tmp_path):
    with pytest.raises(ValueError, match="{} must be a whole number; got 2.5".format(name)):
        call(2.5, str(tmp_path / "file"))
    assert not list(tmp_path.iterdir())


def started(df):
    df.reset_state()
    return df


def test_whole_floats_work():
    df = started(BatchData(RepeatedData(Count(4), 3.0), 12 / 3))
    assert [dp[0].tolist() for dp in df] == [[0, 1, 2, 3]] * 3
    with MultiProcessMapData(Count(9), 2.0, double, buffer_size=4.0, strict=True) as df:
        df.reset_state()
        assert sorted(dp[0] for dp in df) == list(range(0, 18, 2))


def test_hwm_0_is_no_limit_but_that_of_the_connection(tmp_path):
    made = tmp_path / "made"
    with MultiProcessRunnerZMQ(Noting(str(made), (300, 300)), 1, hwm=0) as df:
        df.reset_state()
        iterator = iter(df)
        assert [int(next(iterator)[0][0, 0]) for _ in range(300)] == [k % 100 for k in range(300)]
        deadline = time.time() + 30
        while len(made.read_text()) < 400:  # 51 more would be the default
            assert time.time() < deadline
            time.sleep(0.02)
        counts = [0, 1]
        while counts[-1] != counts[-2]:
            assert time.time() < deadline
            time.sleep(0.3)
            counts.append(len(made.read_text()))
        assert counts[-1] < 3000
