"""Mistakes that a type checker should find, each with the code of its error."""

from __future__ import annotations

from OpenSSL import SSL, crypto

SSL.Context("TLS")  # error: [arg-type]
SSL.Context()  # error: [call-arg]
context = SSL.Context(SSL.TLS_METHOD)
context.set_verify(SSL.VERIFY_PEER, lambda connection: True)  # error: [misc, arg-type]
context.set_verify("peer")  # error: [arg-type]
context.set_cipher_list("HIGH")  # error: [arg-type]
context.set_alpn_protos(["h2"])  # error: [list-item]
context.set_alpn_select_callback(lambda c, p: "h2")  # error: [arg-type, return-value]
context.use_certificate("certificate.pem")  # error: [arg-type]
context.use_privatekey_file(1)  # error: [arg-type]
context.load_client_ca("ca.pem")  # error: [arg-type]
context.set_minimal_proto_version(SSL.TLS1_2_VERSION)  # error: [attr-defined]
context.get_cert_store().add_cert(crypto.X509())  # error: [union-attr]

SSL.Connection()  # error: [call-arg]
SSL.Connection(SSL.TLS_METHOD)  # error: [arg-type]
connection = SSL.Connection(context, None)
connection.set_tlsext_host_name("localhost")  # error: [arg-type]
connection.send("text")  # error: [arg-type]
connection.bio_write("text")  # error: [arg-type]
connection.recv("1024")  # error: [arg-type]
connection.recv(1024).encode()  # error: [attr-defined]
connection.set_session(None)  # error: [arg-type]
connection.shutdown(2)  # error: [call-arg]
connection.get_peer_certificate(True)  # error: [call-overload]
connection.get_peer_certificate().to_cryptography()  # error: [union-attr]
connection.get_protocol_version_name().decode()  # error: [attr-defined]
connection.get_cipher_bits() + 1  # error: [operator]

crypto.load_certificate("PEM", b"")  # error: [arg-type]
crypto.load_certificate(crypto.FILETYPE_PEM, "text")  # error: [arg-type]
crypto.X509().digest(b"sha256")  # error: [arg-type]
crypto.X509Store().add_cert(None)  # error: [arg-type]
crypto.X509StoreContext(crypto.X509Store(), [])  # error: [arg-type]
crypto.PKey().to_cryptography()  # error: [attr-defined]
