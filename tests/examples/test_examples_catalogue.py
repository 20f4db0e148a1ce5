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


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_script_is_described_and_tested(folder):
    assert scripts(folder)
    readme, site, all_tests = read(EXAMPLES, folder, "README.md"), read(EXAMPLES, "..", "docs", "examples.md"), other_tests()
    assert "[`{0}`](../examples/{0}/README.md)".format(folder) in site
    for name in scripts(folder):
        assert name in readme and "[`{0}`](../examples/{1}/{0})".format(name, folder) in site
        assert re.search(r"""["'/ ]{}(\.py)?[ "']""".format(re.escape(name[:-len(".py")])), all_tests), name
