"""What is said of callback classes whose methods look like a mistake, and of attributes that the trainer has."""
import functools

import pytest
from small_training import Call, messages, train

from tensorpack.callbacks.base import Callback, CallbackFactory, ProxyCallback
from tensorpack.callbacks.group import Callbacks
from tensorpack.callbacks.inference import ScalarStats
from tensorpack.callbacks.monitor import MonitorBase
from tensorpack.callbacks.param import HyperParamSetter
from tensorpack.callbacks.saver import ModelSaver
from tensorpack.callbacks.trigger import PeriodicTrigger
from tensorpack.utils._made_later import TooEarlyError


def do(self, *args):
    """A method."""


def made(class_name, base=Callback, **members):
    return type(class_name, (base,), dict(members, __module__=__name__))


def warnings(log_records, cb):
    del log_records[:]
    Callbacks([cb])
    return messages(log_records, "WARNING")


@pytest.mark.parametrize("method, hint", [
    ("on_epoch_end", "instead of on_epoch_end override _trigger_epoch"), ("on_train_begin", "override _before_train"),
    ("on_batch_end", "override _trigger_step"), ("_triger", "override _trigger"),
    ("_trigger_epochs", "override _trigger_epoch"), ("trigger_epochs", "override _trigger_epoch"),
    ("_before_trian", "override _before_train"), ("_setup_grap", "override _setup_graph"),
    ("after_create_session", "override _before_train"), ("something", "such as _trigger_epoch"),
    ("__init__", "such as _trigger_epoch")])
def test_a_class_that_overrides_nothing_is_warned_of_once(log_records, method, hint):
    cls = made("Nothing_" + method, **{method: do})
    warning, = warnings(log_records, cls())
    assert warning.startswith("Nothing_" + method + " overrides no method of Callback") and hint in warning
    assert warnings(log_records, cls()) == []


def test_it_is_seen_inside_a_proxy_and_when_a_training_registers_it(log_records):
    train([PeriodicTrigger(made("InsideOfProxy", on_epoch_end=do, _trigger=do)(), every_k_epochs=1),
           ProxyCallback(made("InsideOfOther", on_epoch_end=do)())], epochs=1, steps=1)
    found = [message for message in messages(log_records, "WARNING") if "InsideOf" in message]
    assert len(found) == 1 and "InsideOfOther overrides no method" in found[0]


@pytest.mark.parametrize("method, meant", [("_triger_step", "_trigger_step"), ("_before_epochs", "_before_epoch")])
def test_a_slip_beside_valid_methods_is_warned_of(log_records, method, meant):
    warning, = warnings(log_records, made("Beside" + method, _trigger=do, **{method: do})())
    assert "Beside{0}.{0} is no method of a callback".format(method) in warning and "did you mean {}?".format(meant) in warning


def test_a_slip_in_an_inferencer_or_a_monitor_is_warned_of(log_records):
    assert "_on_fetches?" in warnings(log_records, made("Slip1", ScalarStats, _on_fetchs=do)("cost"))[0]
    assert "_trigger_epoch?" in warnings(log_records, made("Slip2", MonitorBase, _triger_epoch=do)())[0]


class CallsItself(Callback):
    def _trigger_epoch(self):
        return [self._trigger_epochs() for _ in range(2)]

    def _trigger_epochs(self):
        pass


class PartOfAnother(Callback):
    def _trigger_epoch(self):
        pass


class Renamed(PartOfAnother):
    def describe(self):
        pass


class Assigned(Callback):
    def __init__(self):
        self._trigger = lambda: None


class Wraps(Callback):
    @functools.wraps(print)
    def _trigger_epoch(self):
        pass

    @functools.wraps(Callback.trigger)
    def _before_train(self):
        pass


class GoesOn(Callback):
    def setup_graph(self, trainer):
        super().setup_graph(trainer)

    def trigger_step(self):
        self._trigger_step()


@pytest.mark.parametrize("make", [
    Callback, CallbackFactory, CallsItself, Renamed, Assigned, Wraps, GoesOn, lambda: Call(trigger_epoch=do),
    lambda: made("MySaver", ModelSaver, __init__=lambda self: ModelSaver.__init__(self, 3), checkpoint_dir="/tmp")(),
    lambda: made("Limited", ModelSaver, limit=3)(), lambda: made("Empty")(), lambda: made("Bound", _trigger=print)(),
    lambda: made("MyProxy", ProxyCallback, _trigger_epoch=do)(ModelSaver())],
    ids=["Callback", "CallbackFactory", "helper", "subclass", "assigned", "wrapped", "super", "Call", "arguments", "attributes",
         "empty", "builtin", "proxy"])
def test_others_are_not_warned_of(log_dir, log_records, make):
    assert warnings(log_records, make()) == []


@pytest.mark.parametrize("method", [
    "before_train", "before_epoch", "before_run", "after_run", "trigger_step", "after_epoch", "trigger_epoch", "trigger",
    "after_train", "setup_graph"])
def test_a_public_method_in_the_place_of_one_with_an_underscore_is_warned_of(log_records, method):
    warning, = warnings(log_records, made("Public_" + method, **{method: do})())
    assert warning.startswith("Public_{0} overrides {0}".format(method))
    assert "override _{} instead".format(method) in warning


@pytest.mark.parametrize("base, method, arguments", [
    (ScalarStats, "on_fetches", ["cost"]), (HyperParamSetter, "get_value_to_set", ["lr"])], ids=["inferencer", "setter"])
def test_so_are_those_of_its_subclasses(log_records, base, method, arguments):
    cls = made("Public_" + method, base, **{method: do})
    assert "override _{} instead".format(method) in warnings(log_records, cls(*arguments))[0]


def test_a_setup_graph_that_cannot_be_called_is_an_error():
    cls = made("NoTrainer", setup_graph=lambda self: None)
    with pytest.raises(TypeError, match=r"NoTrainer: setup_graph is called with the trainer.*got setup_graph\(self\); override "
                                        r"_setup_graph\(self\)"):
        Callbacks([cls()])


@pytest.mark.parametrize("name", ["sess", "monitors", "max_epoch", "hooked_sess", "register_callback", "loop"])
def test_what_the_trainer_has_is_said_to_be_there(name):
    seen = []

    def look(cb):
        seen.append((hasattr(cb, name), getattr(cb, name, None)))
        with pytest.raises(AttributeError, match=r"Call has no attribute '{0}'.*self\.trainer\.{0}".format(name)):
            getattr(cb, name)
        with pytest.raises(AttributeError, match="'Call' object has no attribute 'nothing'"):
            str(cb.nothing)

    train([Call(before_train=look)], epochs=1, steps=1)
    assert seen == [(False, None)]


def test_other_attributes_are_missing_as_ever():
    cb = Callback()
    assert not hasattr(cb, "sess") and not hasattr(cb, "trainer")
    with pytest.raises(TooEarlyError, match="a callback has its trainer from _setup_graph on"):
        str(cb.epoch_num)
