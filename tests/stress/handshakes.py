"""Every kind of handshake, and two ends in memory that are about to have one."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from support.callbacks import PROTOCOL, SERVER_NAME, STAPLE
from support.certificates import Authority, Identity, rsa_key
from support.tls import handshake, pair_in_memory, pin_version

from stress.ends import End

TLS_1_2_CIPHERS = {
    "GCM": b"ECDHE-ECDSA-AES128-GCM-SHA256",
    "GCM, SHA-384": b"ECDHE-ECDSA-AES256-GCM-SHA384",
    "ChaCha20": b"ECDHE-ECDSA-CHACHA20-POLY1305",
    "CBC": b"ECDHE-ECDSA-AES128-SHA256",
    "RSA": b"AES128-GCM-SHA256",
}
SHAPES = ("plain", "everything", "client certificate", "resumption", "retry", "chain")


@dataclass(frozen=True)
class Setting:
    """What kind of handshake it is."""

    version: str
    shape: str
    cipher: str

    @classmethod
    def choose(cls, chance: random.Random) -> Setting:
        version = chance.choice(["TLSv1.2", "TLSv1.3", "TLSv1.3", "any"])
        shape = chance.choice(SHAPES)
        cipher = chance.choice(list(TLS_1_2_CIPHERS)) if version == "TLSv1.2" else ""
        return cls(version, shape, cipher)


class Workshop:
    """Makes contexts for each setting once."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory, "authority")
        self.elliptic = self.authority.issue("localhost")
        self.rsa = self.authority.issue("localhost", key=rsa_key())
        self.chained = self.authority.subordinate("intermediate").issue("localhost")
        self.client = self.authority.issue("client.example")
        self._contexts: dict[Setting, tuple[SSL.Context, SSL.Context]] = {}
        self._sessions: dict[Setting, SSL.Session] = {}
        self.profiles: dict[tuple[Setting, bool], dict[str, dict[str, int]]] = {}

    def _identity(self, setting: Setting) -> Identity:
        if setting.cipher == "RSA":
            return self.rsa
        return self.chained if setting.shape == "chain" else self.elliptic

    def contexts(self, setting: Setting) -> tuple[SSL.Context, SSL.Context]:
        if setting not in self._contexts:
            self._contexts[setting] = self._client_context(setting), self._server_context(setting)
        return self._contexts[setting]

    def _context(self, setting: Setting) -> SSL.Context:
        if setting.version.startswith("DTLS"):
            context = SSL.Context(SSL.DTLS_METHOD)
        else:
            context = SSL.Context(SSL.TLS_METHOD)
            versions = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION, "any": None}
            pin_version(context, versions[setting.version])
        if setting.cipher:
            context.set_cipher_list(TLS_1_2_CIPHERS[setting.cipher])
        context.load_verify_locations(self.authority.file)
        context.set_keylog_callback(lambda end, log: end.get_app_data().keys(end, log))
        context.set_session_id(b"stress")
        return context

    def _client_context(self, setting: Setting) -> SSL.Context:
        context = self._context(setting)
        context.set_verify(SSL.VERIFY_PEER, lambda end, certificate, error, depth, ok: bool(ok))
        if setting.shape == "everything":
            context.set_alpn_protos([PROTOCOL, b"http/1.1"])
            context.set_ocsp_client_callback(lambda end, response, data: response == STAPLE)
        if setting.shape in ("everything", "client certificate"):
            self.client.install(context)
        return context

    def _server_context(self, setting: Setting) -> SSL.Context:
        context = self._context(setting)
        self._identity(setting).install(context)
        if setting.shape == "everything":
            context.set_tlsext_servername_callback(lambda end: None)
            context.set_alpn_select_callback(lambda end, offered: PROTOCOL)
            context.set_ocsp_server_callback(lambda end, data: STAPLE)
        if setting.shape in ("everything", "client certificate"):
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
        if setting.shape == "retry":  # clients guess another group, and have to try again
            context.set_tmp_ecdh(ec.SECP384R1())
        return context

    def ends(self, setting: Setting, chance: random.Random) -> dict[str, End]:
        client, server = pair_in_memory(*self.contexts(setting))
        if setting.shape == "everything":
            client.set_tlsext_host_name(SERVER_NAME)
            client.request_ocsp()
        if setting.shape == "resumption":
            client.set_session(self._session(setting))
        return {"client": End(client, "client", chance), "server": End(server, "server", chance)}

    def _session(self, setting: Setting) -> SSL.Session:
        if setting not in self._sessions:
            pair = pair_in_memory(*self.contexts(setting))
            for role, connection in zip(("client", "server"), pair):
                End(connection, role, random.Random(0))
            session = handshake(pair).client.get_session()
            assert session is not None
            self._sessions[setting] = session
        return self._sessions[setting]
