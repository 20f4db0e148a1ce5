"""Key files, and what is derived from them."""
import os

import pytest

from tensorpack.utils._wire.keys import Key, find_key, load_key, make_key

zmq = pytest.importorskip("zmq")

# HMAC-SHA256 of "a" with a key of 32 zero bytes: keys of one release must serve with another
DERIVED = "9615a95d4a336118c435b9cd54c5e8644ab956b573aa2926274a1280b6674713"


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "key")
    make_key(path)
    return path


def test_a_new_key_is_its_owners_alone_and_like_no_other(path):
    old = os.umask(0)
    try:
        make_key(path + "2")
    finally:
        os.umask(old)
    assert os.stat(path).st_mode & 0o777 == os.stat(path + "2").st_mode & 0o777 == 0o600
    assert load_key(path) == load_key(path) != load_key(path + "2")
    with pytest.raises(FileExistsError):
        make_key(path)


def test_a_key_does_not_show_itself(path):
    key = load_key(path)
    assert repr(key) == str(key) == "Key(...)" and len(key.secret) == 32


def test_what_is_derived_differs_by_purpose_and_is_the_same_everywhere():
    key = Key(bytes(32))
    assert key.derive("a") != key.derive("b") != Key(b"1" * 32).derive("b")
    assert key.derive("a").hex() == DERIVED
    server, client = key.curve_pair("server"), key.curve_pair("client")
    assert server == key.curve_pair("server") and len(set(server + client)) == 4
    assert zmq.curve_public(server[1]) == server[0]


@pytest.mark.parametrize("content", [b"", b"secret", b"tensorpack-key-1:abc", b"tensorpack-key-2:" + b"0" * 64, bytes(200),
    b"\xff" * 500])
def test_other_files_are_no_keys(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match="file: must be a file of tensorpack-make-key"):
        load_key(str(tmp_path / "file"))


def test_a_key_that_others_can_read_is_said(path, log_records):
    os.chmod(path, 0o644)
    load_key(path)
    assert any("can be read by other users" in record.getMessage() for record in log_records)


def test_where_a_key_is_looked_for(path, monkeypatch):
    monkeypatch.delenv("TENSORPACK_KEY", raising=False)
    assert find_key(None) is None and find_key(path) == load_key(path)
    monkeypatch.setenv("TENSORPACK_KEY", path)
    assert find_key(None) == load_key(path)
    with pytest.raises(FileNotFoundError, match="there is no key file, which tensorpack-make-key makes: '.*nothing'"):
        find_key(path + "nothing")
