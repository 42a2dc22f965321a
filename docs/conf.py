"""Sphinx configuration; `make docs` builds with warnings as errors."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

metadata = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
found = re.search(r'^version = "(.+)"$', metadata, re.MULTILINE)
assert found is not None

project = "pyopenssl-rs"
author = "The pyopenssl-rs developers"
project_copyright = author
release = found[1]

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
nitpicky = True
# What is documented elsewhere. There is no inventory to link to: the pages are built offline.
nitpick_ignore_regex = [
    ("py:.*", r"(collections\.abc|cryptography|datetime|hmac|os|socket|sys|threading)\..*"),
    ("py:class", r"a private( key)?|public key|cryptography|optional"),
    ("py:class", r"OpenSSL\.crypto\._EllipticCurve"),
]
myst_enable_extensions = ["colon_fence"]
highlight_language = "python"

add_module_names = False
autodoc_member_order = "bysource"
# Looking some of the functions up warns that they are deprecated.
warnings.filterwarnings("ignore", category=DeprecationWarning, module="sphinx")

html_theme = "furo"
html_title = f"pyopenssl-rs {release}"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["pages.css"]
