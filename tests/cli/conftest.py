"""The directory of a run, for the command line tools; converters and engines are forked from processes with imports."""
import pytest
from forked_helpers import engine_server, fork_helpers, forked_helpers, new_interpreters  # noqa: F401
from saved_run import build_training_graph


@pytest.fixture
def run_dir(tmp_path):
    """A log directory with model-9, model-10 (the higher number, not the later name) and two graphs."""
    from tensorpack.compat import tfv1 as tf

    directory = tmp_path / "train_log"
    directory.mkdir()
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        build_training_graph()
        sess.run(tf.global_variables_initializer())
        saver = tf.train.Saver(tf.global_variables())
        rate = next(v for v in tf.global_variables() if v.op.name == "mean/EMA")
        for step in (10, 9):
            rate.load([float(step)] * 4, sess)
            saver.save(sess, str(directory / "model"), global_step=step, write_meta_graph=False, latest_filename="other")
        saver.export_meta_graph(str(directory / "graph-0102-000000.meta"), collection_list=graph.get_all_collection_keys())
    (directory / "graph-0101-235959.meta").write_bytes(b"an older graph that must not be read")
    return directory
