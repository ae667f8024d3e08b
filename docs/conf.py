"""The docs site: sphinx-build -W -n docs build/docs. Pages are Markdown; the reference is written from the code.

Sphinx, as pytest's own world has it: it reads docstrings, checks every link, and its search needs no server.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "pytest-mxperf"
release = version = metadata.version("pytest-mxperf")
copyright = "the authors of pytest-mxperf"  # noqa: A001  so Sphinx calls it
extensions = ["myst_parser", "sphinx.ext.autodoc", "reference"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"pytest-mxperf {release}"
html_static_path = []
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
suppress_warnings = ["myst.header"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"

REPOSITORY = "https://github.com/pytest-mxperf/pytest-mxperf"


def to_repository(app, docname, source):
    """Links to what lies beside this folder lead to the repository. Generated pages are a folder deeper."""
    if "/" in docname:
        return
    source[0] = re.sub(r"\]\(\.\./([^)]+)\)", rf"]({REPOSITORY}/blob/main/\1)", source[0])


def setup(app):
    app.connect("source-read", to_repository)
