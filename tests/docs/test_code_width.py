"""Code on the pages is as wide as the pages of the site are: what is wider has to be scrolled to be read."""
import glob
import os
import re

import pytest

pytestmark = pytest.mark.slow_on(1)  # files are the same
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COLUMNS = 88
PAGES = sorted(os.path.relpath(path, ROOT) for pattern in (
    "README.md", "CONTRIBUTING.md", "docs/*.md", "docs/[!e_]*/*.md", "docs/tutorial/*/*.md", "examples/*/README.md",
    "findings/README.md", "scripts/README.md") for path in glob.glob(os.path.join(ROOT, pattern)))



def code_lines(text):
    """[(number of the line, line)] of what is between fences."""
    found, fence = [], None
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r" *(```+|~~~+)", line)
        if mark and fence is None:
            fence = mark.group(1)
        elif mark and line.strip() == fence:
            fence = None
        elif fence:
            found.append((number, line))
    return found


def test_lines_of_code_are_found():
    text = "a\n```python\nb\n```\nc\n~~~~\nd\n```\n~~~~\n````\n```\n````\ne"
    assert code_lines(text) == [(3, "b"), (7, "d"), (8, "```"), (11, "```")]


@pytest.mark.parametrize("page", PAGES)
def test_code_fits_on_the_page(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        wide = ["{}:{} has {} columns: {}".format(page, number, len(line), line)
                for number, line in code_lines(f.read()) if len(line) > COLUMNS]
    assert not wide, "\n".join(wide)
