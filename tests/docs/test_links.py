"""Links between the pages of the repository lead to files that are there, and the page of examples leads to all of them."""
import glob
import os
import re

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)[^)]*\)")
PAGES = sorted({os.path.relpath(path, ROOT) for pattern in (
    "*.md", "scripts/*.md", "findings/*.md", "examples/*/*.md", "docs/*.md", "docs/[!e_]*/*.md", "docs/tutorial/*/*.md")
    for path in glob.glob(os.path.join(ROOT, pattern))})


def targets(page):
    """Paths below the root that a page links to; code between fences is no text."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        text = re.sub(r"^ *```.*?^ *```", "", f.read(), flags=re.S | re.M)
    return {os.path.normpath(os.path.join(os.path.dirname(page), path)) for path in LINK.findall(text)}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    assert [path for path in targets(page) if not os.path.exists(os.path.join(ROOT, path))] == []


def test_the_page_of_examples_links_each_script_and_its_readme():
    linked, missing = targets(os.path.join("docs", "examples.md")), []
    for path in glob.glob(os.path.join(ROOT, "examples", "*", "*")):
        if path.endswith(".py"):
            with open(path, encoding="utf-8") as f:
                if "__main__" not in f.read():  # a module of the scripts
                    continue
        elif not path.endswith("README.md"):
            continue
        if os.path.relpath(path, ROOT) not in linked:
            missing.append(path)
    assert not missing and len(linked) > 50


def test_each_script_is_described():
    named = targets(os.path.join("scripts", "README.md"))
    files = {os.path.join("scripts", name) for name in os.listdir(os.path.join(ROOT, "scripts"))}
    assert files - named <= {os.path.join("scripts", "README.md"), os.path.join("scripts", "__pycache__")}
