"""A mutual-TLS echo server and its client for asyncio, over memory buffers.

    python asyncio_echo.py serve --ca pki/ca.pem --identity pki/localhost.pem
    python asyncio_echo.py talk --ca pki/ca.pem --identity pki/alice.pem hello

The server gives each client back what it sends. Ctrl-C ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

from OpenSSL import SSL

from mutual_tls import make_client_context, make_server_context, peer_name
from options import serve_or_talk
from reports import reason, report, run
from tls_streams import TLSStream
from verify_host import check_host

HANDSHAKE_PATIENCE = 10  # in seconds
IDLE_PATIENCE = 60


class Server:
    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    async def serve(self, host: str, port: int) -> None:
        server = await asyncio.start_server(self._welcome, host, port)
        async with server:
            for listener in server.sockets:
                report("listening on {}:{}".format(*listener.getsockname()[:2]))
            await server.serve_forever()

    async def _welcome(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        name = "{}:{}".format(*writer.get_extra_info("peername")[:2])
        connection = SSL.Connection(self._context)  # no socket: memory buffers
        connection.set_accept_state()
        stream = TLSStream(connection, reader, writer)
        try:
            await self._live(stream, name)
        except SSL.SysCallError as error:
            report(f"{name}: gone without goodbye ({error.args[-1]})")
        except SSL.Error as error:
            report(f"{name}: {reason(error)}")
        except asyncio.TimeoutError:
            report(f"{name}: too slow")
        except OSError as error:
            report(f"{name}: {error}")
        else:
            report(f"{name}: done")
        finally:
            stream.abort()

    async def _live(self, stream: TLSStream, name: str) -> None:
        """Live one client's life, from the handshake to the last close_notify."""
        await asyncio.wait_for(stream.handshake(), HANDSHAKE_PATIENCE)
        version = stream.connection.get_protocol_version_name()
        report(f"{name}: {version}, {peer_name(stream.connection)}")
        while True:
            data = await asyncio.wait_for(stream.recv(16 * 1024), IDLE_PATIENCE)
            if not data:
                break
            await asyncio.wait_for(stream.sendall(data), IDLE_PATIENCE)
        await stream.close()


async def talk(context: SSL.Context, host: str, port: int, words: list[str]) -> None:
    """Send all words while their echo comes back."""
    reader, writer = await asyncio.open_connection(host, port)
    connection = SSL.Connection(context)
    connection.set_tlsext_host_name(host.encode("idna"))
    connection.set_connect_state()
    stream = TLSStream(connection, reader, writer)
    try:
        await stream.handshake()
        check_host(connection.get_peer_certificate(as_cryptography=True), host)
        data = "".join(f"{word}\n" for word in words).encode()
        echo, _ = await asyncio.gather(
            receive_exactly(stream, len(data)), stream.sendall(data)
        )
        if echo != data:
            raise ValueError("something else came back")
        print(echo.decode(), end="")
        await stream.close()
    finally:
        stream.abort()


async def receive_exactly(stream: TLSStream, size: int) -> bytes:
    received = b""
    while len(received) < size:
        data = await stream.recv(size - len(received))
        if not data:
            raise ValueError("the server has less to say than it was told")
        received += data
    return received


def main() -> None:
    options = serve_or_talk("Echo over TLS, with asyncio.")
    if options.command == "serve":
        server = Server(make_server_context(options.ca, options.identity))
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(server.serve(options.host, options.port))
    else:
        context = make_client_context(options.ca, options.identity)
        asyncio.run(talk(context, options.host, options.port, options.word))


if __name__ == "__main__":
    sys.exit(run(main))
