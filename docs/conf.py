"""Sphinx's settings; `make docs` builds."""

import inspect
import os
import pathlib
import re
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import pages

import keras_vae

project = "keras_vae"
version = release = keras_vae.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["generated/*/_*"]  # parts of index.md

html_theme = "furo"
html_title = f"keras_vae {version}"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_copyright = False

default_role = "py:obj"
napoleon_custom_sections = ["Formula", "When to use"]
napoleon_use_ivar = True
napoleon_use_rtype = False
autodoc_inherit_docstrings = False  # what a variant overrides is described once, by its base
autodoc_member_order = "bysource"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 2
copybutton_prompt_text = ">>> "


def write_pages(app):
    pages.write(pathlib.Path(app.srcdir))


def mark_code(app, what, name, obj, options, lines):
    """Docstrings are read as they look: `backticks` hold code, or a name to be linked; asterisks are asterisks."""

    def marked(found):
        if found["asterisk"]:
            return r"\*"
        plain = found["example"] or found["code"].replace(".", "").isidentifier()
        return found[0] if plain else f"`{found[0]}`"

    parts = r"(?P<example>^ *>>> .*$)|(?<!`)`(?P<code>[^`]+)`(?!`)|(?P<asterisk>\*(?=\S))"
    lines[:] = re.sub(parts, marked, "\n".join(lines), flags=re.MULTILINE).split("\n")


def show_arguments(app, what, name, obj, options, signature, returned):
    """Keras hides a class's arguments behind those of its own `__new__`."""
    if what == "class" and signature == "(*args, **kwargs)":
        _, *arguments = inspect.signature(obj.__init__).parameters.values()
        return str(inspect.Signature(arguments)), returned
    return None


def skip_foreign(app, what, name, obj, skip, options):
    """Leaves out the methods that TFP gives our distributions, and the fields of named tuples, described above them."""
    foreign = not (getattr(obj, "__module__", None) or "keras_vae").startswith("keras_vae")
    return True if foreign or (obj.__doc__ or "").startswith("Alias for field number") else None


def setup(app):
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", mark_code, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", show_arguments)
    app.connect("autodoc-skip-member", skip_foreign)
