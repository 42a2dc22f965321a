"""Who keeps whom alive, what the collector finds, and threads that share objects."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from OpenSSL import crypto

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

DATA = Path(__file__).parent / "compat" / "data"


def certificate(name: str = "ca") -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_PEM, (DATA / f"{name}.pem").read_bytes())


def test_a_name_keeps_its_certificate_alive() -> None:
    cert = certificate()
    seen = weakref.ref(cert)
    name = cert.get_subject()
    del cert
    gc.collect()
    assert name.CN == "Compat CA"
    assert seen() is not None
    del name
    gc.collect()
    assert seen() is None


def test_a_certificate_does_not_keep_its_names() -> None:
    cert = certificate()
    name = weakref.ref(cert.get_subject())
    assert name() is None
    cert.set_subject(cert.get_issuer())


@pytest.mark.parametrize("kind", ["X509", "X509Name", "PKey", "X509Store", "X509StoreContext"])
def test_cycles_are_collected(kind: str) -> None:
    makers: dict[str, Callable[[], object]] = {
        "X509": crypto.X509,
        "X509Name": lambda: crypto.X509().get_subject(),
        "PKey": crypto.PKey,
        "X509Store": crypto.X509Store,
        "X509StoreContext": lambda: crypto.X509StoreContext(crypto.X509Store(), crypto.X509()),
    }
    value = makers[kind]()
    value._itself = value  # type: ignore[attr-defined]
    seen = weakref.ref(value)
    del value
    gc.collect()
    assert seen() is None


def test_a_cycle_through_a_name_is_collected() -> None:
    cert = crypto.X509()
    cert.name = cert.get_subject()  # type: ignore[attr-defined]
    seen = weakref.ref(cert)
    del cert
    gc.collect()
    assert seen() is None


def test_a_cycle_through_a_store_is_collected() -> None:
    store, cert = crypto.X509Store(), crypto.X509()
    context = crypto.X509StoreContext(store, cert)
    store.context = cert.context = context  # type: ignore[attr-defined]
    seen = [weakref.ref(value) for value in (store, cert, context)]
    del store, cert, context
    gc.collect()
    assert [ref() for ref in seen] == [None] * 3


def test_the_passphrase_callable_is_not_kept() -> None:
    class Answer:
        def __call__(self, writing: int) -> bytes:
            return b"correct horse"

    answer = Answer()
    seen = weakref.ref(answer)
    crypto.load_privatekey(crypto.FILETYPE_PEM, (DATA / "encrypted.key").read_bytes(), answer)
    del answer
    assert seen() is None


def run_together(*functions: Callable[[], object]) -> None:
    """Run the functions at once; the first failure is raised."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(len(functions))

    def run(function: Callable[[], object]) -> None:
        barrier.wait()
        try:
            function()
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_a_certificate_is_changed_while_others_read_it() -> None:
    cert = certificate()
    store = crypto.X509Store()
    store.add_cert(cert)
    name = cert.get_subject()

    def change() -> None:
        for number in range(200):
            cert.set_serial_number(number)
            name.CN = f"name {number}"
            cert.set_issuer(name)
            cert.set_notAfter(b"20400101000000Z")

    def read() -> None:
        for _ in range(200):
            assert cert.get_issuer().CN
            repr(name)
            crypto.dump_certificate(crypto.FILETYPE_ASN1, cert)
            cert.digest("sha256")
            try:
                crypto.X509StoreContext(store, cert).verify_certificate()
            except crypto.X509StoreContextError as exc:
                repr(exc.certificate.get_subject())

    run_together(change, read, read)


def test_a_store_is_changed_while_others_verify() -> None:
    store = crypto.X509Store()
    store.add_cert(certificate())
    server = certificate("server")

    def change() -> None:
        for name in ("untrusted", "intermediate", "client") * 20:
            store.add_cert(certificate(name))
            store.set_flags(0)
            store.load_locations(DATA / "authorities.pem")

    def verify() -> None:
        for _ in range(100):
            crypto.X509StoreContext(store, server).get_verified_chain()

    run_together(change, change, verify, verify)


def test_other_threads_run_while_a_key_is_made() -> None:
    made = threading.Event()
    turns = 0
    meanwhile = 0

    def generate() -> None:
        nonlocal meanwhile
        try:
            # A key may be found at once, and a busy machine has other things to do meanwhile.
            for _ in range(20):
                before = turns
                crypto.PKey().generate_key(crypto.TYPE_RSA, 3072)
                meanwhile = max(meanwhile, turns - before)
                if meanwhile > 2:
                    break
        finally:
            made.set()

    def count() -> None:
        nonlocal turns
        while not made.wait(0.0005):
            turns += 1

    run_together(generate, count)
    assert meanwhile > 2
