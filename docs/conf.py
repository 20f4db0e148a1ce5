"""Settings of the documentation site; `make docs` builds it, and treats warnings as errors."""
import glob
import importlib.util
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tensorpack.libinfo import __version__  # noqa: E402

project = "tensorpack"
author = "the tensorpack contributors"
copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
add_module_names = False  # each module is a heading
source_suffix = {".md": "markdown"}
default_role = "code"  # `name` in a docstring is code

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "tensorpack"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}


def setup(app):
    app.connect("autodoc-process-signature", _signature_of_layers)
    app.connect("builder-inited", _make_pages_of_examples)
    app.connect("source-read", _point_to_pages_of_examples)
    if importlib.util.find_spec("jupytext"):
        app.connect("builder-inited", _make_notebooks)
        app.connect("source-read", _point_to_notebook)


def _make_pages_of_examples(app):
    """The README of each folder of examples as a page, docs/examples/<folder>.md, which is no part of the repository."""
    os.makedirs(os.path.join(ROOT, "docs", "examples"), exist_ok=True)
    for readme in glob.glob(os.path.join(ROOT, "examples", "*", "README.md")):
        folder = os.path.basename(os.path.dirname(readme))
        with open(readme, encoding="utf-8") as f:
            text = _with_links_from(f.read(), "examples/" + folder, "docs/examples")
        with open(os.path.join(ROOT, "docs", "examples", folder + ".md"), "w", encoding="utf-8") as f:
            f.write(text)


def _point_to_pages_of_examples(app, page, source):
    if not page.startswith("examples/"):
        source[0] = _with_links_from(source[0], os.path.dirname("docs/" + page), os.path.dirname("docs/" + page))


# Without it the language of most blocks, which may be that of the shell, is taken for that of the notebook.
_KERNEL = "---\njupyter:\n  kernelspec:\n    display_name: Python 3\n    language: python\n    name: python3\n---\n\n"


def _make_notebooks(app):
    """Each tutorial with code as a notebook, docs/notebooks/<page>.ipynb, which is no part of the repository."""
    import jupytext

    for page_file in glob.glob(os.path.join(ROOT, "docs", "tutorial", "**", "*.md"), recursive=True):
        page = os.path.relpath(page_file, os.path.join(ROOT, "docs"))[:-len(".md")]
        with open(page_file, encoding="utf-8") as f:
            text = _with_links_from(f.read(), os.path.dirname("docs/" + page), os.path.dirname("docs/notebooks/" + page))
        if "\n```python\n" not in text:
            continue
        path = os.path.join(ROOT, "docs", "notebooks", page + ".ipynb")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        notebook = jupytext.reads(_KERNEL + text, "md")
        for cell in notebook.cells:
            if cell.cell_type == "code" and cell.source.startswith("%%"):  # such as a server that the shell starts
                language, code = cell.source[len("%%"):].split("\n", 1)
                cell.update(cell_type="markdown", source="```{}\n{}\n```".format(language, code))
                del cell["outputs"], cell["execution_count"]
        jupytext.write(notebook, path)


def _point_to_notebook(app, page, source):
    """A link below the title."""
    path = os.path.join(ROOT, "docs", "notebooks", page + ".ipynb")
    if os.path.exists(path):
        title, rest = source[0].split("\n", 1)
        link = os.path.relpath(path, os.path.dirname(os.path.join(ROOT, "docs", page)))
        source[0] = "{}\n\n[This page as a notebook]({})\n{}".format(title, link, rest)


def _with_links_from(text, old, new):
    """Markdown whose relative links are those of a file in folder `old`, rewritten for a page in `new`."""
    def link(match):
        path, _, anchor = match.group(1).partition("#")
        if not path:  # within the page
            return match.group()
        path = os.path.normpath(os.path.join(old, path))
        page = re.match(r"examples/([^/]+)(/README.md)?$", path)
        if page:  # a folder or its README
            path = "docs/examples/{}.md".format(page.group(1))
        return "]({}{})".format(os.path.relpath(path, new), anchor and "#" + anchor)
    return re.sub(r"\]\((?!\w+:)([^)]+)\)", link, text)


def _signature_of_layers(app, what, name, obj, options, signature, return_annotation):
    """A registered layer takes its name first, which the wrapped function does not show."""
    use_scope = getattr(obj, "use_scope", False)
    is_layer = use_scope is not False and getattr(obj, "__argscope_enabled__", False)
    if signature and is_layer and " name:" not in signature:
        signature = "(name" + (", " if use_scope else "=..., ") + signature[1:]
    return signature, return_annotation
