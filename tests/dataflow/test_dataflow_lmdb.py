"""Errors of LMDB itself come with the file and what to do: a file open elsewhere, before and after a fork, and odd files."""
import os
import pickle
import re

import lmdb
import pytest

from tensorpack.dataflow import DataFromList, LMDBData, LMDBSerializer
from tensorpack.dataflow._formats.lmdb import new_database


@pytest.fixture
def path(tmp_path):
    LMDBSerializer.save(DataFromList([[k] for k in range(5)], shuffle=False), str(tmp_path / "a.lmdb"))
    return str(tmp_path / "a.lmdb")


def read(path):
    df = LMDBSerializer.load(path, shuffle=False)
    df.reset_state()
    return [dp for dp in df]


def in_forked_child(function, *args):
    """What it returns, or the exception that it raises."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            result = function(*args)
        except BaseException as e:
            result = type(e).__name__, str(e)
        os.write(writer, pickle.dumps(result))
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as f:
        result = pickle.loads(f.read())
    os.waitpid(pid, 0)
    return result


def assert_matches(text, pattern):
    assert re.search(pattern, text), text


WHOLE = [[k] for k in range(5)]
ELSEWHERE = r"LMDB: .*a\.lmdb must not be open elsewhere in this process.*forked.*close\(\)"


def test_a_file_that_is_open_elsewhere(path):
    with lmdb.open(path, subdir=False, readonly=True, lock=False):
        try:
            assert read(path) == WHOLE  # so old versions of lmdb
        except RuntimeError as e:
            assert_matches(str(e), ELSEWHERE)
    assert read(path) == WHOLE


def test_a_file_that_was_open_elsewhere_before_a_fork(path):
    environment = lmdb.open(path, subdir=False, readonly=True, lock=False)
    result = in_forked_child(read, path)
    if result != WHOLE:
        assert result[0] == "RuntimeError"
        assert_matches(result[1], ELSEWHERE)
    environment.close()
    assert read(path) == WHOLE


def test_what_the_message_says_helps_after_a_fork(path):
    environment = lmdb.open(path, subdir=False, readonly=True, lock=False)

    def close_and_read():
        environment.close()
        return read(path)

    assert in_forked_child(close_and_read) == WHOLE
    environment.close()


def test_an_iteration_does_not_go_on_in_a_child(path):
    df = LMDBSerializer.load(path, shuffle=False)
    df.reset_state()
    iterator = iter(df)
    assert next(iterator) == [0]
    kind, text = in_forked_child(next, iterator)
    assert kind == "RuntimeError"
    assert_matches(text, r"LMDB: .*a\.lmdb must be read in the process that began the pass.*begin another pass")
    assert [dp for dp in iterator] == WHOLE[1:]


def make_empty(path):
    open(path, "wb").close()


def make_other(path):
    with open(path, "wb") as f:
        f.write(b"x" * 20000)


@pytest.mark.parametrize("make", [make_empty, make_other])
def test_files_of_other_kinds(tmp_path, make):
    path = str(tmp_path / "b.lmdb")
    make(path)
    with pytest.raises(ValueError, match=r"LMDB: .*b\.lmdb must be a database of LMDB; got "):
        LMDBData(path)


@pytest.mark.parametrize("key", [b"", b"x" * 600])
def test_keys_that_lmdb_cannot_hold(tmp_path, path, key):
    df = LMDBData(path, keys=[key])
    df.reset_state()
    with pytest.raises((ValueError, KeyError), match=r"must (have 1 to \d+ bytes|be in the database)"):
        next(iter(df))
    with pytest.raises(ValueError, match=r"LMDB: keys must have 1 to 511 bytes; got {}".format(len(key))):
        with new_database(str(tmp_path / "new.lmdb")) as database:
            database.put(key, b"value")
