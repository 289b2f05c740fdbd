"""The book as a site: `sphinx-build -W --keep-going -b html docs build/site`, with no request to another host."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from sphinx.application import Sphinx

import groundup

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "extensions"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(DOCS / "book"), os.environ.get("PYTHONPATH"))))
# A chapter's cells run beside each other's; one thread each is enough for what they compute.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # the debugger of a kernel would warn, and a warning is an error

project = "groundup"
author = "the authors of groundup"
version = release = groundup.__version__
html_title = "groundup"
project_copyright = "the authors of groundup, MIT licence"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinx_click",
    "sphinx_copybutton",
    "numpydoc",
    "source_pages",
]
exclude_patterns = ["exercises/*.py", "extensions", "static"]
suppress_warnings = ["config.cache"]

# --- Pages and cells ---------------------------------------------------------------------------------------------
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
smartquotes_action = "qe"  # no dashes: --train stays what it is
nb_execution_mode = "cache"
nb_execution_timeout = 600  # seconds a cell; a busy machine is no failure
nb_execution_raise_on_error = True
nb_merge_streams = True  # what several prints say is one block
nb_output_stderr = "remove-warn"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # its default asks two other hosts for scripts

# --- Reference ---------------------------------------------------------------------------------------------------
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's tables have them
autodoc_default_options = {"members": True, "show-inheritance": True}
default_role = "code"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# --- Looks -------------------------------------------------------------------------------------------------------
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["groundup.css"]
html_copy_source = False
html_show_sphinx = False
mathjax_path = "mathjax/tex-chtml.js"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_exclude = ".linenos, .gp, .go"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0072B2", "color-brand-content": "#0072B2"},
    "dark_css_variables": {"color-brand-primary": "#56B4E9", "color-brand-content": "#56B4E9"},
}


def setup(app: Sphinx) -> None:
    """Take a star in help texts and docstrings, as in ``photos/*.jpg`` and ``(N, *input_shape)``, for a star."""

    def help_text(app: Sphinx, context: click.Context, lines: list[str]) -> None:
        lines[:] = [line.replace("*", r"\*") for line in lines]

    def docstring(app: Sphinx, what: str, name: str, documented: object, options: object, lines: list[str]) -> None:
        lines[:] = [line.replace("(N, *", r"(N, \*") for line in lines]

    app.connect("sphinx-click-process-description", help_text)
    app.connect("autodoc-process-docstring", docstring)
