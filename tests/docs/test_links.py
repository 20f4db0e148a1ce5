"""Links between the pages of the repository lead to files that are there; what is in its smaller folders is linked."""
import glob
import os
import re

import pytest

pytestmark = pytest.mark.slow_on(1)  # files are the same
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)[^)]*\)")
PAGES = sorted({os.path.relpath(path, ROOT) for pattern in (
    "*.md", "scripts/*.md", "findings/*.md", "examples/*/*.md", "docs/*.md", "docs/[!e_]*/*.md", "docs/tutorial/*/*.md")
    for path in glob.glob(os.path.join(ROOT, pattern))})


def targets(page):
    """Paths below the root that a page links to; code is no text."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        text = re.sub(r"^ *```.*?^ *```|`[^`\n]+`", "", f.read(), flags=re.S | re.M)
    return {os.path.normpath(os.path.join(os.path.dirname(page), path)) for path in LINK.findall(text)}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    assert [path for path in targets(page) if not os.path.exists(os.path.join(ROOT, path))] == []


@pytest.mark.parametrize("folder", ["scripts", "findings"])
def test_each_script_is_described(folder):
    described = targets(os.path.join(folder, "README.md"))
    files = {os.path.join(folder, name) for name in os.listdir(os.path.join(ROOT, folder))}
    without = {os.path.join(folder, name) for name in ("README.md", "lib", "__pycache__")}
    assert files - described - without == set() and len(files) > 4


@pytest.mark.parametrize("path", glob.glob(os.path.join(ROOT, "findings", "*.sh")), ids=os.path.basename)
def test_a_finding_pins_its_packages_and_says_what_answers_it(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert re.match(r"#!/bin/sh\n(# .*\n)+# Answered by.*\n(# .*\n)*\. .*lib/finding.sh", text)
    packages = re.findall(r"^ *environment \S+ (.*)$", text, re.M)
    assert packages and all("==" in package for line in packages for package in line.split())
    assert re.search(r"^expect <<'END'\n[^\n]+\n", text, re.M) and "tensorpack" not in text
