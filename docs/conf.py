"""Sphinx configuration; `make docs` builds with warnings as errors."""

from __future__ import annotations

import re
from pathlib import Path

metadata = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
found = re.search(r'^version = "(.+)"$', metadata, re.MULTILINE)
assert found is not None

project = "pyopenssl-rs"
author = "The pyopenssl-rs developers"
project_copyright = author
release = found[1]

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = f"pyopenssl-rs {release}"
html_copy_source = False
html_show_sphinx = False
