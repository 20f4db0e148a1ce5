"""ls-checkpoint, checkpoint-manipulate and dump-model-params, in this process."""
import ast
import importlib.util
import os
import shutil

import numpy as np
import pytest
from saved_run import GOLDEN, KEPT, add_op

from tensorpack._cli import checkpoint_manipulate, dump_model_params, ls_checkpoint
from tensorpack.tfutils.varmanip import load_checkpoint_vars, save_checkpoint_vars
from tensorpack.utils import logger

ADAM = os.path.join(GOLDEN, "layers_adam")
TOOLS = {"ls": ls_checkpoint.main, "manipulate": checkpoint_manipulate.main,
         "dump": lambda argv: dump_model_params.main(argv + ["out.npz"])}
EVERY_TOOL = pytest.mark.parametrize("tool", list(TOOLS.values()), ids=list(TOOLS))


def error_line(capsys):
    """The error on stderr: the last line, and the only one besides log lines."""
    out, err = capsys.readouterr()
    lines = err.strip().splitlines()
    assert "Traceback" not in err and lines[-1].startswith("error: ")
    assert sum(line.startswith("error:") for line in lines) == 1
    return lines[-1]


# ---- ls-checkpoint


@pytest.mark.parametrize("suffix", ["", "/checkpoint", "/model-30", "/model-30.index", "/model-30.data-00000-of-00001"],
                         ids=["directory", "state", "handle", "index", "data"])
def test_ls_prints_names_and_shapes_of_a_checkpoint(capsys, suffix):
    assert ls_checkpoint.main([ADAM + suffix]) == 0
    shapes = ast.literal_eval(capsys.readouterr().out)
    assert shapes["fc/W"] == [12, 10] and shapes["global_step"] == [] and shapes["fc/W/Adam_1"] == [12, 10]
    assert not any(name.endswith(":0") for name in shapes)


def test_ls_prints_names_and_tuples_of_numpy_files(tmp_path, capsys):
    values = {"fc/W:0": np.zeros((3, 4)), "step": np.int64(3)}
    np.savez(str(tmp_path / "a.npz"), **values)
    np.save(str(tmp_path / "a.npy"), values)
    for name in ("a.npz", "a.npy"):
        assert ls_checkpoint.main([str(tmp_path / name)]) == 0
        assert ast.literal_eval(capsys.readouterr().out) == {"fc/W:0": (3, 4), "step": ()}


@EVERY_TOOL
@pytest.mark.parametrize("name, content", [
    ("nothing", None), ("nothing.npz", None), ("junk", b"junk"), ("junk.npz", b"junk"), ("junk.index", b"junk"),
    ("empty.npz", b"")])
def test_a_bad_file_is_one_line_and_status_one(tmp_path, monkeypatch, capsys, tool, name, content):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert tool([name]) == 1
    assert os.path.splitext(name)[0] in error_line(capsys)
    assert not os.path.exists("out.npz")


@EVERY_TOOL
def test_an_empty_directory_is_one_line_and_status_one(tmp_path, monkeypatch, capsys, tool):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert tool(["empty"]) == 1
    assert "empty" in error_line(capsys)


def test_the_traceback_is_shown_when_asked():
    with pytest.raises(ValueError, match="existing file"):
        ls_checkpoint.main(["nothing.npz", "--traceback"])


@pytest.mark.parametrize("main", [ls_checkpoint.main, checkpoint_manipulate.main, dump_model_params.main],
                         ids=["ls", "manipulate", "dump"])
@pytest.mark.parametrize("argv, status", [([], 2), (["--no-such-option", "x", "y"], 2), (["--help"], 0)],
                         ids=["nothing", "unknown", "help"])
def test_usage(capsys, main, argv, status):
    with pytest.raises(SystemExit) as e:
        main(argv)
    assert e.value.code == status
    out, err = capsys.readouterr()
    assert "usage:" in (err if status else out)


def test_logs_go_to_stderr_only_while_a_tool_runs(tmp_path, capsys, run_dir):
    stream = logger._logger.handlers[0].stream
    assert dump_model_params.main([str(run_dir), str(tmp_path / "a.npz")]) == 0
    out, err = capsys.readouterr()
    assert "Choosing" in err and "Choosing" not in out and len(out.splitlines()) == 1
    assert logger._logger.handlers[0].stream is stream


# ---- checkpoint-manipulate


def test_manipulate_lists_the_variables_and_dumps_them(tmp_path, capsys):
    target = str(tmp_path / "x.npz")
    assert checkpoint_manipulate.main([ADAM, "--dump", target]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Variables in the model:" and "fc/W" in lines
    expected = load_checkpoint_vars(ADAM)
    with np.load(target) as f:
        assert sorted(f.files) == sorted(expected) == lines[1:-1]
        assert all(np.array_equal(f[name], expected[name]) for name in f.files)


def test_manipulate_keeps_the_keys_of_numpy_files(tmp_path):
    np.save(str(tmp_path / "a.npy"), {"fc/W:0": np.ones(3)})
    assert checkpoint_manipulate.main([str(tmp_path / "a.npy"), "--dump", str(tmp_path / "b.npz")]) == 0
    with np.load(str(tmp_path / "b.npz")) as f:
        assert f.files == ["fc/W:0"]


def test_manipulate_dumps_to_npz_only(tmp_path, capsys):
    with pytest.raises(SystemExit) as e:
        checkpoint_manipulate.main([ADAM, "--dump", str(tmp_path / "x.npy")])
    assert e.value.code == 2 and ".npz" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("IPython") is not None, reason="IPython is installed")
def test_a_shell_without_ipython_says_what_to_install(capsys):
    assert checkpoint_manipulate.main([ADAM, "--shell"]) == 1
    assert "pip install ipython" in error_line(capsys)


# ---- dump-model-params


def test_a_directory_gives_its_newest_checkpoint_filtered_by_its_newest_graph(tmp_path, capsys, run_dir):
    target = str(tmp_path / "out.npz")
    assert dump_model_params.main([str(run_dir), target]) == 0
    out, err = capsys.readouterr()
    assert "model-10" in err and "graph-0102-000000.meta" in err
    assert out.startswith("3 of the 11 variables in ")
    with np.load(target) as f:
        assert set(f.files) == {name + ":0" for name in KEPT}
        assert f["mean/EMA:0"].tolist() == [10.] * 4


def test_a_graph_saved_in_the_same_second_as_another_is_newer(tmp_path, capsys, run_dir):
    shutil.copy(str(run_dir / "graph-0102-000000.meta"), str(run_dir / "graph-0102-000000-1.meta"))
    assert dump_model_params.main([str(run_dir), str(tmp_path / "out.npz")]) == 0
    assert "graph-0102-000000-1.meta" in capsys.readouterr().err


def test_dump_with_a_given_graph_to_a_checkpoint_leaves_the_state_file_alone(run_dir):
    state = (run_dir / "other").read_bytes()
    argv = ["--meta", str(run_dir / "graph-0102-000000.meta"), str(run_dir / "model-9"), str(run_dir / "slim")]
    assert dump_model_params.main(argv) == 0
    values = load_checkpoint_vars(str(run_dir / "slim"))
    assert set(values) == KEPT and values["mean/EMA"].tolist() == [9.] * 4
    assert (run_dir / "other").read_bytes() == state and not (run_dir / "checkpoint").exists()


def test_dump_filters_npz_files_too(tmp_path, run_dir):
    full = str(tmp_path / "full.npz")
    save_checkpoint_vars({name + ":0": value for name, value in load_checkpoint_vars(str(run_dir / "model-9")).items()}, full)
    assert dump_model_params.main(["--meta", str(run_dir / "graph-0102-000000.meta"), full, str(tmp_path / "o.npz")]) == 0
    assert set(load_checkpoint_vars(str(tmp_path / "o.npz"))) == KEPT


def test_without_a_graph_everything_is_kept_with_a_warning(tmp_path, capsys, run_dir):
    assert dump_model_params.main([str(run_dir / "model-10"), str(tmp_path / "o.npz")]) == 0
    assert "--meta" in capsys.readouterr().err
    assert {"global_step", "learning_rate", "fc/W/Adam", "fc/W"} <= set(load_checkpoint_vars(str(tmp_path / "o.npz")))


def test_operations_that_tensorflow_lacks_do_not_matter(tmp_path, run_dir):
    meta = add_op(run_dir / "graph-0102-000000.meta", tmp_path / "strange.meta", "NoSuchOperation")
    assert dump_model_params.main(["--meta", meta, str(run_dir), str(tmp_path / "o.npz")]) == 0
    assert set(load_checkpoint_vars(str(tmp_path / "o.npz"))) == KEPT


def test_a_variable_that_the_checkpoint_lacks_is_named(tmp_path, capsys, run_dir):
    values = load_checkpoint_vars(str(run_dir / "model-9"))
    del values["fc/b"]
    save_checkpoint_vars(values, str(tmp_path / "less.npz"))
    argv = ["--meta", str(run_dir / "graph-0102-000000.meta"), str(tmp_path / "less.npz"), str(tmp_path / "o.npz")]
    assert dump_model_params.main(argv) == 1
    assert "'fc/b'" in error_line(capsys) and not (tmp_path / "o.npz").exists()


@pytest.mark.parametrize("content", [None, b"", b"junk \xff"], ids=["missing", "empty", "junk"])
def test_a_bad_meta_graph_is_one_line(tmp_path, capsys, run_dir, content):
    path = tmp_path / "bad.meta"
    if content is not None:
        path.write_bytes(content)
    assert dump_model_params.main(["--meta", str(path), str(run_dir), str(tmp_path / "o.npz")]) == 1
    assert "bad.meta" in error_line(capsys)


def test_a_directory_without_a_graph_asks_for_one(tmp_path, capsys):
    assert dump_model_params.main([ADAM, str(tmp_path / "o.npz")]) == 1
    assert "--meta" in error_line(capsys)


def test_dump_writes_no_npy(tmp_path, capsys):
    with pytest.raises(SystemExit) as e:
        dump_model_params.main([ADAM, str(tmp_path / "o.npy")])
    assert e.value.code == 2 and ".npz" in capsys.readouterr().err
