"""The finder and its tables: names, star imports, keywords, hooks, modules that are gone, and what it costs."""
import os
import subprocess
import sys
import types

import pytest

import tensorpack
from tensorpack._legacy import _finder, _spelling, spellings
from tensorpack._legacy._table import Gone, Ignored, Moved, Old, Part, Table

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

TABLE = Table([Part(
    names={"utils.stats.Silent": Old("utils.stats.StatCounter", loud=False), "utils.stats.Counter": "utils.stats.StatCounter",
           "utils.stats.Lost": Gone("count by hand"), "utils.older.Counter": "utils.stats.StatCounter"},
    star={"utils.stats": {"Starred": "utils.timer.Timer"}},
    modules={"utils.older": Moved("utils.stats utils.timer")},
    keywords={"utils.stats.f": {"nr": "num", "unused": Ignored("nobody asks"), "lost": Gone("a loop")}},
    behaviours={"f(x) twice": "f(x)"})])


@pytest.fixture
def stats():
    """A module as `utils.stats` that has been through the finder's hands."""
    module = types.ModuleType("tensorpack.utils.stats")
    module.__dict__.update(f=lambda value, num=0: (value, num), __all__=["StatCounter"])
    _finder.adapt(module, TABLE)
    return module


def test_an_old_name_is_today_s_object_and_warns_once(stats, warnings):
    from tensorpack.utils.stats import StatCounter

    assert stats.Counter is StatCounter and stats.Counter is StatCounter
    assert warnings() == ["tensorpack.utils.stats.Counter is the spelling of an older tensorpack; "
                          "today: tensorpack.utils.stats.StatCounter"]
    assert stats.Silent is StatCounter and len(warnings()) == 1
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        stats.Nonsense  # noqa: B018


def test_names_of_a_star_import_are_public_and_silent(stats, warnings, monkeypatch):
    assert stats.__all__ == ["Starred", "StatCounter"] and "Starred" in dir(stats)
    stats.StatCounter = None
    monkeypatch.setitem(sys.modules, "tensorpack.utils.stats", stats)
    namespace = {}
    exec("from tensorpack.utils.stats import *", namespace)
    assert namespace["Starred"].__name__ == "Timer" and not warnings()


def test_star_and_name_of_a_package_are_told_apart(run_program):
    code = ("from tensorpack import *\nassert ParamRestore is DictRestore\nprint('MARK')\n"
            "from tensorpack import ParamRestore")
    _, output = run_program("-c", code, folder=ROOT)
    before, after = output.split("MARK")
    assert "older tensorpack" not in before and "tensorpack.ParamRestore is the spelling" in after


def test_what_is_gone_says_so_when_it_is_used(stats, warnings):
    lost = stats.Lost
    assert not isinstance(3, lost) and not warnings()
    for use in (lost, lambda: lost(1, a=2), lambda: type("Derived", (lost,), {})):
        with pytest.raises(NotImplementedError, match=r"tensorpack\.utils\.stats\.Lost .*not provided; instead: count by hand"):
            use()


def test_old_keywords(stats, warnings):
    assert stats.f(1, nr=2) == (1, 2) and stats.f(1, num=3) == (1, 3) and stats.f(1, nr=4) == (1, 4)
    assert warnings() == ["f(nr=) is the spelling of an older tensorpack; today: f(num=)"]
    assert stats.f(5, unused=1) == (5, 0) and "nobody asks" in warnings()[-1]
    with pytest.raises(TypeError, match="'nr' is the old spelling of 'num'; got both"):
        stats.f(1, nr=2, num=2)
    with pytest.raises(TypeError, match="'lost'.*instead: a loop"):
        stats.f(1, lost=2)
    with pytest.raises(TypeError, match="nonsense"):
        stats.f(1, nonsense=2)


class Base:
    def hook(self):
        raise NotImplementedError()


def forward(self):
    return self._hook() + " by its old name"


_spelling.old_hooks(Base, {"hook": {"_hook": forward, "_older_hook": lambda self: self._older_hook() + ", older"}})


def defines(base, *names):
    return type("Derived", base if isinstance(base, tuple) else (base,),
                {name: (lambda self, name=name: name) for name in names})


@pytest.mark.parametrize("cls, result", [
    (lambda: defines(Base, "_hook"), "_hook by its old name"),
    (lambda: defines(Base, "hook"), "hook"),
    (lambda: defines(Base, "_older_hook"), "_older_hook, older"),
    (lambda: defines(Base, "hook", "_hook"), "_hook by its old name"),
    (lambda: defines(defines(Base, "_hook"), "hook"), "hook"),
    (lambda: defines(defines(Base, "hook"), "_hook"), "_hook by its old name"),
    (lambda: defines(defines(Base, "_hook")), "_hook by its old name"),
    (lambda: defines(defines(Base, "_hook"), "_hook"), "_hook by its old name"),
    (lambda: defines((defines(object, "_hook"), Base)), "_hook by its old name"),
    (lambda: defines((defines(object, "_hook"), defines(Base, "hook"))), "_hook by its old name"),
    (lambda: defines((defines(object, "hook"), defines(Base, "_hook"))), "hook"),
], ids=["old", "new", "oldest", "both", "new-below-old", "old-below-new", "inherited", "overridden", "mixin", "mixin-first",
        "new-mixin"])
def test_the_most_derived_hook_wins(cls, result):
    assert cls()().hook() == result


def test_a_helper_that_has_the_name_of_an_old_hook_is_no_hook():
    class Mine(Base):
        def hook(self):
            return self._hook(3)

        def _hook(self, number):
            return number

    assert Mine().hook() == type("Derived", (Mine,), {})().hook() == 3


def test_the_hook_of_a_parent_is_called_by_its_old_name():
    class New(Base):
        def hook(self):
            return "new"

    class Older(New):
        def _hook(self):
            return "older, " + super()._hook()

    class Newer(Older):
        def hook(self):
            return "newer, " + super().hook()

    class Last(Newer):
        def _hook(self):
            return "last, " + super()._hook()

    assert New()._hook() == New()._older_hook() == "new"
    assert Older().hook() == "older, new by its old name"
    assert Newer().hook() == "newer, older, new by its old name"
    assert Last().hook() == "last, older, new by its old name"


def test_a_gone_module_finds_its_names_where_they_are(warnings, monkeypatch):
    finder = _finder.LegacyFinder(Table([Part(names={"utils.older.Counter": "utils.stats.StatCounter"},
                                              modules={"utils.older": Moved("utils.stats utils.timer")})]))
    monkeypatch.setattr(sys, "meta_path", [finder] + sys.meta_path)
    from tensorpack.utils.older import Counter, RatioCounter, Timer

    assert (Counter.__name__, RatioCounter.__name__, Timer.__name__) == ("StatCounter", "RatioCounter", "Timer")
    assert warnings()[0] == ("tensorpack.utils.older is the spelling of an older tensorpack; "
                             "today: tensorpack.utils.stats, tensorpack.utils.timer")
    older = sys.modules["tensorpack.utils.older"]
    assert "Counter" in older.__all__ and "RatioCounter" in older.__all__
    with pytest.raises(ImportError, match="Nonsense"):
        from tensorpack.utils.older import Nonsense  # noqa: F401
    del sys.modules["tensorpack.utils.older"], sys.modules["tensorpack.utils"].older


def test_a_module_of_today_keeps_what_tools_ask_of_it():
    import importlib.machinery
    import inspect

    from tensorpack.tfutils import sessinit

    assert isinstance(sessinit.__loader__, importlib.machinery.SourceFileLoader)
    assert "def SmartInit" in inspect.getsource(sessinit)
    assert list(inspect.signature(sessinit.DictRestore).parameters)[0] == "variable_dict"


def test_spellings_are_those_of_the_tables():
    found = TABLE.spellings()
    assert found["tensorpack.utils.older.Timer"] == "tensorpack.utils.timer.Timer"  # of a module that the old one was
    for name in list(found):
        if name.startswith("tensorpack.utils.older.") and name != "tensorpack.utils.older.Counter":
            del found[name]
    assert found == {
        "tensorpack.utils.stats.Silent": "tensorpack.utils.stats.StatCounter",
        "tensorpack.utils.stats.Counter": "tensorpack.utils.stats.StatCounter",
        "tensorpack.utils.stats.Lost": "not provided: count by hand",
        "tensorpack.utils.older.Counter": "tensorpack.utils.stats.StatCounter",
        "tensorpack.utils.stats.Starred": "tensorpack.utils.timer.Timer",
        "from tensorpack.utils.stats import * -> Starred": "tensorpack.utils.timer.Timer",
        "tensorpack.utils.older": "tensorpack.utils.stats, tensorpack.utils.timer",
        "f(nr)": "num", "f(unused)": "without effect: nobody asks", "f(lost)": "not provided: a loop", "f(x) twice": "f(x)"}
    assert spellings()["tensorpack.tfutils.sessinit.ParamRestore"] == "tensorpack.tfutils.sessinit.DictRestore"


def test_the_import_of_tensorpack_reads_the_tables_only():
    code = ("import sys, tensorpack\n"
            "print(sorted(m for m in sys.modules if m.startswith('tensorpack') and '_tables' not in m))")
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                         timeout=300)
    assert eval(run.stdout) == ["tensorpack", "tensorpack._exports", "tensorpack._legacy", "tensorpack._legacy._finder",
                                "tensorpack._legacy._table", "tensorpack.libinfo"]


def test_it_is_installed_once():
    tensorpack._legacy.install(tensorpack)
    assert sum(isinstance(finder, _finder.LegacyFinder) for finder in sys.meta_path) == 1
