"""The site: `make docs` builds it, and loads nothing from elsewhere."""

import sys
from pathlib import Path
from typing import Any

import doubles_ffi

sys.path.append(str(Path(__file__).parent))

project = "doubles_ffi"
copyright = "2026 the developers of doubles_ffi"  # noqa: A001 (Sphinx's name)
version = release = doubles_ffi.__version__

extensions = [
    "c_header",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_argparse_cli",
]

# Docstrings name functions in backticks: where there is such a one, that is a link.
default_role = "py:obj"
autodoc_member_order = "groupwise"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 60
c_maximum_signature_line_length = 60
toc_object_entries_show_parents = "hide"

# Headings down to the third level can be linked to, by the names that a git host gives them.
myst_heading_anchors = 3

# A copied session has no prompts and no output.
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = "doubles_ffi"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_use_index = html_domain_indices = False
html_theme_options = {"top_of_page_buttons": []}
html_copy_source = html_show_sourcelink = False


def setup(app: Any) -> None:
    """Lead links to documents outside of `docs` to their pages."""

    def read(_app: Any, _page: str, source: list[str]) -> None:
        source[0] = source[0].replace("](../CONTRIBUTING.md)", "](contributing.md)")

    def include(_app: Any, _path: Path, _page: str, source: list[str]) -> None:
        source[0] = source[0].replace("](SECURITY.md)", "](docs/security.md)")

    app.connect("source-read", read)
    app.connect("include-read", include)
