"""Says what is wrong where the package OpenSSL has lost its files.

pyopenssl-rs and pyOpenSSL install the same package. When one of the two is removed from an
environment that had both, its files go, and they were the other's, too. Python then finds a
directory without an ``__init__.py``, and takes this module, which lies beside it. While the package
is whole, Python never looks here.
"""

import os
import sys

raise ImportError(
    "{} has lost its files: pyOpenSSL, or another distribution that installs them too, was removed"
    " after pyopenssl-rs had been installed. Mend it with: {} -m pip install --force-reinstall"
    " --no-deps pyopenssl-rs".format(
        os.path.join(os.path.dirname(os.path.abspath(__file__)), "OpenSSL"),
        sys.executable or "python",
    ),
    name="OpenSSL",
)
