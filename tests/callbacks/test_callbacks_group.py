"""`Callbacks`: order, who is asked in each step, the timing line, errors at the end, failures in the background."""
import time
import traceback

import pytest

from tensorpack.callbacks.base import Callback, CallbackFactory, ProxyCallback
from tensorpack.callbacks.group import Callbacks, _timing_report, raise_background_failure
from tensorpack.compat import tfv1 as tf


class Stepper(Callback):
    def __init__(self, calls=None):
        self.calls = calls

    def _trigger_step(self):
        self.calls.append(self)


class OnlyBefore(Callback):
    def _before_run(self, ctx):
        return None


class OnlyAfterPublic(Callback):
    def after_run(self, run_context, run_values):
        pass


class Broken(Callback):
    """Died in the background, and fails at the end."""

    def __init__(self, failure=None, error=None):
        self.failure, self.error = failure, error
        self.ended = False

    def _failure(self):
        return self.failure

    def _after_train(self):
        self.ended = True
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("cbs, message", [
    ((), "cbs must be a list; got"),
    ([Callback(), 3], "each element of cbs must be a Callback; got 3"),
    ([Callback], "each element of cbs must be a Callback"),
], ids=["tuple", "number", "class"])
def test_only_lists_of_callbacks_are_taken(cbs, message):
    with pytest.raises(TypeError, match="Callbacks: " + message):
        Callbacks(cbs)


def test_each_moment_goes_through_the_list_in_order(journal):
    order = []
    journals = [journal(), journal()]
    for position, cb in enumerate(journals):
        cb.note = lambda event, position=position: order.append((event, position))
    group = Callbacks(journals)
    assert group.cbs is journals
    group.setup_graph(None)
    moments = ["before_train", "before_epoch", "trigger_step", "after_epoch", "trigger_epoch", "after_train"]
    for moment in moments:
        getattr(group, moment)()
    expected = []
    for moment in moments:
        expected += [(moment, 0), ("trigger", 0), (moment, 1), ("trigger", 1)] if moment == "trigger_epoch" else \
            [(moment, 0), (moment, 1)]
    assert order == expected


def test_name_scopes_of_callbacks_are_top_level():
    names = []
    make = CallbackFactory(setup_graph=lambda cb: names.append(tf.no_op(name="made").name))
    Callbacks([make, CallbackFactory(setup_graph=make._functions["setup_graph"])]).setup_graph(None)
    assert names == ["CallbackFactory/made", "CallbackFactory_1/made"]


def test_only_callbacks_that_take_part_in_session_calls_have_hooks(journal):
    idle = [Callback(), Stepper([]), CallbackFactory()]
    patched = Callback()
    patched._before_run = lambda ctx: None
    active = [journal(), OnlyBefore(), OnlyAfterPublic(), ProxyCallback(Callback()), patched]
    hooks = Callbacks(idle[:1] + active + idle[1:]).get_hooks()
    assert [hook.before_run.__self__ for hook in hooks] == active
    assert all(isinstance(hook, tf.train.SessionRunHook) for hook in hooks)


def test_trigger_step_reaches_those_who_override_it_also_when_patched_before_the_epoch():
    calls = []
    plain, late = Stepper(calls), Callback()
    group = Callbacks([Callback(), plain, late])
    group.before_epoch()
    group.trigger_step()
    assert calls == [plain]
    late._trigger_step = lambda: calls.append(late)
    group.before_epoch()
    group.trigger_step()
    assert calls == [plain, plain, late]


# ---- the time that callbacks take ----


@pytest.mark.parametrize("seconds, expected", [
    ([], None),
    ([("A", 1.0), ("B", 0.9)], None),
    ([("A", 1.5), ("B", 0.6)], "Callbacks took 2.100 sec in total. A: 1.5 seconds"),
    ([("A", 1.5), ("B", 1.5)], "Callbacks took 3.000 sec in total. A: 1.5 seconds; B: 1.5 seconds"),
    ([("A", 2.0), ("B", 8.0)], "Callbacks took 10.000 sec in total. B: 8 seconds"),
    ([("A", 0.9), ("B", 0.9), ("C", 0.9)], "Callbacks took 2.700 sec in total."),
    ([("A", 2.0)], "Callbacks took 2.000 sec in total. A: 2 seconds"),
], ids=["none", "fast", "one slow", "two slow", "small share", "many fast", "exactly 2 s"])
def test_timing_report(seconds, expected):
    assert _timing_report(seconds) == expected


def test_a_slow_callback_is_named_in_the_log(log_records):
    class Slow(Callback):
        def _trigger_epoch(self):
            time.sleep(2.05)

    Callbacks([Slow(), Callback()]).trigger_epoch()
    line, = [r.getMessage() for r in log_records]
    assert line.startswith("Callbacks took 2.") and "sec in total." in line and "Slow: 2." in line


def test_fast_callbacks_leave_no_line_in_the_log(log_records):
    Callbacks([Callback(), Callback()]).trigger_epoch()
    assert not log_records


# ---- the end ----


def test_after_train_reaches_all_and_the_first_error_comes_out(log_records):
    first, second = ValueError("one"), KeyError("two")
    cbs = [Broken(), Broken(error=first), Broken(error=second), Broken()]
    with pytest.raises(ValueError) as caught:
        Callbacks(cbs).after_train()
    assert caught.value is first
    assert all(cb.ended for cb in cbs)
    assert [r.levelname for r in log_records] == ["ERROR", "ERROR"] and all(r.exc_info for r in log_records)


# ---- failures in the background ----


def died(error):
    try:
        the_line_that_failed(error)
    except ValueError as e:
        return e


def the_line_that_failed(error):
    raise error


def test_a_background_failure_is_raised_with_its_traceback_from_the_cause():
    error, cause = died(ValueError("broken data")), tf.errors.OutOfRangeError(None, None, "queue closed")
    cbs = [Callback(), ProxyCallback(Broken(failure=error)), Broken(failure=KeyError("later"))]
    with pytest.raises(ValueError) as caught:
        raise_background_failure(cbs, cause)
    assert caught.value is error and caught.value.__cause__ is cause
    assert "the_line_that_failed" in "".join(traceback.format_tb(caught.value.__traceback__))


def test_a_group_reports_the_first_failure():
    error = KeyError("x")
    assert Callbacks([Callback(), Broken(failure=error)])._failure() is error
    assert Callbacks([Callback()])._failure() is None


def test_nothing_is_raised_when_nothing_failed():
    raise_background_failure([Callback(), Broken()], None)
