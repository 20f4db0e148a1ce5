"""What a small training leaves behind, for the command line tools."""
import os

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "data", "golden")
KEPT = {"fc/W", "fc/b", "mean/EMA"}


def build_training_graph():
    """x [?, 8] -> y [?, 4], with variables of every kind: trainable, model, plain, slots, and a local copy of a tower."""
    from tensorpack.compat import tfv1 as tf

    x = tf.placeholder(tf.float32, (None, 8), name="x")
    label = tf.placeholder(tf.int32, (None,), name="label")
    with tf.variable_scope("fc"):
        w = tf.get_variable("W", [8, 4])
        b = tf.get_variable("b", [4], use_resource=True)
    mean = tf.get_variable("mean/EMA", [4], trainable=False,
                           collections=[tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES])
    tf.get_variable("learning_rate", initializer=0.1, trainable=False)
    tf.get_variable("tower1/fc/W", [8, 4], collections=[tf.GraphKeys.LOCAL_VARIABLES, tf.GraphKeys.TRAINABLE_VARIABLES])
    y = tf.add(tf.nn.bias_add(tf.matmul(x, w), b), mean, name="y")
    cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=y, labels=label), name="cost")
    step = tf.train.create_global_step()
    tf.train.AdamOptimizer().minimize(cost, global_step=step, var_list=[w, b])


def add_op(meta_path, target, op_type):
    """Write a copy of the meta graph with one more operation of that type."""
    from tensorpack.compat import tfv1 as tf

    with open(str(meta_path), "rb") as f:
        meta_graph = tf.MetaGraphDef.FromString(f.read())
    meta_graph.graph_def.node.add(name="strange", op=op_type)
    with open(str(target), "wb") as f:
        f.write(meta_graph.SerializeToString())
    return str(target)
