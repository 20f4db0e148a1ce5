"""Every example is described, and every script is run by a test."""
import glob
import os
import re

import pytest
from example_runner import EXAMPLES

FOLDERS = sorted(name for name in os.listdir(EXAMPLES) if os.path.isdir(os.path.join(EXAMPLES, name)) and name[0] not in "._")


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as f:
        return f.read()


def scripts(folder):
    """The files that are run, not imported."""
    names = [name for name in os.listdir(os.path.join(EXAMPLES, folder)) if name.endswith(".py")]
    return sorted(name for name in names if read(EXAMPLES, folder, name).startswith("#!"))


def other_tests():
    here = os.path.dirname(os.path.abspath(__file__))
    return "".join(read(path) for path in glob.glob(os.path.join(here, "test_*.py")) if path != os.path.abspath(__file__))


def test_every_script_but_those_that_are_named_has_fake_data():
    named = re.search(r"Without it are (.*?), which", read(EXAMPLES, "..", "docs", "examples.md"), re.S).group(1)
    without = set(re.findall(r"`([\w-]+\.py)`", named))
    found = {name for folder in FOLDERS for name in scripts(folder) if not has_fake_data(folder, name)}
    assert found == without


def has_fake_data(folder, name):
    """Whether the option is defined in the script, or in a module beside it that it imports."""
    text = read(EXAMPLES, folder, name)
    beside = [module + ".py" for module in re.findall(r"^from (\w+) import", text, re.M)]
    texts = [text] + [read(EXAMPLES, folder, each) for each in beside if os.path.exists(os.path.join(EXAMPLES, folder, each))]
    return any("--fake" in each for each in texts)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_script_is_described_and_tested(folder):
    assert scripts(folder)
    readme, site, all_tests = read(EXAMPLES, folder, "README.md"), read(EXAMPLES, "..", "docs", "examples.md"), other_tests()
    assert "[`{0}`](../examples/{0}/README.md)".format(folder) in site
    for name in scripts(folder):
        assert name in readme and "[`{0}`](../examples/{1}/{0})".format(name, folder) in site
        assert re.search(r"""["'/ ]{}(\.py)?[ "']""".format(re.escape(name[:-len(".py")])), all_tests), name
