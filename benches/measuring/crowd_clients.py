"""The clients of a crowd of servers: `python -m measuring.crowd_clients SOCKET`.

They are the standard library's whoever is measured, so that only the servers differ. scale.py asks,
in lines of JSON: to grow to so many, to send a message over each, and to read the answers.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys

from measuring.crowd import MESSAGE, allow_descriptors


def main() -> None:
    path = sys.argv[1]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    print(json.dumps({"descriptors": allow_descriptors()}), flush=True)
    clients: list[ssl.SSLSocket] = []
    for line in sys.stdin:
        request = json.loads(line)
        if "grow" in request:
            while len(clients) < request["grow"]:
                connected = socket.socket(socket.AF_UNIX)
                connected.connect(path)
                clients.append(context.wrap_socket(connected))
        elif "send" in request:
            for client in clients:
                client.sendall(MESSAGE)
        else:
            for client in clients:
                answered = len(client.recv(len(MESSAGE)))
                assert answered == len(MESSAGE), "the answer is cut"
        print(json.dumps({"clients": len(clients)}), flush=True)


if __name__ == "__main__":
    main()
