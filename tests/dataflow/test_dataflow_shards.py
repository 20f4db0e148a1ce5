"""Flows over sharded files: what all formats promise, and what happens to damaged files, records and columns."""
import os
import pickle
import random
import shutil

import pytest
from shard_files import FORMATS, SIZE, cut, flip

pytest.importorskip("pyarrow")
pytest.importorskip("zarr")

from tensorpack.dataflow import (
    BatchData,
    ConcatData,
    DataFromList,
    FixedSizeData,
    MapData,
    MultiProcessMapDataZMQ,
    MultiProcessRunnerZMQ,
    RandomMixData,
    RepeatedData,
    ResumableData,
    ShardData,
    TarSerializer,
    TFExampleSerializer,
    dataset,
)
from tensorpack.dataflow._formats.files import matching_files
from tensorpack.dataflow.base import Division

every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS.keys())


def started(df):
    df.reset_state()
    return df


def warnings_in(records):
    return [record.getMessage() for record in records if record.levelname == "WARNING"]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Three files of each format: 10, 10 and 4 records."""
    root = tmp_path_factory.mktemp("shards")
    found = {}
    for name, form in FORMATS.items():
        found[name] = [form.write(root / "{}-{:03}".format(name, k), size, 10 * k) for k, size in enumerate((10, 10, 4))]
    return found


@pytest.fixture
def paths(shards, form, tmp_path):
    """Copies that a test may damage."""
    name = next(name for name, each in FORMATS.items() if each is form)
    copies = [str(tmp_path / os.path.basename(path)) for path in shards[name]]
    for path, copy in zip(shards[name], copies):
        (shutil.copytree if os.path.isdir(path) else shutil.copyfile)(path, copy)
    return copies


# ---- reading -----------------------------------------------------------------------------------------------------------


@every_format
class TestPasses:
    def test_order_values_and_length(self, form, paths):
        df = form.read(paths)
        assert len(df) == SIZE
        for _ in range(2):
            assert [form.decode(dp) for dp in df] == [[k, k * 0.5] for k in range(SIZE)]

    def test_a_dict_without_columns(self, form, paths):
        df = form.reader(paths, None, False)
        first = next(iter(df))
        assert set(form.columns) <= set(first)
        assert len([dp for dp in df]) == SIZE

    def test_shuffled_passes_differ_and_have_each_record_once(self, form, paths):
        df = started(form.read(paths, shuffle=True))
        passes = [form.numbers(df) for _ in range(3)]
        assert [sorted(numbers) for numbers in passes] == [list(range(SIZE))] * 3
        assert passes[0] != passes[1] != passes[2] and passes[0] != sorted(passes[0])

    def test_a_pattern_names_the_files(self, form, paths):
        pattern = os.path.join(os.path.dirname(paths[0]), "*")
        assert form.numbers(form.read(pattern)) == list(range(SIZE))

    def test_two_passes_at_once_do_not_disturb_each_other(self, form, paths):
        df = started(form.read(paths, shuffle=True))
        numbers = [int(form.decode(dp)[0]) for pair in zip(df, df) for dp in pair]
        assert sorted(numbers) == sorted(2 * list(range(SIZE)))

    def test_a_resumed_pass_goes_on(self, form, paths):
        def make():
            return ResumableData(form.read(paths, shuffle=True))

        df = started(make())
        datapoints = iter(RepeatedData(df, 2))
        for _ in range(SIZE + 7):
            next(datapoints)
        state = df.state_dict()
        expected = form.numbers(datapoints)
        again = make()
        again.load_state_dict(state)
        assert form.numbers(started(again)) == expected and len(expected) == SIZE - 7

    def test_in_a_worker_process(self, form, paths):
        df = MultiProcessRunnerZMQ(form.read(paths, shuffle=True), 1)
        with df:
            assert sorted(form.numbers(started(df))) == list(range(SIZE))

    def test_records_are_divided_among_the_workers_of_a_strict_map(self, form, paths):
        with MultiProcessMapDataZMQ(form.read(paths, shuffle=True), 2, _same, buffer_size=8, strict=True) as df:
            df.reset_state()
            assert sorted(form.numbers(df)) == list(range(SIZE))

    def test_errors_of_a_function_name_file_and_record(self, form, paths):
        def fail(dp):
            raise KeyError("function") if int(form.decode(dp)[0]) == 12 else dp

        with pytest.raises(Exception) as info:
            list(MapData(form.read(paths), lambda dp: fail(dp) if int(form.decode(dp)[0]) == 12 else dp))
        if hasattr(info.value, "__notes__"):
            assert os.path.basename(paths[1]) in info.value.__notes__[0] and "record " in info.value.__notes__[0]

    def test_nothing_stays_open(self, form, paths):
        iterator = iter(started(form.read(paths, shuffle=True)))
        next(iterator)
        iterator.close()
        opened = [os.path.realpath(os.path.join("/proc/self/fd", fd)) for fd in os.listdir("/proc/self/fd")]
        assert not set(opened) & set(paths)

    def test_a_pickle_is_small_and_reads(self, form, paths):
        data = pickle.dumps(form.read(paths))
        assert len(data) < 10000 and form.numbers(pickle.loads(data)) == list(range(SIZE))


def _same(dp):
    return dp


@pytest.mark.parametrize("name", ["parquet", "arrow", "zarr"])
def test_a_window_holds_so_many_blocks_and_mixes_them(shards, name, monkeypatch):
    form = FORMATS[name]
    df = started(form.read(shards[name], shuffle=True, window=2))
    held, load, release = [], type(df)._load, type(df)._release
    counts = []
    monkeypatch.setattr(type(df), "_load", lambda self, block: (held.append(1), counts.append(len(held)), load(self, block))[2])
    monkeypatch.setattr(type(df), "_release", lambda self, loaded: (held.pop(), release(self, loaded))[1])
    numbers = form.numbers(df)
    assert sorted(numbers) == list(range(SIZE))
    assert max(counts) == 2 and len(counts) == 5, "each of the blocks is loaded once"


# ---- parts -------------------------------------------------------------------------------------------------------------


class TestDivision:
    @pytest.mark.parametrize("equal", [True, False])
    @pytest.mark.parametrize("method", ["of", "span_of"])
    @pytest.mark.parametrize("count, size", [(24, 1), (24, 5), (7, 7), (3, 5), (0, 2)])
    def test_no_number_is_in_two_parts(self, count, size, method, equal):
        parts = [getattr(Division(size, rank, equal), method)(range(count)) for rank in range(size)]
        numbers = [number for part in parts for number in part]
        assert len(set(numbers)) == len(numbers)
        lengths = {len(part) for part in parts}
        if equal:
            assert lengths == {count // size}
        else:
            assert sorted(numbers) == list(range(count)) and max(lengths) - min(lengths) <= 1


@every_format
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("equal", [False, True])
def test_ranks_together_read_each_record_once(form, paths, shuffle, equal):
    parts = [started(ShardData(form.read(paths, shuffle=shuffle), 5, rank, equal=equal)) for rank in range(5)]
    for _ in range(2):
        numbers = [form.numbers(part) for part in parts]
        assert [len(part) for part in parts] == [len(each) for each in numbers]
        flat = sorted(sum(numbers, []))
        assert len(flat) == len(set(flat)) == (20 if equal else SIZE)
        if equal:
            assert {len(each) for each in numbers} == {4}


@every_format
def test_a_rank_reads_only_what_is_its_own(form, paths, monkeypatch):
    df = started(ShardData(form.read(paths), 4, 1))
    record, read = form.reader._record, []
    monkeypatch.setattr(form.reader, "_record", lambda *args: (read.append(1), record(*args))[1])
    assert len(form.numbers(df)) == len(read) == 6


@every_format
def test_more_ranks_than_shards_are_served_and_more_than_records_refused(form, paths):
    parts = [started(ShardData(form.read(paths), SIZE, rank)) for rank in range(SIZE)]
    assert sorted(sum((form.numbers(part) for part in parts), [])) == list(range(SIZE))
    with pytest.raises(ValueError, match="ShardData: there must be a datapoint for each of 25 readers; got 24"):
        ShardData(form.read(paths), SIZE + 1, 0)


class TestShardData:
    def test_parts_of_parts(self):
        base = DataFromList([[k] for k in range(23)], shuffle=True)
        parts = [started(ShardData(ShardData(base, 2, rank), 3, worker, equal=False))
                 for rank in range(2) for worker in range(3)]
        numbers = [[dp[0] for dp in part] for part in parts]
        assert [len(part) for part in parts] == [len(each) for each in numbers] == [4, 4, 3] * 2
        assert sorted(sum(numbers, [])) == list(range(22))

    @pytest.mark.parametrize("make", [
        lambda: dataset.Digits("test"), lambda: dataset.Digits("test", shuffle=False),
    ], ids=["shuffled", "in order"])
    def test_datasets(self, make):
        length = len(make())
        parts = [started(ShardData(make(), 4, rank, equal=False)) for rank in range(4)]
        images = [image.tobytes() for part in parts for image, _ in part]
        assert sorted(images) == sorted(image.tobytes() for image, _ in started(make())) and len(images) == length

    def test_a_flow_that_must_be_read_as_a_whole_is_counted_through(self):
        df = MapData(DataFromList([[k] for k in range(7)], shuffle=False), _same)
        assert [[dp[0] for dp in ShardData(df, 2, rank)] for rank in range(2)] == [[0, 2, 4], [1, 3, 5]]
        assert [[dp[0] for dp in ShardData(df, 2, rank, equal=False)] for rank in range(2)] == [[0, 2, 4, 6], [1, 3, 5]]

    @pytest.mark.parametrize("make", [
        lambda df: MapData(df, _same), lambda df: RandomMixData([df]), lambda df: ConcatData([df]),
    ], ids=["map", "mix", "concat"])
    def test_one_that_differs_between_readers_is_refused(self, make):
        df = make(DataFromList([[k] for k in range(7)], shuffle=True))
        with pytest.raises(ValueError, match="ShardData: the flow must give the same datapoints in the same order"):
            ShardData(df, 2, 0)

    def test_a_class_with_an_iteration_of_its_own_is_read_as_a_whole(self):
        class Doubled(DataFromList):
            def __iter__(self):
                for dp in super().__iter__():
                    yield dp
                    yield dp

            def __len__(self):
                return 2 * super().__len__()

        df = Doubled([[k] for k in range(4)], shuffle=False)
        assert [[dp[0] for dp in ShardData(df, 2, rank)] for rank in range(2)] == [[0, 1, 2, 3]] * 2

    @pytest.mark.parametrize("size, rank, message", [
        (2, 2, "rank must be less than size; got 2 and 2"), (0, 0, "size must be at least 1"),
        (2, -1, "rank must be at least 0"),
    ])
    def test_wrong_numbers(self, size, rank, message):
        with pytest.raises(ValueError, match=message):
            ShardData(DataFromList([[1]] * 5), size, rank)

    def test_it_has_the_older_names_of_iteration_and_length(self):
        part = ShardData(DataFromList([[k] for k in range(7)], shuffle=False), 2, 0)
        assert part.size() == len(part) == 3 and [dp[0] for dp in part.get_data()] == [0, 2, 4]
        assert repr(part).endswith("size=2, rank=0)")

    def test_it_can_be_resumed(self):
        def make():
            return ResumableData(BatchData(ShardData(DataFromList([[k] for k in range(40)]), 2, 1), 3))

        df = started(make())
        datapoints = iter(df)
        next(datapoints), next(datapoints)
        state, expected = df.state_dict(), [dp[0].tolist() for dp in datapoints]
        again = make()
        again.load_state_dict(state)
        assert [dp[0].tolist() for dp in started(again)] == expected


# ---- what is damaged ---------------------------------------------------------------------------------------------------


class TestPaths:
    @pytest.mark.parametrize("path", ["none-*.tar", "none.tar", "a-{000..003}.tar", "no/dir/x"])
    def test_what_matches_nothing_is_an_error_that_names_it(self, tmp_path, path):
        for k in range(3):
            (tmp_path / "a-{:03}.tar".format(k)).write_text("")
        with pytest.raises(FileNotFoundError, match="X: each path must match a file; got '.*(none|a-003|no/dir)"):
            matching_files("X", str(tmp_path / path))

    def test_an_empty_list(self):
        with pytest.raises(FileNotFoundError, match="X: paths must name at least one file; got an empty list"):
            matching_files("X", [])

    @pytest.mark.parametrize("paths, expected", [
        ("{08..11}.x", ["08.x", "09.x", "10.x", "11.x"]),
        ("{a,b}{0..1}.x", ["a0.x", "a1.x", "b0.x", "b1.x"]),
        ("[ab]0.x", ["a0.x", "b0.x"]),
        (["b0.x", "a*.x"], ["b0.x", "a0.x", "a1.x"]),
        (["a0.x", "a*.x", "a0.x"], ["a0.x", "a1.x"]),
        ("{odd}.x", ["{odd}.x"]),
    ])
    def test_patterns(self, tmp_path, monkeypatch, paths, expected):
        monkeypatch.chdir(tmp_path)
        for name in ("08.x", "09.x", "10.x", "11.x", "a0.x", "a1.x", "b0.x", "b1.x", "{odd}.x"):
            (tmp_path / name).write_text("")
        assert matching_files("X", paths) == expected


@every_format
class TestDamage:
    def test_a_foreign_file_is_named_or_left_out(self, form, paths, tmp_path, log_records):
        bad = str(tmp_path / "notes.txt")
        with open(bad, "w") as f:
            f.write("no such file, but text that is long enough to be taken for a header " * 20)
        with pytest.raises(ValueError, match="{}: .*notes.txt cannot be used: ".format(form.reader.__name__)):
            form.read([paths[0], bad])
        df = form.read([paths[0], bad, paths[2]], on_error="skip")
        assert form.numbers(df) == list(range(10)) + list(range(20, 24)) and len(df) == 14
        assert any("Left out 1 of 3 files" in m and "notes.txt" in m for m in warnings_in(log_records))

    def test_an_empty_file(self, form, paths, tmp_path):
        bad = str(tmp_path / "empty")
        open(bad, "w").close()
        if form.suffix == ".tfrecord":  # that is one without records
            assert len(form.read([bad, paths[0]])) == 10
        else:
            with pytest.raises(ValueError, match="empty cannot be used"):
                form.read([bad, paths[0]])
        with pytest.raises(ValueError, match="there must be a record in the files; got none in .*empty"):
            form.read(bad, on_error="skip")

    def test_a_missing_column_is_named_or_left_out(self, form, paths, tmp_path, log_records):
        columns = dict(form.columns, more=()) if isinstance(form.columns, dict) else list(form.columns) + ["more"]
        with pytest.raises(ValueError, match="{}: .*{}.* cannot be used: it must have the (columns|files) .*more".format(
                form.reader.__name__, os.path.basename(paths[0]))):
            form.numbers(form.read(paths, columns=columns))
        try:
            assert form.numbers(form.read(paths, columns=columns, on_error="skip")) == []
        except ValueError as e:
            assert "there must be a record in the files; got none" in str(e)
        assert any("Left out " in m for m in warnings_in(log_records))

    def test_damage_never_hangs_doubles_or_changes_a_record(self, form, paths):
        """Of each file in turn, at random places: what is read is right, whatever is said of the rest."""
        files = [os.path.join(folder, name) for path in paths for folder, _, names in os.walk(path) for name in names] or paths
        rng = random.Random(1)
        for _ in range(12):
            file = rng.choice(files)
            with open(file, "rb") as f:
                content = f.read()
            (cut if rng.random() < 0.5 else flip)(file, rng.randrange(max(1, len(content) - 1)))
            try:
                numbers = form.numbers(form.read(paths, on_error="skip"))
            except ValueError:
                numbers = []
            if form.suffix in (".tfrecord", ".tar"):
                assert len(set(numbers)) == len(numbers)
            with open(file, "wb") as f:
                f.write(content)
        assert form.numbers(form.read(paths)) == list(range(SIZE))

    def test_on_error_is_checked(self, form, paths):
        with pytest.raises(ValueError, match="on_error must be 'raise' or 'skip'; got 'ignore'"):
            form.read(paths, on_error="ignore")


CUTS = {  # format -> (file that is cut, bytes that remain, records that are left)
    "tar": (".tar", 10 * 1024 + 700, "record '000(05|04)' of "),
    "example": (".tfrecord", -7, "record 9 of "),
    "parquet": (".parquet", -20, ""),
    "arrow": (".arrow", -20, ""),
}


@pytest.mark.parametrize("name", sorted(CUTS))
def test_a_file_that_is_cut_off_is_named(shards, tmp_path, log_records, name):
    form, (suffix, size, record) = FORMATS[name], CUTS[name]
    path = str(tmp_path / ("cut" + suffix))
    shutil.copyfile(shards[name][0], path)
    cut(path, size)
    with pytest.raises(ValueError, match="{}: {}.*cut{} cannot be used: ".format(form.reader.__name__, record, suffix)):
        form.numbers(form.read([path]))
    df = form.read([path, shards[name][2]], on_error="skip")
    left = {"tar": list(range(5)), "example": list(range(9))}.get(name, []) + list(range(20, 24))
    assert form.numbers(df) == left and len(df) == len(left)
    assert any("Left out 1 of" in m and "cut" + suffix in m for m in warnings_in(log_records))


@pytest.mark.parametrize("name", ["example", "parquet", "zarr"])
def test_a_damaged_record_is_named_or_left_out_and_counted(shards, tmp_path, log_records, name):
    form = FORMATS[name]
    path = str(tmp_path / ("bad" + form.suffix))
    (shutil.copytree if name == "zarr" else shutil.copyfile)(shards[name][0], path)
    damage(name, path)
    with pytest.raises(ValueError, match="{}: record .* of .*bad{} cannot be used".format(form.reader.__name__, form.suffix)):
        form.numbers(form.read([path]))
    numbers = form.numbers(form.read([path, shards[name][2]], on_error="skip"))
    assert numbers[-4:] == list(range(20, 24)) and 4 < len(numbers) < 14
    assert numbers == sorted(set(numbers))
    lost = 14 - len(numbers)
    assert any("Left out {} of 14 records".format(lost) in m and "bad" + form.suffix in m for m in warnings_in(log_records))


def damage(name, path):
    """One record, or the block in which it is."""
    if name == "example":
        flip(path, 60)
    elif name == "zarr":
        chunks = sorted(os.path.join(folder, file) for folder, _, files in os.walk(os.path.join(path, "x")) for file in files
                        if file in ("0", "1"))
        with open(chunks[0], "wb") as f:
            f.write(b"no chunk")
    else:
        for position in range(4, 24):  # the header of the first page
            flip(path, position)


@every_format
def test_the_second_file_of_another_kind_of_columns(form, paths, tmp_path):
    """A flow with fewer columns among the shards."""
    other = str(tmp_path / "other") + form.suffix
    if form.suffix == ".tar":
        TarSerializer.save(DataFromList([[b"1"]], shuffle=False), other, ["cls"])
    else:
        form.serializer.save(DataFromList([[1]], shuffle=False), other, ["x"])
    with pytest.raises(ValueError, match="other.* cannot be used: it must have the"):
        form.numbers(form.read([paths[0], other]))
    assert form.numbers(form.read([paths[0], other], on_error="skip")) == list(range(10))


# ---- writing -----------------------------------------------------------------------------------------------------------


@every_format
class TestSaving:
    def test_dicts_are_saved_by_their_names(self, form, tmp_path):
        names = list(form.columns)
        df = DataFromList([{names[0]: k, names[1]: 0, "extra": 1} for k in range(3)], shuffle=False)
        path = str(tmp_path / "a") + form.suffix
        form.serializer.save(df, path, names)
        assert [set(dp) - {"__key__"} for dp in form.serializer.load(path, shuffle=False)] == [set(names)] * 3
        assert form.numbers(form.serializer.load(path, form.columns, shuffle=False)) == [0, 1, 2]

    @pytest.mark.parametrize("datapoint", [[1], {"other": 1}, 5], ids=["short", "keys", "int"])
    def test_other_datapoints_are_refused_and_leave_nothing(self, form, tmp_path, datapoint):
        df = DataFromList([[1, 2], [3, 4], datapoint], shuffle=False)
        with pytest.raises(ValueError, match=r"{}.save: .*got datapoint 2".format(form.serializer.__name__)):
            form.serializer.save(df, str(tmp_path / "a"), list(form.columns))
        assert os.listdir(str(tmp_path)) == []

    def test_lists_need_names(self, form, tmp_path):
        with pytest.raises(ValueError, match="dicts, or lists with columns="):
            form.serializer.save(DataFromList([[1, 2]], shuffle=False), str(tmp_path / "a"))


@pytest.mark.parametrize("serializer", [TarSerializer, TFExampleSerializer])
class TestSavingShards:
    def test_each_has_so_many_datapoints(self, serializer, tmp_path):
        df = DataFromList([[k] for k in range(7)], shuffle=False)
        serializer.save(df, str(tmp_path / "a-{:03}"), ["x"], shard_size=3)
        assert sorted(os.listdir(str(tmp_path))) == ["a-000", "a-001", "a-002"]
        got = [dp[0] for dp in serializer.load(str(tmp_path / "a-*"), ["x"], shuffle=False)]
        assert [int(x if isinstance(x, bytes) else x[0]) for x in got] == list(range(7))

    def test_the_path_needs_a_place_for_the_number(self, serializer, tmp_path):
        with pytest.raises(ValueError, match="path must have a place for the number of the shard, as in 'train-{:06}.tar'"):
            serializer.save(FixedSizeData(DataFromList([[1]]), 1), str(tmp_path / "a"), ["x"], shard_size=3)
