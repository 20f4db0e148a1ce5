"""utils.logger: line formats, the log file, and what happens to a directory that holds files already."""
import logging
import os
import pty
import re
import select
import subprocess
import sys

import pytest

from tensorpack.utils import logger

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as f:
        return f.read()


def used_directory(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    (path / "old.txt").write_text("old")
    return str(path)


def environment(**extra):
    env = dict(os.environ, PYTHONPATH=ROOT, **extra)
    if "TENSORPACK_LOGDIR_ACTION" not in extra:
        env.pop("TENSORPACK_LOGDIR_ACTION", None)
    return env


@pytest.fixture(autouse=True)
def no_choice_in_environment(monkeypatch):
    monkeypatch.delenv("TENSORPACK_LOGDIR_ACTION", raising=False)


LEVELS = [("info", ""), ("warning", "WRN "), ("warn", "WRN "), ("error", "ERR "), ("critical", "ERR ")]


@pytest.mark.parametrize("name,mark", LEVELS, ids=[name for name, _ in LEVELS])
def test_file_line_has_time_caller_and_mark(log_dir, name, mark):
    getattr(logger, name)("value %d", 7)
    line = read(log_dir, "log.log").splitlines()[-1]
    assert re.match(r"^\[\d{4} \d\d:\d\d:\d\d @test_utils_logger\.py:\d+\] " + mark + "value 7$", line), line


def test_debug_is_shown_from_its_level_on(log_dir):
    logger.debug("hidden")
    logger.setLevel(logging.DEBUG)
    try:
        logger.debug("shown")
    finally:
        logger.setLevel(logging.INFO)
    text = read(log_dir, "log.log")
    assert "hidden" not in text
    assert text.splitlines()[-1].endswith("] DBG shown")


def test_exception_appends_the_traceback(log_dir):
    try:
        raise KeyError("lost")
    except KeyError:
        logger.exception("it failed")
    text = read(log_dir, "log.log")
    assert "ERR it failed" in text and "KeyError: 'lost'" in text


def test_add_filter_drops_records(log_dir):
    def no_secrets(record):
        return "secret" not in record.getMessage()

    logger.addFilter(no_secrets)
    try:
        logger.info("a secret")
        logger.info("a fact")
    finally:
        logger._logger.removeFilter(no_secrets)
    text = read(log_dir, "log.log")
    assert "a fact" in text and "secret" not in text


def test_file_has_no_escapes_where_the_console_has_colours(tmp_path):
    code = ("from tensorpack.utils import logger; logger.set_logger_dir({!r});"
            "logger.warning('\\x1b[31mred\\x1b[0m word')").format(str(tmp_path / "run"))
    out = subprocess.check_output([sys.executable, "-c", code], env=environment(FORCE_COLOR="1"))
    assert b"\x1b[32m[" in out  # the bracket is green
    text = read(str(tmp_path / "run"), "log.log")
    assert "\x1b" not in text
    assert text.splitlines()[-1].endswith("WRN red word")


def test_logs_to_stdout_without_propagation():
    code = ("import logging; logging.basicConfig(format='ROOT %(message)s');"
            "from tensorpack.utils import logger; logger.info('hello')")
    result = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=True)
    assert result.stdout.decode().endswith("] hello\n")
    assert result.stderr == b""


def test_first_line_is_argv(log_dir):
    assert read(log_dir, "log.log").splitlines()[0].endswith("] Argv: " + " ".join(sys.argv))


def test_directory_is_normalized_and_reported(tmp_path):
    assert logger.get_logger_dir() is None
    logger.set_logger_dir(str(tmp_path) + "/a/../b//c")
    assert logger.get_logger_dir() == str(tmp_path / "b" / "c")
    assert os.path.isfile(str(tmp_path / "b" / "c" / "log.log"))


def test_second_directory_takes_over_and_the_first_file_is_closed(tmp_path):
    logger.set_logger_dir(str(tmp_path / "one"))
    first = logger._FILE_HANDLER
    logger.set_logger_dir(str(tmp_path / "two"))
    logger.info("late")
    assert "late" not in read(str(tmp_path), "one", "log.log")
    assert "late" in read(str(tmp_path), "two", "log.log")
    assert first.stream is None or first.stream.closed
    assert first not in logger._logger.handlers


def test_keep_renames_the_log_without_collision_within_a_second(tmp_path):
    path = str(tmp_path / "run")
    for i in range(4):
        logger.set_logger_dir(path, action="k")
        logger.info("run number %d", i)
    texts = [read(path, name) for name in os.listdir(path)]
    backups = [name for name in os.listdir(path) if name != "log.log"]
    assert len(backups) == 3 and all(re.match(r"^log\.log\.\d{4}-\d{6}(-\d)?$", name) for name in backups), backups
    for i in range(4):
        assert sum("run number {}".format(i) in text for text in texts) == 1


def test_keep_leaves_the_files(tmp_path):
    path = used_directory(tmp_path)
    logger.set_logger_dir(path, action=" K ")
    assert sorted(os.listdir(path)) == ["log.log", "old.txt"]


@pytest.mark.parametrize("log", ["log.log", "log.log.0203-040506"])
def test_delete_empties_the_directory(tmp_path, log):
    path = used_directory(tmp_path)
    with open(os.path.join(path, log), "w") as f:
        f.write("of an earlier run")
    logger.set_logger_dir(path, action="d")
    assert os.listdir(path) == ["log.log"] and os.listdir(str(tmp_path)) == [os.path.basename(path)]


def test_delete_renames_a_directory_that_no_run_has_logged_to(tmp_path, log_records):
    path = used_directory(tmp_path)
    logger.set_logger_dir(path, action="d")
    assert os.listdir(path) == ["log.log"]
    renamed, = [name for name in os.listdir(str(tmp_path)) if name != os.path.basename(path)]
    assert os.listdir(os.path.join(str(tmp_path), renamed)) == ["old.txt"]
    assert "{} holds files, but not the log.log of a run, and so it is renamed, not deleted.".format(path) in [
        record.getMessage() for record in log_records if record.levelname == "WARNING"]


@pytest.mark.parametrize("argument", ["{}/model-10", "--load={}/model-10", "{}/notes.txt"],
                         ids=["checkpoint", "option", "file"])
def test_delete_refuses_a_directory_with_a_file_that_the_command_line_names(tmp_path, monkeypatch, argument):
    directory = tmp_path / "log"
    directory.mkdir()
    for name in ("model-10.index", "notes.txt"):
        (directory / name).write_text("kept")
    monkeypatch.setattr(sys, "argv", ["train.py", "--logdir", str(directory), argument.format(directory)])
    with pytest.raises(OSError, match="which the command line names"):
        logger.set_logger_dir(str(directory), action="d")
    assert len(list(directory.iterdir())) == 2


def test_delete_refuses_the_working_directory(tmp_path, monkeypatch):
    path = used_directory(tmp_path)
    monkeypatch.chdir(path)
    for dirname in (".", "..", path):
        with pytest.raises(OSError, match="working directory"):
            logger.set_logger_dir(dirname, action="d")
    assert os.path.exists(os.path.join(path, "old.txt"))
    assert logger.get_logger_dir() is None


def test_backup_renames_the_old_directory_each_time(tmp_path):
    path = used_directory(tmp_path)
    logger.set_logger_dir(path, action="b")
    logger.set_logger_dir(path, action="b")
    logger.set_logger_dir(path, action="b")
    names = sorted(os.listdir(str(tmp_path)))
    assert len(names) == 4 and names[0] == "run"
    assert all(re.match(r"^run\d{4}-\d{6}(-\d)?$", name) for name in names[1:]), names
    assert os.listdir(path) == ["log.log"]
    assert sum("old.txt" in os.listdir(str(tmp_path / name)) for name in names) == 1


def test_new_uses_a_new_directory_each_time(tmp_path):
    path = used_directory(tmp_path)
    seen = set()
    for _ in range(3):
        logger.set_logger_dir(path, action="n")
        seen.add(logger.get_logger_dir())
    assert len(seen) == 3
    assert all(re.match(r"^run\d{4}-\d{6}(-\d)?$", os.path.basename(p)) for p in seen)
    assert all(os.path.isfile(os.path.join(p, "log.log")) for p in seen)
    assert os.listdir(path) == ["old.txt"]


@pytest.mark.parametrize("action", ["delete", "q", " ", 1])
@pytest.mark.parametrize("name", ["new", "empty", "full", "gs://bucket/dir"])
def test_a_wrong_action_is_told_whatever_the_directory_holds(tmp_path, log_dir, monkeypatch, name, action):
    before = logger.get_logger_dir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("old")
    path = name if "://" in name else str(tmp_path / name)
    with pytest.raises(OSError, match="action must be one of k \\(keep.*got {!r}".format(action)):
        logger.set_logger_dir(path, action=action)
    if isinstance(action, str) and action.strip():
        monkeypatch.setenv("TENSORPACK_LOGDIR_ACTION", action)
        with pytest.raises(OSError, match="TENSORPACK_LOGDIR_ACTION must be one of k \\(keep.*got {!r}".format(action)):
            logger.set_logger_dir(path)
    assert logger.get_logger_dir() == before and not (tmp_path / "new").exists()


@pytest.mark.parametrize("action", ["q", "x", "keep"])
def test_other_actions_are_refused_and_the_old_directory_stays(tmp_path, log_dir, action):
    path = used_directory(tmp_path)
    with pytest.raises(OSError, match="k \\(keep.*got '{}'".format(action)):
        logger.set_logger_dir(path, action=action)
    assert logger.get_logger_dir() == log_dir
    logger.info("still here")
    assert "still here" in read(log_dir, "log.log")
    logger.set_logger_dir(path, action="k")  # works again
    assert logger.get_logger_dir() == path


@pytest.mark.parametrize("make", [lambda p: p.write_text("x"), lambda p: p.mkdir()], ids=["file", "below a file"])
def test_unwritable_directory_raises_naming_it_and_keeps_the_old_state(tmp_path, log_dir, make):
    blocked = tmp_path / "blocked"
    make(blocked)
    if blocked.is_dir():
        (blocked / "log.log").mkdir()  # a directory where the file should be
        (blocked / ".hidden").write_text("")
    with pytest.raises(OSError, match="set_logger_dir.*must be writable.*blocked"):
        logger.set_logger_dir(str(blocked), action="k")
    assert logger.get_logger_dir() == log_dir
    logger.info("still here")
    assert "still here" in read(log_dir, "log.log")


def test_hidden_files_do_not_count(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    (path / ".hidden").write_text("")
    logger.set_logger_dir(str(path), action="d")  # there is nothing to delete
    assert logger.get_logger_dir() == str(path)


@pytest.mark.parametrize("url", ["gs://bucket/a/../run", "hdfs://host//run"])
def test_urls_are_kept_and_create_nothing(tmp_path, monkeypatch, log_records, url):
    monkeypatch.chdir(str(tmp_path))
    logger.set_logger_dir(url)
    assert logger.get_logger_dir() == url
    assert os.listdir(str(tmp_path)) == []
    assert logger._FILE_HANDLER is None
    assert any(r.levelno == logging.WARNING and url in r.getMessage() for r in log_records)


def test_close_log_file_can_be_repeated_and_followed_by_a_new_directory(log_dir, tmp_path):
    logger._close_log_file()
    logger._close_log_file()
    logger.info("nowhere")
    assert "nowhere" not in read(log_dir, "log.log")
    logger.set_logger_dir(str(tmp_path / "next"))
    logger.info("there")
    assert "there" in read(str(tmp_path), "next", "log.log")


SET_DIR = "from tensorpack.utils import logger; logger.set_logger_dir({!r}); print('DIR', logger.get_logger_dir())"


@pytest.mark.parametrize("stdin", ["null", "closed", "pipe"])
def test_without_a_terminal_nothing_is_asked_and_files_are_kept(tmp_path, stdin):
    path = used_directory(tmp_path)
    shell = '"$0" "$@" <&-' if stdin == "closed" else '"$0" "$@"'
    result = subprocess.run(["sh", "-c", shell, sys.executable, "-c", SET_DIR.format(path)], env=environment(),
                            stdin=subprocess.PIPE if stdin == "pipe" else subprocess.DEVNULL,
                            capture_output=True, timeout=60)
    out = result.stdout.decode()
    assert result.returncode == 0, result.stderr.decode()
    assert "DIR " + path in out
    assert "Select Action" not in out
    for words in ("k (keep", "d (delete", "b (back up", "n (use a new", "TENSORPACK_LOGDIR_ACTION"):
        assert words in out
    assert sorted(os.listdir(path)) == ["log.log", "old.txt"]


def test_environment_chooses_when_no_action_is_given(tmp_path, monkeypatch):
    path = used_directory(tmp_path)
    monkeypatch.setenv("TENSORPACK_LOGDIR_ACTION", "n")
    logger.set_logger_dir(path)
    assert logger.get_logger_dir() != path
    logger.set_logger_dir(path, action="k")  # an argument wins
    assert logger.get_logger_dir() == path
    monkeypatch.setenv("TENSORPACK_LOGDIR_ACTION", "bogus")
    with pytest.raises(OSError, match="bogus"):
        logger.set_logger_dir(path)


def answer_on_terminal(path, answers):
    """Run set_logger_dir on a terminal and type `answers`, one per prompt; return (output, exit status)."""
    master, slave = pty.openpty()
    proc = subprocess.Popen([sys.executable, "-c", SET_DIR.format(path)], env=environment(), stdin=slave, stdout=slave,
                            stderr=slave, close_fds=True)
    os.close(slave)
    output, prompts = b"", 0
    while True:
        ready, _, _ = select.select([master], [], [], 60)
        assert ready, output
        try:
            data = os.read(master, 4096)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        output += data
        if output.count(b"q (quit):") > prompts:
            os.write(master, answers[prompts] + b"\n")
            prompts += 1
    os.close(master)
    assert prompts == len(answers), output
    return output.decode(), proc.wait(60)


TERMINAL_CASES = [
    ("padded capital", [b" K "], 0, ["log.log", "old.txt"]),
    ("blank asks again", [b"", b"  ", b"d"], 0, ["log.log"]),
    ("quit", [b"q"], 1, ["old.txt"]),
]


@pytest.mark.parametrize("answers,status,files", [c[1:] for c in TERMINAL_CASES], ids=[c[0] for c in TERMINAL_CASES])
def test_terminal_is_asked(tmp_path, answers, status, files):
    path = used_directory(tmp_path)
    output, returncode = answer_on_terminal(path, answers)
    assert "Select Action: k (keep) / d (delete) / q (quit):" in output
    assert (returncode, sorted(os.listdir(path))) == (status, files)
    assert ("OSError" in output) == (status == 1)


def test_terminal_that_ends_counts_as_no_terminal(tmp_path):
    path = used_directory(tmp_path)
    output, returncode = answer_on_terminal(path, [b"\x04"])
    assert returncode == 0
    assert sorted(os.listdir(path)) == ["log.log", "old.txt"], output


AUTO_DIR_CASES = [
    ("train.py", None, "train_log/train"),
    ("train.py", "lr0.1", "train_log/train:lr0.1"),
    ("my.model.py", None, "train_log/my.model"),
    ("noextension", None, "train_log/noextension"),
]


@pytest.mark.parametrize("script,name,expected", AUTO_DIR_CASES, ids=["plain", "name", "dots", "no extension"])
def test_auto_set_dir_follows_the_script(tmp_path, script, name, expected):
    code = "from tensorpack.utils import logger; logger.auto_set_dir(name={!r}); print('DIR', logger.get_logger_dir())"
    (tmp_path / script).write_text(code.format(name))
    out = subprocess.check_output([sys.executable, script], cwd=str(tmp_path), env=environment())
    assert "DIR " + expected in out.decode()
    assert os.path.isfile(str(tmp_path / expected / "log.log"))


def test_auto_set_dir_without_a_script(tmp_path):
    code = "from tensorpack.utils import logger; logger.auto_set_dir(); print('DIR', logger.get_logger_dir())"
    out = subprocess.check_output([sys.executable, "-c", code], cwd=str(tmp_path), env=environment())
    assert "DIR train_log/interactive" in out.decode()
