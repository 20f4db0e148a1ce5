"""Session creation on servers of TensorFlow's distributed runtime, on loopback."""

import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.launch import _free_ports
from tensorpack.tfutils.distributed import get_distributed_session_creator

PEER = """
import os, sys, time
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.distributed import get_distributed_session_creator

index, done, addresses = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
server = tf.train.Server(tf.train.ClusterSpec({"worker": addresses}), "worker", index)
with tf.device("/job:worker/task:0"):
    shared = tf.get_variable("shared", initializer=7.0, use_resource=True)
with tf.device("/job:worker/task:{}".format(index)):
    local = tf.get_variable("local", initializer=float(index), collections=["local_variables"], use_resource=True)
creator = get_distributed_session_creator(server)
if index == 0:
    time.sleep(1)  # the other one has to wait
sess = creator.create_session()
if index == 0:
    sess.run(shared.assign(8.0))
    print(*sess.run([shared, local]), flush=True)
    while not os.path.exists(done):
        time.sleep(0.05)
else:
    while sess.run(shared) != 8:
        time.sleep(0.05)
    print(*sess.run([shared, local]), tf.logging.get_verbosity() == tf.logging.WARN, flush=True)
    open(done, "w").close()
os._exit(0)  # a server cannot be stopped
"""


@pytest.mark.parametrize("resource", [False, True], ids=["ref", "resource"])
def test_the_chief_initialises_everything(resource):
    server = one_worker()
    w = tf.get_variable("W", initializer=[1.0, 2.0], use_resource=resource)
    local = tf.get_variable("local", initializer=3.0, collections=[tf.GraphKeys.LOCAL_VARIABLES], use_resource=resource)
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [5]), -1)
    found = table.lookup(tf.constant(["a", "b"]))
    creator = get_distributed_session_creator(server)
    assert isinstance(creator, tf.train.SessionCreator)
    with creator.create_session() as sess:
        assert sess.graph is tf.get_default_graph() and not sess.graph.finalized
        values = sess.run([w, local, found])
    assert [x.tolist() for x in values] == [[1, 2], 3, [5, -1]]


def test_operations_are_made_at_the_call():
    creator = get_distributed_session_creator(one_worker())
    tf.get_default_graph().finalize()
    creator.create_session().close()


def test_sessions_get_the_configuration_of_the_server():
    server = one_worker(tf.ConfigProto(allow_soft_placement=True))
    with tf.device("/gpu:7"):
        x = tf.constant(1.0)
    with get_distributed_session_creator(server).create_session() as sess:
        assert sess.run(x) == 1


def one_worker(config=None):
    return tf.train.Server({"worker": ["localhost:0"]}, "worker", 0, config=config)


def test_something_else_than_a_server_is_refused():
    with pytest.raises(TypeError, match="tf.train.Server.*grpc"):
        get_distributed_session_creator("grpc://127.0.0.1:2222")


def test_another_worker_waits_for_the_chief(start_program, tmp_path):
    done = str(tmp_path / "done")
    addresses = ["127.0.0.1:{}".format(port) for port in _free_ports(2)]
    peers = [start_program("-c", PEER, index, done, *addresses, folder=tmp_path, errors=tmp_path / "errors-{}".format(index))
             for index in (1, 0)]
    assert [peer.wait() for peer in peers] == [0, 0], [(tmp_path / "errors-{}".format(k)).read_text()[-2000:] for k in range(2)]
    assert [peer.text().strip() for peer in peers] == ["8.0 1.0 True", "8.0 0.0"]
