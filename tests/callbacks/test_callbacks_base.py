"""`Callback` and the callbacks made of others: name scopes, fetches, lookups by name."""
import pytest

from tensorpack.callbacks.base import Callback, CallbackFactory, ProxyCallback, StopTraining
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.tower import TowerContext, TowerFunc
from tensorpack.train.tower import TowerTrainer
from tensorpack.utils import argtools


class Adder(Callback):
    """Creates one operation."""

    def _setup_graph(self):
        self.made = tf.constant(1., name="made")


class _Under_Scored(Adder):
    pass


class Fetcher(Callback):
    """Asks for the same thing in each step and keeps what it got."""

    def __init__(self, make_fetches):
        self.make_fetches = make_fetches
        self.results = []

    def _before_run(self, ctx):
        return self.make_fetches(self)

    def _after_run(self, ctx, values):
        self.results.append(values.results)


class TwoTowers(TowerTrainer):
    """Tensors `cost`, `twice:0`, `twice:1`, operation `group` and variable `W` in the tower `tower0`, input `x`."""

    def build(self, use_resource=False):
        with tf.variable_scope(tf.get_variable_scope(), use_resource=use_resource):
            self.tower_func = TowerFunc(self.tower, [tf.TensorSpec((), tf.float32, "x")])
            with TowerContext("tower0", is_training=True):
                self.tower_func(tf.constant(3., name="the_input"))
        return self

    @staticmethod
    def tower(x):
        weight = tf.get_variable("W", initializer=2.)
        cost = tf.multiply(weight, x, name="cost")
        tf.split(tf.stack([cost, cost]), 2, name="twice")
        tf.group(cost, name="group")
        return cost


def set_up(callback, trainer=None):
    callback.setup_graph(trainer or TwoTowers())
    return callback


# ---- name scopes ----


@pytest.mark.parametrize("make, expected", [
    (lambda: [Adder()], ["Adder/made"]),
    (lambda: [Adder(), Adder()], ["Adder/made", "Adder_1/made"]),
    (lambda: [_Under_Scored()], ["UnderScored/made"]),
    (lambda: [named(Adder(), "a_b")], ["ab/made"]),
], ids=["class name", "twice", "underscores", "name_scope"])
def test_a_callback_has_a_fresh_top_level_name_scope(make, expected):
    with tf.name_scope("outer"):
        assert [set_up(cb).made.op.name for cb in make()] == expected


def named(callback, name_scope):
    callback.name_scope = name_scope
    return callback


def test_graph_and_trainer_are_there_when_the_graph_is_set_up():
    trainer = TwoTowers()
    seen = []
    cb = CallbackFactory(setup_graph=lambda self: seen.append((self.graph, self.trainer)))
    cb.setup_graph(trainer)
    assert seen == [(tf.get_default_graph(), trainer)]


# ---- what before_run may return ----


@pytest.mark.parametrize("make_fetches, expected", [
    (lambda cb: None, None),
    (lambda cb: tf.train.SessionRunArgs({"a": cb.trainer.count}), {"a": 1.}),
    (lambda cb: [cb.trainer.count], [1.]),
    (lambda cb: (cb.trainer.count, cb.trainer.count.op), [1., None]),
    (lambda cb: ["count:0", "count"], [1., None]),
    (lambda cb: [], []),
], ids=["None", "SessionRunArgs", "tensor", "tensor and op", "names", "nothing"])
def test_before_run_returns(counting_trainer, make_fetches, expected):
    fetcher = Fetcher(make_fetches)
    counting_trainer().go([fetcher], steps_per_epoch=1, max_epoch=1)
    assert fetcher.results == [expected]


@pytest.mark.parametrize("name, is_told", [
    ("tower0/cost", True), ("cost", True), ("tower0/cost:0", False), ("tower0/group", False), ("update", False)])
def test_names_of_operations_in_the_place_of_tensors_are_told(log_records, monkeypatch, name, is_told):
    monkeypatch.setattr(argtools, "_LOGGED", set())
    with tf.Graph().as_default():
        trainer = TwoTowers().build()
        tf.assign_add(tf.get_variable("counter", initializer=0.), 1., name="update")
        fetcher = set_up(Fetcher(lambda cb: [name]), trainer)
        fetcher.before_run(None)
        fetcher.before_run(None)
    told = [each.getMessage() for each in log_records if "whose value is None" in each.getMessage()]
    assert told == (["[Fetcher] {0!r} is the name of an operation, whose value is None; its tensor is '{0}:0'.".format(name)]
                    if is_told else [])


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("make_fetches", [lambda cb: ["steps_seen:0"], lambda cb: [cb.trainer.variable]],
                         ids=["name", "object"])
def test_before_run_may_return_variables(counting_trainer, make_fetches, use_resource):
    fetcher = Fetcher(make_fetches)
    counting_trainer(use_resource).go([fetcher], steps_per_epoch=3, max_epoch=1)
    # each is read before or after the step adds one
    assert [step <= value <= step + 1 for step, (value,) in enumerate(fetcher.results)] == [True] * 3


def test_equal_lists_give_the_same_run_args_each_time():
    trainer = TwoTowers().build()
    cost = trainer.towers[0]["cost"]
    cb = set_up(Fetcher(lambda _: ["cost:0", cost]), trainer)
    first = cb.before_run(None)
    assert cb.before_run(None) is first
    cb.make_fetches = lambda _: ["group", cost]
    second = cb.before_run(None)
    assert second is not first and second.fetches[0].name == "tower0/group" and second.fetches[1] is cost


@pytest.mark.parametrize("returned", ["cost:0", 3, {"a": 1}], ids=["a name", "a number", "a dict"])
def test_before_run_refuses_other_types(returned):
    cb = set_up(Fetcher(lambda _: returned))
    with pytest.raises(TypeError, match="Fetcher: _before_run must return"):
        cb.before_run(None)


# ---- lookups by name ----


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("name, expected", [
    ("tower0/cost:0", "tower0/cost:0"),
    ("cost:0", "tower0/cost:0"),
    ("twice:1", "tower0/twice:1"),
    ("x:0", "tower0/the_input:0"),
    ("group", "tower0/group"),
    ("tower0/group", "tower0/group"),
    ("the_input", "tower0/the_input"),
], ids=str)
def test_names_are_found_in_the_graph_then_in_the_first_tower(name, expected, use_resource):
    cb = set_up(Callback(), TwoTowers().build(use_resource))
    found, = cb.get_tensors_maybe_in_tower([name])
    assert found.name == expected
    assert isinstance(found, tf.Tensor if ":" in name else tf.Operation)


def test_the_whole_graph_comes_before_the_tower():
    trainer = TwoTowers().build()
    tf.constant(0., name="cost")
    found, = set_up(Callback(), trainer).get_tensors_maybe_in_tower(["cost:0"])
    assert found.name == "cost:0"


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
def test_the_name_of_a_variable_gives_its_value(use_resource):
    cb = set_up(Callback(), TwoTowers().build(use_resource))
    value, = cb.get_tensors_maybe_in_tower(["W:0"])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(value) == 2.


def test_a_bare_string_is_one_name():
    cb = set_up(Callback(), TwoTowers().build())
    assert [t.name for t in cb.get_tensors_maybe_in_tower("cost:0")] == ["tower0/cost:0"]


def test_an_unknown_name_is_an_error_with_near_names():
    cb = set_up(Adder(), TwoTowers().build())
    message = "Adder: 'tower0/csot:0' is neither in the graph nor in tower 'tower0'; did you mean .*'tower0/cost:0'"
    with pytest.raises(KeyError, match=message):
        cb.get_tensors_maybe_in_tower(["tower0/csot:0"])


@pytest.mark.parametrize("name", ["cost:0", "cost"])
def test_operations_without_a_name_of_their_own_are_not_suggested(counting_trainer, name):
    trainer = counting_trainer()
    loss = tf.cast(tf.constant([1, 2]), tf.float32)
    tf.reduce_mean(loss, name="costs")
    with pytest.raises(KeyError, match="did you mean 'costs{}'".format(name[4:])) as info:
        set_up(Callback(), trainer).get_tensors_maybe_in_tower([name])
    assert "Const" not in str(info.value) and "Cast" not in str(info.value)


@pytest.mark.parametrize("name", ["nope", "nope:0", "count:7"])
def test_an_unknown_name_without_towers(counting_trainer, name):
    with pytest.raises(KeyError, match="Callback: '{}' is not in the graph".format(name)):
        set_up(Callback(), counting_trainer()).get_tensors_maybe_in_tower([name])


# ---- small things ----


def test_chief_only():
    assert Callback().chief_only is True
    cb = Callback()
    assert cb.set_chief_only(False) is cb and cb.chief_only is False
    assert cb.set_chief_only().chief_only is True
    assert Callback().chief_only is True


def test_str_is_the_class_name_and_repr_the_constructor_call():
    cb = Fetcher(None)
    assert str(cb) == "Fetcher" and repr(cb) == "Fetcher(make_fetches=None)"
    assert repr(Callback()) == "Callback()"


def test_nothing_has_failed_by_default():
    assert Callback()._failure() is None


def test_stop_training_is_the_trainers():
    from tensorpack.train import base

    assert base.StopTraining is StopTraining


# ---- ProxyCallback, CallbackFactory ----


def test_a_proxy_forwards_everything(counting_trainer, journal):
    plain, wrapped = journal(), journal()
    counting_trainer().go([plain, ProxyCallback(wrapped)], steps_per_epoch=2)
    assert wrapped.calls == plain.calls and len(plain.calls) > 20


def test_a_proxy_forwards_fetches_and_results(counting_trainer):
    fetcher = Fetcher(lambda cb: ["count:0"])
    counting_trainer().go([ProxyCallback(fetcher)], steps_per_epoch=2, max_epoch=1)
    assert fetcher.results == [[1.], [2.]]


def test_a_proxy_leaves_the_wrapped_callback_its_name_scope():
    cb = Adder()
    set_up(ProxyCallback(cb))
    assert cb.made.op.name == "Adder/made"


def test_a_proxy_copies_chief_only_when_it_is_made():
    cb = Adder().set_chief_only(False)
    proxy = ProxyCallback(cb)
    cb.set_chief_only(True)
    assert proxy.chief_only is False and ProxyCallback(cb).chief_only is True
    assert str(proxy) == "Proxy-Adder" and repr(proxy) == "ProxyCallback(cb=Adder())"


def test_a_proxy_reports_the_failure_of_its_callback():
    class Failing(Callback):
        error = ValueError("x")

        def _failure(self):
            return self.error

    assert ProxyCallback(Failing())._failure() is Failing.error


def test_a_proxy_refuses_what_is_no_callback():
    with pytest.raises(TypeError, match="ProxyCallback: cb must be a Callback; got 3"):
        ProxyCallback(3)


def test_a_factory_calls_its_functions_with_itself(counting_trainer):
    calls = []

    def note(moment):
        return lambda cb: calls.append((moment, cb))

    cb = CallbackFactory(*[note(moment) for moment in ("setup_graph", "before_train", "trigger", "after_train")])
    counting_trainer().go([cb, CallbackFactory()])
    assert calls == [(moment, cb) for moment in ("setup_graph", "before_train", "trigger", "trigger", "after_train")]


def test_a_factory_refuses_what_is_no_function():
    with pytest.raises(TypeError, match="CallbackFactory: trigger must be a function.*got 3"):
        CallbackFactory(trigger=3)
