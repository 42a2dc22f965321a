"""Constants, exceptions, and what the names of OpenSSL.crypto and OpenSSL.version are."""

from __future__ import annotations

import inspect

from observe import Observer, each
from OpenSSL import crypto, version

CLASSES = (
    "X509",
    "X509Name",
    "PKey",
    "X509Store",
    "X509StoreContext",
    "X509StoreFlags",
    "X509StoreContextError",
    "Error",
)
FUNCTIONS = (
    "dump_certificate",
    "dump_privatekey",
    "dump_publickey",
    "get_elliptic_curve",
    "get_elliptic_curves",
    "load_certificate",
    "load_privatekey",
    "load_publickey",
)


def case_all(o: Observer) -> None:
    o.see("names", crypto.__all__)
    o.see("version's", version.__all__)


def case_constants(o: Observer) -> None:
    for name in (
        "FILETYPE_ASN1",
        "FILETYPE_PEM",
        "FILETYPE_TEXT",
        "TYPE_DH",
        "TYPE_DSA",
        "TYPE_EC",
        "TYPE_RSA",
    ):
        o.see(name, getattr(crypto, name))


def case_store_flags(o: Observer) -> None:
    for name in sorted(vars(crypto.X509StoreFlags)):
        if not name.startswith("_"):
            o.see(name, getattr(crypto.X509StoreFlags, name))
    o.see("instance", crypto.X509StoreFlags().CRL_CHECK)


def case_version(o: Observer) -> None:
    for name in version.__all__:
        o.see(name, getattr(version, name))


@each(CLASSES)
def case_class(o: Observer, name: str) -> None:
    kind = getattr(crypto, name)
    o.see("class", kind)
    o.see("ancestors", list(kind.__mro__))
    public = {n for n in dir(kind) if not n.startswith("_")}
    o.see("members", sorted(public))
    o.see("hashable", kind.__hash__ is not None)
    o.see("weak references", hasattr(kind, "__weakref__") or kind.__weakrefoffset__ != 0)


@each(FUNCTIONS)
def case_function(o: Observer, name: str) -> None:
    function = o.call("look up", getattr, crypto, name)
    o.see("name", function.__name__)
    o.see("module", function.__module__)
    o.see("parameters", list(inspect.signature(function).parameters))
    o.see(
        "defaults", [p.default is p.empty for p in inspect.signature(function).parameters.values()]
    )


def case_looking_up_warns_once_each(o: Observer) -> None:
    o.call("attribute", lambda: crypto.dump_privatekey)
    o.call("again", lambda: crypto.dump_privatekey)
    o.call("hasattr", hasattr, crypto, "dump_privatekey")
    o.call("from import", exec, "from OpenSSL.crypto import dump_privatekey", {})
    o.call("missing", getattr, crypto, "no_such_name")


def case_error(o: Observer) -> None:
    o.see("no arguments", crypto.Error().args)
    error = crypto.Error([("library", "", "reason")])
    o.see("args", error.args)
    o.see("str", str(error))
    o.see("repr", repr(error))


def case_context_error(o: Observer) -> None:
    error = crypto.X509StoreContextError("message", [1, 2, "three"], "certificate")
    o.see("args", error.args)
    o.see("str", str(error))
    o.see("errors", error.errors)
    o.see("certificate", error.certificate)
    o.call("too few", crypto.X509StoreContextError, "message")
    o.call("keywords", crypto.X509StoreContextError, message="m", errors=[], certificate=None)


def case_assigning_to_the_module(o: Observer) -> None:
    o.call("set", setattr, crypto, "FILETYPE_PEM", 7)
    o.see("read", crypto.FILETYPE_PEM)
    o.call("set a class", setattr, crypto, "X509", int)
    o.see("read the class", crypto.X509)


def case_annotations(o: Observer) -> None:
    for name in ("PassphraseCallableT", "StrOrBytesPath"):
        o.call(name, lambda name=name: getattr(crypto, name) is not None)
