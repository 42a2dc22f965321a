"""A web server on Twisted: `python -m measuring.site IDENTITIES`. server.py drives it.

Twisted takes whatever package `OpenSSL` there is. The pages are /1024 and /65536, of so many bytes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from twisted.internet import endpoints, reactor, ssl
from twisted.web import resource, server

SIZES = (1024, 65536)


class Page(resource.Resource):  # type: ignore[misc]
    isLeaf = True  # noqa: N815

    def __init__(self, size: int) -> None:
        super().__init__()
        self._body = bytes(size)

    def render_GET(self, request: server.Request) -> bytes:
        request.setHeader(b"content-type", b"application/octet-stream")
        return self._body


def options(identity: Path) -> ssl.CertificateOptions:
    pem = identity.read_bytes()
    held = ssl.PrivateCertificate.loadPEM(pem)
    return held.options()


def main() -> None:
    import OpenSSL
    import twisted

    root = resource.Resource()
    for size in SIZES:
        root.putChild(str(size).encode(), Page(size))
    site = server.Site(root)
    site.displayTracebacks = False
    listening = endpoints.SSL4ServerEndpoint(
        reactor, 0, options(Path(sys.argv[1], "ecdsa.pem")), interface="127.0.0.1"
    ).listen(site)

    def say(port: object) -> None:
        about = {
            "library": "pyopenssl-rs" if hasattr(OpenSSL, "_rust") else "pyOpenSSL",
            "twisted": twisted.__version__,
            "port": port.getHost().port,  # type: ignore[attr-defined]
        }
        print(json.dumps(about), flush=True)

    listening.addCallback(say)
    reactor.run()


if __name__ == "__main__":
    main()
