"""Settings of the documentation site; `make docs` builds it, and treats warnings as errors."""
import os
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


def _signature_of_layers(app, what, name, obj, options, signature, return_annotation):
    """A registered layer takes its name first, which the wrapped function does not show."""
    use_scope = getattr(obj, "use_scope", False)
    is_layer = use_scope is not False and getattr(obj, "__argscope_enabled__", False)
    if signature and is_layer and " name:" not in signature:
        signature = "(name" + (", " if use_scope else "=..., ") + signature[1:]
    return signature, return_annotation
