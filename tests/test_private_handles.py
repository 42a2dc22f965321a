"""Handles of OpenSSL's objects: what they keep, and that nothing can be done with a wrong one."""

from __future__ import annotations

import copy
import gc
import pickle
import random
import socket
import types
import warnings
import weakref
from pathlib import Path
from typing import Any, Callable

import pytest
from OpenSSL import SSL, crypto
from support import child
from support.certificates import Identity
from support.implementation import REFERENCE
from support.threads import PATIENCE, background
from support.tls import Pair, handshake, pair_in_memory, pair_over

pytestmark = pytest.mark.skipif(REFERENCE, reason="the handles are this package's own")

lib: Any = SSL._lib
ffi: Any = SSL._ffi
DATA = Path(__file__).parent / "compat" / "data"


def kinds() -> dict[str, Any]:
    """A handle of each kind."""
    context = SSL.Context(SSL.TLS_METHOD)
    connection = SSL.Connection(context)
    certificate = crypto.load_certificate(crypto.FILETYPE_PEM, (DATA / "ca.pem").read_bytes())
    key = crypto.load_privatekey(crypto.FILETYPE_PEM, (DATA / "ca.key").read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        name = certificate.get_subject()
    bio = lib.BIO_new_file(bytes(DATA / "dh.pem"), b"r")
    return {
        "SSL_CTX *": context._context,
        "SSL *": connection._ssl,
        "X509_VERIFY_PARAM *": lib.SSL_get0_param(connection._ssl),
        "X509_VERIFY_PARAM * of a context": lib.SSL_CTX_get0_param(context._context),
        "X509 *": certificate._x509,
        "X509_NAME *": name._name,
        "EVP_PKEY *": key._pkey,
        "X509_STORE *": crypto.X509Store()._store,
        "SSL_METHOD *": lib.TLS_method(),
        "DH *": lib.PEM_read_bio_DHparams(bio, ffi.NULL, ffi.NULL, ffi.NULL),
        "BIO *": bio,
        "char *": lib.X509_verify_cert_error_string(0),
        "char[]": ffi.new("char[]", b"memory"),
        "unsigned char[]": ffi.from_buffer("unsigned char[]", b"memory"),
        "void *": ffi.NULL,
    }


@pytest.mark.parametrize("kind", kinds())
def test_a_handle_says_what_it_is(kind: str) -> None:
    handle = kinds()[kind]
    assert repr(handle).startswith(f"<OpenSSL handle '{kind.partition(' of ')[0]}'")
    assert bool(handle) == (int(handle) != 0) == (kind != "void *")
    assert isinstance(handle, ffi.CData)
    assert {handle: 1}[handle] == 1
    assert handle == handle._again()
    assert (handle == 1, handle == int(handle)) == (False, False)
    assert handle is not None
    for refused in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            refused(handle)


def test_handles_are_not_made_by_hand() -> None:
    with pytest.raises(TypeError):
        ffi.CData()


def test_the_address_stays_and_can_be_cast(connected: Pair) -> None:
    cffi = pytest.importorskip("cffi")
    other = cffi.FFI()
    for owner, attribute in ((connected.client, "_ssl"), (connected.client._context, "_context")):
        first, second = getattr(owner, attribute), getattr(owner, attribute)
        assert first is not second
        assert first == second
        assert hash(first) == hash(second)
        assert int(other.cast("uintptr_t", first)) == int(second)
        assert other.cast("void *", int(first)) == other.cast("void *", int(second))


def test_a_handle_keeps_alive_what_it_names(client_context: SSL.Context) -> None:
    connection = SSL.Connection(client_context)
    reference = weakref.ref(connection)
    handle = connection._ssl
    parameters = lib.SSL_get0_param(handle)
    del connection, handle
    gc.collect()
    assert reference() is not None
    assert lib.X509_VERIFY_PARAM_set1_host(parameters, b"localhost", 9) == 1
    del parameters
    gc.collect()
    assert reference() is None


def test_a_handle_in_a_cycle_is_collected(client_context: SSL.Context) -> None:
    connection = SSL.Connection(client_context)
    reference = weakref.ref(connection)
    handle = connection._ssl
    handle.itself = handle
    connection.handle = handle  # type: ignore[attr-defined]
    del connection, handle
    gc.collect()
    assert reference() is None


def test_a_certificate_that_changes_parts_from_its_handle(server_identity: Identity) -> None:
    certificate = crypto.X509.from_cryptography(server_identity.certificate)
    handle = certificate._x509
    with pytest.warns(DeprecationWarning, match="set_version"):
        certificate.set_version(0)
    assert certificate._x509 != handle
    assert crypto.X509._from_raw_x509_ptr(handle).get_version() == 2
    assert type(type("Mine", (crypto.X509,), {})._from_raw_x509_ptr(handle)).__name__ == "Mine"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "attribute"),
    [
        (SSL.Context, "_context"),
        (SSL.Connection, "_ssl"),
        (SSL.Connection, "_context"),
        (SSL.Connection, "_app_data"),
        (crypto.X509, "_x509"),
        (crypto.PKey, "_pkey"),
        (crypto.X509Store, "_store"),
        (crypto.X509Name, "_name"),
    ],
)
def test_an_object_without_init_has_no_handle(kind: Any, attribute: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        unfinished = kind.__new__(kind)
    with pytest.raises(AttributeError):
        getattr(unfinished, attribute)


def test_a_bio_that_was_freed() -> None:
    bio = kinds()["BIO *"]
    assert lib.BIO_free(bio) == 1
    assert lib.BIO_free(bio) == 0
    with pytest.raises(ValueError, match="freed"):
        lib.PEM_read_bio_DHparams(bio, ffi.NULL, ffi.NULL, ffi.NULL)
    # As in C, nothing is freed where there is nothing.
    assert lib.BIO_free(ffi.NULL) == 0
    assert lib.DH_free(ffi.NULL) is None
    assert lib.X509_free(ffi.NULL) is None


def test_a_destructor_that_c_would_crash_on() -> None:
    """What was freed by hand is freed again at the end, and used before."""
    dh = kinds()["DH *"]
    handle = ffi.gc(dh, lib.DH_free)
    lib.DH_free(dh)
    assert lib.SSL_CTX_set_tmp_dh(SSL.Context(SSL.TLS_METHOD)._context, handle) == 1
    del handle
    bio = kinds()["BIO *"]
    handles = [ffi.gc(bio, lib.BIO_free) for _ in range(3)]
    del handles
    assert lib.BIO_free(bio) == 0


def test_memory_is_not_left() -> None:
    room = ffi.new("char[]", 4)
    name = kinds()["X509_NAME *"]
    for size in (5, 1 << 30):
        with pytest.raises(ValueError, match="smaller"):
            lib.X509_NAME_oneline(name, room, size)
    for size in (0, -1):
        with pytest.raises(ValueError, match="no room"):
            lib.X509_NAME_oneline(name, room, size)
    with pytest.raises(TypeError):
        lib.X509_NAME_oneline(name, ffi.from_buffer(b"read-only"), 4)
    with pytest.raises(ValueError, match="there are 4"):
        ffi.buffer(room, 5)
    with pytest.raises(ValueError, match="there are 4"):
        lib.BIO_new_mem_buf(room, 5)
    with pytest.raises(ValueError):
        lib.BIO_new_mem_buf(room, -2)
    with pytest.raises(TypeError):
        lib.BIO_new_mem_buf(ffi.NULL, 0)


def call_with_anything(count: int) -> int:
    """Call every function with whatever there is, and see that only exceptions come of it."""
    choose = random.Random(0)
    functions: list[Callable[..., Any]] = [
        each for each in vars(lib).values() if isinstance(each, types.BuiltinFunctionType)
    ]
    assert len(functions) > 40
    values: list[Any] = [*kinds().values(), *kinds().values()]
    values += [0, 1, -1, 4, 512, 2**31, 2**63, 2**64, 1.5, None, "text", object(), [], ()]
    values += [b"", b"localhost", b"\0", b"r", b"\xff" * 40, bytearray(b"array")]
    calls = 0
    for _ in range(count):
        function = choose.choice(functions)
        arguments = [choose.choice(values) for _ in range(choose.randrange(6))]
        try:
            function(*arguments)
        except (TypeError, ValueError, OverflowError):
            continue
        calls += 1
    lib.ERR_clear_error()
    return calls


def test_nothing_crashes_whatever_is_passed_where() -> None:
    assert child.run(call_with_anything, 100_000) > 1000


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize(
    ("name", "accepted", "others"),
    [
        ("SSL_CTX_get_options", {"SSL_CTX *"}, ()),
        ("SSL_get_verify_result", {"SSL *"}, ()),
        (
            "X509_VERIFY_PARAM_set_hostflags",
            {"X509_VERIFY_PARAM *", "X509_VERIFY_PARAM * of a context"},
            (0,),
        ),
        ("X509_dup", {"X509 *"}, ()),
        ("BIO_free", {"BIO *", "void *"}, ()),
        ("DH_free", {"DH *", "void *"}, ()),
        ("OBJ_txt2nid", {"char *", "char[]", "unsigned char[]"}, ()),
    ],
)
def test_a_handle_of_another_kind_is_refused(
    name: str, accepted: set[str], others: tuple[Any, ...], kind: str
) -> None:
    call = getattr(lib, name)
    if kind in accepted:
        call(kinds()[kind], *others)
    else:
        with pytest.raises(TypeError):
            call(kinds()[kind], *others)


def test_a_callback_may_ask_about_its_own_connection(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    seen = []

    def verify(connection: SSL.Connection, *_: object) -> bool:
        seen.append(lib.SSL_get_verify_result(connection._ssl))
        lib.SSL_set_mode(connection._ssl, lib.SSL_MODE_AUTO_RETRY)
        parameters = lib.SSL_get0_param(connection._ssl)
        assert lib.X509_VERIFY_PARAM_set1_host(parameters, b"elsewhere.example", 17) == 1
        context = connection.get_context()
        lib.SSL_CTX_set_options(context._context, lib.SSL_OP_NO_TICKET)
        return True

    client_context.set_verify(SSL.VERIFY_PEER, verify)
    handshake(pair_in_memory(client_context, server_context))
    assert seen


def test_a_connection_that_waits_can_be_asked(
    client_context: SSL.Context,
    server_context: SSL.Context,
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    pair = pair_over(client_context, server_context, sockets)
    server = background(pair.server.do_handshake)
    for _ in range(100):
        assert lib.SSL_get_verify_result(pair.server._ssl) == 0
        assert lib.SSL_set_mode(pair.server._ssl, 0)
    pair.client.do_handshake()
    server.result(PATIENCE)


def test_threads_change_a_context_that_others_use(client_context: SSL.Context) -> None:
    def change() -> None:
        parameters = lib.SSL_CTX_get0_param(client_context._context)
        for n in range(2000):
            name = b"host-%d.example" % n
            assert lib.X509_VERIFY_PARAM_set1_host(parameters, name, len(name)) == 1
            assert lib.SSL_CTX_set1_curves_list(client_context._context, b"P-256:P-384") == 1

    def use() -> None:
        for _ in range(2000):
            SSL.Connection(client_context)

    for each in [background(function) for function in (change, use, change, use)]:
        each.result(PATIENCE)
