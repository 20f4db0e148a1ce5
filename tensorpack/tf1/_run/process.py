"""What makes a process one in which programs of TensorFlow 1 run."""
from __future__ import annotations

import sys

from .children import set_children_up
from .environment.restore import restore_environment
from .errors import show_errors
from .hooks import AfterImport
from .paths import LostPaths
from .source import read_by_us
from .version_1 import become_version_1, give_version_1, show_today_to_its_packages


def set_up() -> None:
    """Make this process, and those that it spawns, one in which programs of TensorFlow 1 run."""
    sys.meta_path.insert(0, LostPaths())
    show_today_to_its_packages()
    AfterImport({"tensorflow": become_version_1, "tensorpack.compat": give_version_1}).install()
    restore_environment()
    read_by_us()
    set_children_up()
    show_errors()
