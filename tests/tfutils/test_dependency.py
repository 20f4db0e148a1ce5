"""Which operations a run needs."""
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.dependency import dependency_of_fetches, dependency_of_targets


@pytest.fixture
def ops():
    a, b = tf.constant(1., name="a"), tf.constant(2., name="b")
    with tf.control_dependencies([b]):
        c = tf.identity(a, name="c")
    return dict(a=a, b=b, c=c, d=tf.add(c, 1., name="d"), alone=tf.no_op(name="alone"))


@pytest.mark.parametrize("targets, op, expected", [
    ("d", "a", True), ("d", "b", True), ("c", "d", False), ("a", "a", True), ("alone", "a", False), ("a c", "b", True),
    ("", "a", False)], ids=lambda v: str(v) or "none")
def test_ancestors_include_control_edges_and_the_target(ops, targets, op, expected):
    targets = tuple(ops[name] for name in targets.split())
    assert dependency_of_targets(targets, ops[op]) is expected
    assert dependency_of_targets(tuple(getattr(x, "op", x) for x in targets), getattr(ops[op], "op", ops[op])) is expected


def test_fetches_of_any_structure_need_no_default_graph(ops):
    with tf.Graph().as_default():
        assert dependency_of_fetches({"x": [ops["d"]], "y": (ops["alone"],)}, ops["b"])
        assert dependency_of_fetches("d:0", ops["a"]) and dependency_of_fetches(["alone"], ops["alone"])
        assert not dependency_of_fetches([ops["a"], "alone"], ops["b"])


@pytest.mark.parametrize("call", [
    lambda ops: dependency_of_targets([ops["d"]], ops["a"]), lambda ops: dependency_of_targets(("d",), ops["a"]),
    lambda ops: dependency_of_targets((ops["d"],), "a")], ids=["list", "name-in-targets", "name"])
def test_other_types_are_refused(ops, call):
    with pytest.raises(TypeError, match="targets must be a tuple"):
        call(ops)
