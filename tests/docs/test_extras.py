"""The extras are those in the README's table; what messages about missing packages ask for is in one of them."""
import glob
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Asked for in tools for developers only, or by adapters for programs that bring it.
NO_EXTRA = {"ml_dtypes", "ipython", "comet_ml", "gym", "jax", "opencv-python", "pyzmq", "torch"}


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as f:
        return f.read()


def extras():
    """Name -> requirements, as in setup.py."""
    code = re.search(r"^extras = .*?(?=^setup\()", read("setup.py"), re.M | re.S).group()
    protobuf = re.search(r"^PROTOBUF = .*$", read("setup.py"), re.M).group()
    namespace = {}
    exec(protobuf + "\n" + code, namespace)
    return namespace["extras"]


def test_the_table_in_the_readme_has_every_extra():
    rows = re.search(r"^\| extra, .*?\n\|---.*?\n(.*?)\n\n", read("README.md"), re.M | re.S).group(1).split("\n")
    named = [name for row in rows for name in re.findall(r"`([\w-]+)`", row.split("|")[1])]
    assert sorted(named) == sorted(extras())


def test_packages_that_messages_ask_for_are_in_an_extra():
    required = re.search(r"install_requires=(\[.*?\])", read("setup.py"), re.S).group(1)
    brought = {re.split(r"[<>=; ]", each)[0] for packages in extras().values() for each in packages}
    brought.update(re.findall(r'"([\w-]+)', required))
    asked = set()
    for path in glob.glob(os.path.join(ROOT, "tensorpack", "**", "*.py"), recursive=True):
        asked.update(re.findall(r'optional_import\([^)]*pip="([\w-]+)', read(path)))
    assert len(asked) > 8 and asked - brought <= NO_EXTRA
