"""A WSGI application, served by werkzeug to clients with a certificate.

    python werkzeug_app.py --ca pki/ca.pem --identity pki/localhost.pem
    curl --cacert pki/ca.pem --cert pki/alice.pem https://localhost:8443/

The application is one function, but any will do: Flask's, Django's. Werkzeug's server
is meant for development; what it takes to put TLS under it is what it takes with any
server over `socketserver`. It needs the packages `werkzeug` and `cryptography`.
"""

from __future__ import annotations

import sys
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wrappers import Request, Response

from byte_stream import ByteStream
from mutual_tls import make_server_context, peer_name
from options import mutual_parser
from reports import reason, report, run


@Request.application
def application(request: Request) -> Response:
    """Greet whoever calls. `werkzeug.socket` is the connection."""
    connection: SSL.Connection = request.environ["werkzeug.socket"]
    version = connection.get_protocol_version_name()
    return Response(f"Hello {peer_name(connection)}, this is {version}.\n")


class Channel(SSL.Connection):
    """A connection with what servers over `socketserver` want of a socket."""

    def makefile(self, mode: str = "rb", buffering: int = -1) -> Any:
        return ByteStream(self).makefile()

    def getpeercert(self, binary_form: bool = False) -> Any:
        """The client's certificate in DER, as `ssl.SSLSocket` gives it to werkzeug."""
        certificate = self.get_peer_certificate(as_cryptography=True)
        return certificate and certificate.public_bytes(Encoding.DER)


class Server(ThreadedWSGIServer):
    """Werkzeug's server with a thread for each client, over TLS."""

    def __init__(self, host: str, port: int, context: SSL.Context) -> None:
        super().__init__(host, port, application)
        self._context = context
        self.ssl_context = context  # type: ignore[assignment]  # applications are told "https"

    def get_request(self) -> tuple[Any, Any]:
        client, address = super().get_request()
        connection = Channel(self._context, client)
        connection.set_accept_state()
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Runs in the client's own thread: a slow handshake delays nobody else."""
        try:
            request.do_handshake()
        except SSL.Error as error:
            report(f"{client_address[0]}: {reason(error)}")
            return
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        try:
            request.shutdown()
        except SSL.Error:
            pass  # there is nobody to say goodbye to
        request.close()


def main() -> None:
    options = mutual_parser("A WSGI application over mutual TLS.").parse_args()
    context = make_server_context(options.ca, options.identity)
    server = Server(options.host, options.port, context)
    report("listening on {}:{}".format(*server.server_address))
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(run(main))
