"""TLS without a socket: bytes between two connections, carried by hand.

A Connection made without a socket reads from one memory buffer and writes to another.
That is how TLS comes to a transport of your own: an event loop, a queue, a tunnel in a
tunnel.

    python memory_bio.py --tls 1.2
"""

from __future__ import annotations

import argparse
import time
import warnings

from OpenSSL import SSL

from self_signed import self_signed

# pyOpenSSL would rather have certificates handled by `cryptography`. This program wants
# nothing but OpenSSL itself.
warnings.filterwarnings("ignore", "Passing pyOpenSSL", DeprecationWarning)


def make_pair(highest: int) -> tuple[SSL.Connection, SSL.Connection]:
    """Make a client that trusts exactly this server, and the server."""
    key, certificate = self_signed("memory")

    server_context = SSL.Context(SSL.TLS_SERVER_METHOD)
    server_context.use_certificate(certificate)
    server_context.use_privatekey(key)
    server = SSL.Connection(server_context, None)
    server.set_accept_state()

    client_context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client_context.set_max_proto_version(highest)
    client_context.set_verify(SSL.VERIFY_PEER)
    store = client_context.get_cert_store()
    assert store is not None
    store.add_cert(certificate)
    client = SSL.Connection(client_context, None)
    client.set_connect_state()

    return client, server


def carry(source: SSL.Connection, target: SSL.Connection) -> int:
    """Carry what one end wrote to the other; return how many bytes there were."""
    total = 0
    while True:
        try:
            data = source.bio_read(64 * 1024)
        except SSL.WantReadError:  # nothing more to carry
            return total
        total += len(data)
        while data:
            data = data[target.bio_write(data) :]


def handshake(client: SSL.Connection, server: SSL.Connection) -> int:
    """Let both ends take steps until both are done; return how many bytes it took."""
    waiting = [client, server]
    total = 0
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except SSL.WantReadError:
                pass  # its peer has to speak first
            total += carry(client, server) + carry(server, client)
    return total


def send(source: SSL.Connection, target: SSL.Connection, message: bytes) -> bytes:
    """Send a message from one end to the other; return what arrived."""
    source.sendall(message)
    carry(source, target)
    received = b""
    while len(received) < len(message):
        received += target.recv(16 * 1024)
    return received


def close(client: SSL.Connection, server: SSL.Connection) -> bool:
    """Say goodbye from both ends; return whether both have heard the other."""
    client.shutdown()
    carry(client, server)
    server.shutdown()
    carry(server, client)
    return client.shutdown() and server.shutdown()


def main() -> None:
    versions = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
    parser = argparse.ArgumentParser(description="TLS without a socket.")
    parser.add_argument(
        "--tls", choices=versions, default="1.3", help="highest version"
    )
    options = parser.parse_args()

    client, server = make_pair(versions[options.tls])
    start = time.perf_counter()
    total = handshake(client, server)
    took = time.perf_counter() - start
    print(f"handshake   {total} bytes in {1000 * took:.1f} ms")
    print(
        f"negotiated  {client.get_protocol_version_name()}, {client.get_cipher_name()}"
    )
    print(f"to server   {send(client, server, b'Is anybody there?').decode()}")
    print(f"to client   {send(server, client, b'Only memory.').decode()}")
    ends = "cleanly, by both ends" if close(client, server) else "by one end"
    print(f"closed      {ends}")


if __name__ == "__main__":
    main()
