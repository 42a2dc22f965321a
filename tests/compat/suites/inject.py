"""A plugin for pytest that puts pyOpenSSL in the place of the standard library's ssl in urllib3.

Tests are collected first: some are left out where the ssl module is not what it was.
"""

from __future__ import annotations


def pytest_collection_finish() -> None:
    from urllib3.contrib.pyopenssl import inject_into_urllib3

    inject_into_urllib3()
