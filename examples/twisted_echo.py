"""An echo server and its client with Twisted, whose TLS runs on the package OpenSSL.

    python twisted_echo.py serve --ca pki/ca.pem --identity pki/localhost.pem
    python twisted_echo.py talk --ca pki/ca.pem --identity pki/alice.pem hello

Both ends show a certificate, and Twisted compares the server's with the host's name. It
needs the packages `twisted` and `service-identity`; the extra `twisted[tls]` would
install pyOpenSSL as well, in the place of this package.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet import endpoints, ssl, task
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from mutual_tls import peer_name
from options import serve_or_talk
from reports import reason, report


class Echo(Protocol):
    """The server's end of a connection."""

    def connectionMade(self) -> None:
        self._name = "{0.host}:{0.port}".format(self.transport.getPeer())
        self._greeted = False

    def dataReceived(self, data: bytes) -> None:
        if not self._greeted:  # the handshake is over when the first data come
            connection: SSL.Connection = self.transport.getHandle()
            version = connection.get_protocol_version_name()
            report(f"{self._name}: {version}, {peer_name(connection)}")
            self._greeted = True
        self.transport.write(data)

    def connectionLost(self, why: Failure = connectionDone) -> None:
        if why.check(SSL.Error):
            report(f"{self._name}: {reason(why.value)}")
        else:
            report(f"{self._name}: {'done' if self._greeted else 'gone'}")


class Ask(LineReceiver):
    """The client's end: sends words, and collects their echo."""

    delimiter = b"\n"

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._echo: list[str] = []
        self.done: Deferred[list[str]] = Deferred()

    def connectionMade(self) -> None:
        for word in self._words:
            self.sendLine(word.encode())

    def lineReceived(self, line: bytes) -> None:
        self._echo.append(line.decode())
        if len(self._echo) == len(self._words):
            self.transport.loseConnection()

    def connectionLost(self, why: Failure = connectionDone) -> None:
        if len(self._echo) == len(self._words):
            self.done.callback(self._echo)
        else:
            self.done.errback(why)


def load(options: argparse.Namespace) -> tuple[ssl.Certificate, ssl.PrivateCertificate]:
    """The authority's certificate, and our own with its key."""
    identity = ssl.PrivateCertificate.loadPEM(Path(options.identity).read_bytes())
    return ssl.Certificate.loadPEM(Path(options.ca).read_bytes()), identity


def serve(reactor: Any, options: argparse.Namespace) -> Deferred[None]:
    authority, identity = load(options)
    context = identity.options(authority)  # which has clients show a certificate
    endpoint = endpoints.SSL4ServerEndpoint(
        reactor, options.port, context, interface=options.host
    )

    def listening(port: Any) -> Deferred[None]:
        report("listening on {0.host}:{0.port}".format(port.getHost()))
        return Deferred()  # until the reactor stops, at Ctrl-C

    return endpoint.listen(Factory.forProtocol(Echo)).addCallback(listening)


def talk(reactor: Any, options: argparse.Namespace) -> Deferred[None]:
    authority, identity = load(options)
    context = ssl.optionsForClientTLS(
        options.host, trustRoot=authority, clientCertificate=identity
    )
    tcp = endpoints.HostnameEndpoint(reactor, options.host, options.port)
    ask = Ask(options.word)

    def show(echo: list[str]) -> None:
        for line in echo:
            print(line)

    connected = endpoints.connectProtocol(endpoints.wrapClientTLS(context, tcp), ask)
    return connected.addCallback(lambda _: ask.done).addCallback(show)


def main() -> None:
    options = serve_or_talk("Echo over TLS, with Twisted.")

    def run(reactor: Any) -> Deferred[None]:
        chosen = serve if options.command == "serve" else talk
        return chosen(reactor, options).addErrback(complain)

    def complain(failure: Failure) -> None:
        error = failure.value
        words = reason(error) if isinstance(error, SSL.Error) else str(error)
        print(f"Failed: {words}", file=sys.stderr)
        raise SystemExit(1)

    task.react(run)


if __name__ == "__main__":
    main()
