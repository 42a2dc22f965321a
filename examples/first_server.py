import socket

from OpenSSL import SSL

context = SSL.Context(SSL.TLS_SERVER_METHOD)
context.use_certificate_chain_file("server.pem")
context.use_privatekey_file("server.pem")
listener = SSL.Connection(context, socket.create_server(("localhost", 8443)))
client, address = listener.accept()
client.sendall(b"You said: " + client.recv(1024))
client.shutdown()
