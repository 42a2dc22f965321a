"""A TLS echo over Twisted: a server, and a client that verifies its certificate and its name.

    python tests/wheel/twisted_echo.py

Prints what came back. Needs Twisted[tls], and nothing of this tree.
"""

from __future__ import annotations

import datetime
import sys
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import defer, endpoints, protocol, ssl, task

MESSAGE = b"echo this, " * 20_000


def identity() -> bytes:
    """A key and a certificate of it for localhost, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class Echo(protocol.Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Client(protocol.Protocol):
    def __init__(self) -> None:
        self.received = b""
        self.done: defer.Deferred[str] = defer.Deferred()

    def connectionMade(self) -> None:
        self.transport.write(MESSAGE)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        if len(self.received) >= len(MESSAGE):
            self.version = self.transport.getHandle().get_protocol_version_name()
            self.transport.loseConnection()

    def connectionLost(self, reason: Any = protocol.connectionDone) -> None:
        if self.received == MESSAGE:
            self.done.callback(f"{len(MESSAGE)} bytes came back over {self.version}")
        else:
            self.done.errback(reason)


async def main(reactor: Any) -> None:
    pem = identity()
    served = endpoints.SSL4ServerEndpoint(
        reactor, 0, ssl.PrivateCertificate.loadPEM(pem).options(), interface="127.0.0.1"
    )
    port = await served.listen(protocol.Factory.forProtocol(Echo))
    trust = ssl.Certificate.loadPEM(pem)
    for host, accepted in (("localhost", True), ("elsewhere.example", False)):
        client = Client()
        options = ssl.optionsForClientTLS(host, trustRoot=trust)
        connecting = endpoints.HostnameEndpoint(reactor, "127.0.0.1", port.getHost().port)
        wrapped = endpoints.wrapClientTLS(options, connecting)
        await endpoints.connectProtocol(wrapped, client)
        try:
            print(f"{host}: {await client.done}")
        except Exception as error:
            if accepted:
                raise
            print(f"{host}: refused, {error}")
        else:
            if not accepted:
                sys.exit(f"The certificate of localhost was taken for one of {host}")
    await port.stopListening()


if __name__ == "__main__":
    task.react(lambda reactor: defer.ensureDeferred(main(reactor)))
