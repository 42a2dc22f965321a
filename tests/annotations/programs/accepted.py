"""Programs that people write, in small: a type checker has nothing to say to them."""

from __future__ import annotations

import datetime
import os
import pathlib
import selectors
import socket
from typing import Any, List, Optional

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from OpenSSL import SSL, crypto, rand


def verify(
    connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
) -> bool:
    print(certificate.get_serial_number() + error + depth)
    return bool(ok)


def select(connection: SSL.Connection, protocols: List[bytes]) -> bytes:
    return protocols[0]


def staple(connection: SSL.Connection, data: Optional[bytes]) -> bytes:
    return data or b""


def judge(connection: SSL.Connection, response: bytes, data: Optional[str]) -> bool:
    return bool(response) and data is not None


def passphrase(size: int, verify: bool, data: Optional[str]) -> bytes:
    return (data or "")[:size].encode()


def make_context(key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate(certificate)
    context.add_extra_chain_cert(certificate)
    context.use_privatekey(key)
    context.use_privatekey(ed25519.Ed25519PrivateKey.generate())
    context.use_certificate_file("certificate.pem", crypto.FILETYPE_PEM)
    context.use_certificate_chain_file(pathlib.Path("chain.pem"))
    context.use_privatekey_file(b"key.pem", filetype=crypto.FILETYPE_ASN1)
    context.load_verify_locations(None, "/etc/ssl/certs")
    context.load_verify_locations(cafile=os.fspath("ca.pem"))
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
    context.set_verify(SSL.VERIFY_NONE)
    context.set_verify(SSL.VERIFY_PEER, callback=None)
    context.set_alpn_protos([b"h2", b"http/1.1"])
    context.set_alpn_select_callback(select)
    context.set_alpn_select_callback(lambda _, __: SSL.NO_OVERLAPPING_PROTOCOLS)
    context.set_ocsp_server_callback(staple, b"response")
    context.set_ocsp_client_callback(judge, data="data")
    context.set_passwd_cb(passphrase, "secret")
    context.set_tlsext_servername_callback(lambda connection: None)
    context.set_info_callback(lambda connection, where, result: print(where + result))
    context.set_keylog_callback(lambda connection, line: print(line.decode()))
    context.set_cookie_generate_callback(lambda connection: b"cookie")
    context.set_cookie_verify_callback(lambda connection, cookie: cookie == b"cookie")
    context.set_tmp_ecdh(ec.SECP256R1())
    options: int = context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    mode: int = context.get_session_cache_mode() + options
    context.set_session_cache_mode(mode)
    context.set_app_data({"anything": 1})
    anything: dict[str, int] = context.get_app_data()
    print(anything)
    store: Optional[crypto.X509Store] = context.get_cert_store()
    if store is not None:
        store.set_flags(crypto.X509StoreFlags.CRL_CHECK)
        store.set_time(datetime.datetime(2030, 1, 1))
    return context


class Subclass(SSL.Connection):
    def __init__(self, context: SSL.Context) -> None:
        super().__init__(context, None)
        self.seen: List[int] = []

    def shutdown(self) -> bool:
        return super().shutdown()


def talk(context: SSL.Context, sock: socket.socket) -> bytes:
    connection = SSL.Connection(context, sock)
    connection.set_connect_state()
    connection.set_tlsext_host_name(b"localhost")
    connection.connect(("localhost", 443))
    connection.do_handshake()
    name: str = connection.get_protocol_version_name()
    bits: Optional[int] = connection.get_cipher_bits()
    print(name, bits, connection.get_alpn_proto_negotiated().decode())
    ours: Optional[crypto.X509] = connection.get_peer_certificate()
    theirs: Optional[x509.Certificate] = connection.get_peer_certificate(as_cryptography=True)
    chain: Optional[List[x509.Certificate]] = connection.get_verified_chain(as_cryptography=True)
    names: List[x509.Name] = connection.get_client_ca_list(as_cryptography=True)
    print(ours, theirs, chain, names)
    sent: int = connection.send(memoryview(b"data")) + connection.write(bytearray(b"more"))
    connection.sendall(b"all" * sent)
    buffer = bytearray(1024)
    count: int = connection.recv_into(buffer, 10, flags=socket.MSG_PEEK)
    data: bytes = connection.recv(count) + connection.read(1, 0)
    session: Optional[SSL.Session] = connection.get_session()
    if session is not None:
        connection.set_session(session)
    connection.setblocking(False)  # the socket's
    connection.close()
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
    return data + connection.export_keying_material(b"label", 32)


def over_memory(context: SSL.Context) -> int:
    connection = SSL.Connection(context)
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        return connection.bio_write(connection.bio_read(1024))
    except SSL.SysCallError as error:
        return int(error.args[0])
    except SSL.Error as error:
        print(error.args[0])
    server, address = connection.accept()
    server.DTLSv1_listen()
    print(address[0])
    return 0


def certificates(pem: bytes) -> List[bytes]:
    certificate = crypto.load_certificate(crypto.FILETYPE_PEM, pem)
    key: crypto.PKey = crypto.load_privatekey(crypto.FILETYPE_PEM, pem, passphrase=b"secret")
    key = crypto.load_privatekey(crypto.FILETYPE_PEM, "text", lambda *_: b"secret")
    public = crypto.load_publickey(crypto.FILETYPE_ASN1, pem)
    store = crypto.X509Store()
    store.add_cert(certificate)
    context = crypto.X509StoreContext(store, certificate, chain=[certificate])
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError as error:
        print(error.errors, error.certificate.get_serial_number())
    name: Optional[str] = certificate.get_subject().commonName
    return [
        crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate),
        crypto.dump_publickey(crypto.FILETYPE_PEM, public),
        certificate.digest("sha256"),
        (name or "").encode(),
        key.bits().to_bytes(2, "big"),
    ]


def others() -> Any:
    rand.add(b"entropy", 1)
    number: int = rand.status() + SSL.OPENSSL_VERSION_NUMBER + SSL.X509VerificationCodes.OK
    return number, SSL.SSLeay_version(SSL.SSLEAY_VERSION)
