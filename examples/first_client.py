import socket

from OpenSSL import SSL

context = SSL.Context(SSL.TLS_CLIENT_METHOD)
context.load_verify_locations("server.pem")
context.set_verify(SSL.VERIFY_PEER)
connection = SSL.Connection(context, socket.create_connection(("localhost", 8443)))
connection.set_connect_state()
connection.sendall(b"hello")
print(connection.recv(1024).decode(), "over", connection.get_protocol_version_name())
connection.shutdown()
