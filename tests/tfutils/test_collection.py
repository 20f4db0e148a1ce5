import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.collection import (
    CollectionGuard,
    backup_collection,
    freeze_collection,
    get_inverse_graphkeys,
    restore_collection,
)


def test_backup_is_a_copy_of_all_or_of_the_given_keys():
    tf.add_to_collection("a", 1)
    tf.add_to_collection("b", 2)
    backup = backup_collection()
    assert backup == {"a": [1], "b": [2]}
    tf.add_to_collection("a", 3)
    assert backup["a"] == [1]
    for keys in (["a"], ("a",), {"a"}):
        assert backup_collection(keys) == {"a": [1, 3]}


def test_backup_refuses_a_bare_string():
    with pytest.raises(TypeError, match="list, tuple or set"):
        backup_collection("ab")


def test_restore_replaces_exactly_those_keys_in_place():
    tf.add_to_collection("a", 1)
    backup = backup_collection(["a", "new"])
    live = tf.get_collection_ref("a")
    tf.add_to_collection("a", 2)
    tf.add_to_collection("new", 3)
    tf.add_to_collection("other", 4)
    restore_collection(backup)
    assert live == [1]
    assert tf.get_collection("new") == []
    assert tf.get_collection("other") == [4]


def test_freeze_undoes_additions():
    tf.add_to_collection("a", 1)
    with freeze_collection(["a", "new"]):
        tf.add_to_collection("a", 2)
        tf.add_to_collection("new", 3)
        assert tf.get_collection("a") == [1, 2]
    assert tf.get_collection("a") == [1]
    assert tf.get_collection("new") == []
    assert "new" in tf.get_default_graph().get_all_collection_keys()


def test_freeze_undoes_additions_when_the_body_raises():
    with pytest.raises(KeyError, match="mine"):
        with freeze_collection(["a"]):
            tf.add_to_collection("a", 2)
            raise KeyError("mine")
    assert tf.get_collection("a") == []


def test_inverse_graphkeys_are_expressions_for_the_keys():
    names = get_inverse_graphkeys()
    assert names["variables"] == "tf.GraphKeys.GLOBAL_VARIABLES"
    assert names["update_ops"] == "tf.GraphKeys.UPDATE_OPS"
    for key, expression in names.items():
        assert eval(expression) == key


def test_guard_reports_new_and_changed_collections(log_records):
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, 1)
    with CollectionGuard("tower1", check_diff=True):
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, 2)
        tf.add_to_collection("mine", 3)
        tf.add_to_collection(tf.GraphKeys.GLOBAL_VARIABLES, 4)
        tf.add_to_collection(tf.GraphKeys.LOSSES, 5)
    messages = [record.getMessage() for record in log_records]
    assert len(messages) == 2 and all("tower1" in message for message in messages)
    assert "mine (1)" in messages[0]
    assert "tf.GraphKeys.UPDATE_OPS (1->2)" in messages[1]
    assert tf.get_collection("mine") == [3]


def test_guard_restores_frozen_keys_and_says_so(log_records):
    tf.add_to_collection("summaries", 1)
    with CollectionGuard("tower1", check_diff=True, freeze_keys=["summaries", "unseen"]):
        tf.add_to_collection("summaries", 2)
    assert tf.get_collection("summaries") == [1]
    assert "unseen" in tf.get_default_graph().get_all_collection_keys()
    assert [record.levelname for record in log_records] == ["INFO"]
    assert "tf.GraphKeys.SUMMARIES (1->2)" in log_records[0].getMessage()


@pytest.mark.parametrize("options", [dict(check_diff=False), dict(check_diff=True, diff_whitelist=["mine"])],
                         ids=["unchecked", "whitelisted"])
def test_guard_is_silent_when_asked(log_records, options):
    with CollectionGuard("tower0", **options):
        tf.add_to_collection("mine", 1)
    assert log_records == []


def test_guard_touches_nothing_when_the_body_raises(log_records):
    with pytest.raises(ValueError, match="mine"):
        with CollectionGuard("tower1", check_diff=True, freeze_keys=["a"]):
            tf.add_to_collection("a", 1)
            raise ValueError("mine")
    assert tf.get_collection("a") == [1]
    assert log_records == []


def test_items_in_tower_are_new_in_order_live_and_need_not_be_hashable():
    tf.add_to_collection("a", [0])
    guard = CollectionGuard("t", check_diff=False)
    with guard:
        tf.add_to_collection("a", [2])
        tf.add_to_collection("a", {"x": 1})
    tf.add_to_collection("a", [0])
    assert guard.get_collection_in_tower("a") == [[2], {"x": 1}, [0]]
    assert guard.get_collection_in_tower("nothing") == []
