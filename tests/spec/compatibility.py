"""Write the page "Compatibility" from what is found in the package that is installed.

    make compatibility

Public names come from ``surface.json``, and deviations from ``docs/differences.md``. The results of
other projects' test suites are in ``tests/compat/suites/results.json``; if `make upstream` or `make
downstream` has left newer ones, they are put there first. ``tests/test_compatibility.py`` fails
when the page is not what this would write.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/compatibility.md"
DIFFERENCES = ROOT / "docs/differences.md"
RESULTS = ROOT / "tests/compat/suites/results.json"

if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/compat")]

from suite import CACHE, LISTS, SUITES  # noqa: E402
from support.surface import (  # noqa: E402
    KEPT,
    SURFACE,
    member_differs,
    name_differs,
)
from twins import read_list  # noqa: E402

#: The public names that a deviation is about. One that is not here concerns no name in particular.
CONCERNS = {
    "callback-interrupts": [
        "SSL.Context.set_tlsext_servername_callback",
        "SSL.Context.set_verify",
        "SSL.Connection.set_verify",
        "SSL.Context.set_alpn_select_callback",
    ],
    "verify-without-certificate": ["SSL.Context.set_verify", "SSL.Connection.set_verify"],
    "verify-replaced": ["SSL.Connection.set_verify"],
    "cookie-verdict": [
        "SSL.Context.set_cookie_verify_callback",
        "SSL.Connection.DTLSv1_listen",
    ],
    "callback-state-lifetime": [
        "SSL.Connection.set_context",
        "SSL.Context.set_info_callback",
        "SSL.Connection.set_info_callback",
    ],
    "several-records": ["SSL.Connection.recv", "SSL.Connection.recv_into"],
    "class-over-socket": ["SSL.Connection"],
    "zero-length-io": [
        "SSL.Connection.recv",
        "SSL.Connection.read",
        "SSL.Connection.recv_into",
        "SSL.Connection.send",
        "SSL.Connection.write",
        "SSL.Connection.bio_read",
        "SSL.Connection.bio_write",
    ],
    "recv-into-read-only": ["SSL.Connection.recv_into"],
    "recv-into-bytes": ["SSL.Connection.recv_into", "SSL.Connection.sendall"],
    "sendall-bytes-sent": ["SSL.Connection.sendall"],
    "reentrant-calls": [
        "SSL.Connection.do_handshake",
        "SSL.Connection.DTLSv1_listen",
        "SSL.Connection.set_connect_state",
        "SSL.Connection.set_accept_state",
        "SSL.Connection.set_session",
    ],
    "begin-anew": ["SSL.Connection.set_connect_state", "SSL.Connection.set_accept_state"],
    "store-lifetime": ["SSL.Context.get_cert_store"],
    "servername-refused": ["SSL.Connection.set_tlsext_host_name"],
    "copy-and-pickle": ["SSL.Connection", "SSL.Context"],
    "socket-without-descriptor": ["SSL.Connection"],
    "session-resumable": ["SSL.Connection.get_session", "SSL.Connection.set_session"],
    "context-not-used": ["SSL.Connection"],
    "uninitialised": ["SSL.Connection", "SSL.Context", "SSL.Session"],
    "init-once": ["SSL.Connection", "SSL.Context"],
    "cleartext-mtu": ["SSL.Connection.get_cleartext_mtu"],
    "certificates-in-use": ["crypto.X509"],
    "replaced-names": ["crypto.X509.set_subject", "crypto.X509.set_issuer"],
    "negative-serial-numbers": ["crypto.X509.set_serial_number"],
    "rejections-without-certificate": ["crypto.X509StoreContextError"],
    "passphrase-interrupts": [
        "SSL.Context.set_passwd_cb",
        "crypto.load_privatekey",
        "crypto.dump_privatekey",
    ],
    "post-quantum-keys": ["crypto.PKey.to_cryptography_key"],
    "nul-in-strings": [
        "SSL.Context.set_cipher_list",
        "SSL.Context.set_tls13_ciphersuites",
        "SSL.Context.set_tlsext_use_srtp",
        "SSL.Context.load_verify_locations",
        "SSL.Context.use_certificate_file",
        "SSL.Context.use_certificate_chain_file",
        "SSL.Context.use_privatekey_file",
    ],
    "bytes-like": [
        "SSL.Context.set_session_id",
        "SSL.Context.load_client_ca",
        "SSL.Connection.export_keying_material",
        "SSL.Connection.recv_into",
    ],
    "buffer-of-wrong-type": [
        "crypto.load_certificate",
        "crypto.load_privatekey",
        "crypto.load_publickey",
    ],
    "class-layout": ["SSL.Connection", "SSL.Context"],
}

#: What those deviations are about that concern no name in particular.
AT_LARGE = {
    "argument-counts": "every function and method",
    "callback-exceptions": "every callback",
    "closed-descriptor": "every call that writes",
    "deprecated-attribute": "every deprecated function and method",
    "empty-datagrams": "every call that reads, with DTLS",
    "error-queue": "every call",
    "floods": "every call that reads",
    "foreign-self": "every method",
    "handles": "every handle",
    "host-checks": "`lib`",
    "private-names": "`OpenSSL._util`",
    "signals": "every call that waits",
    "threads": "every method of `SSL.Connection`",
}

HEAD = """
The reference is pyOpenSSL 26.4.0. A program writes this page: it looks up each public name of
pyOpenSSL in the package that was built, compares it with the original, and writes down what it
finds. The tests fail when the page is out of date.
"""

DIFFERS = """
Each row is told in full under [Differences from pyOpenSSL](differences.md), and has its test. The
differential tests run the same programs on both, and fail at any other difference.
"""

UNMODIFIED = """
Unmodified, from the source distributions on PyPI. `make upstream` and `make downstream` run them,
and fail when a test that passes with pyOpenSSL does not pass here. Below are the exceptions. To
replace a function means: in cffi's library object, for pyOpenSSL to call. Here nothing calls
through that.
"""

#: What the suites are, as one would call them.
TITLES = {
    "pyopenssl": "pyOpenSSL {}: all of its tests",
    "urllib3": "urllib3 {}: the tests of its use of pyOpenSSL",
    "urllib3-injected": "urllib3 {}: all that uses TLS, over pyOpenSSL",
}

KINDS = {
    "class": "class",
    "classmethod": "class method",
    "exception": "exception",
    "function": "function",
    "method": "method",
    "module": "module",
    "object": "object",
    "staticmethod": "static method",
    "value": "constant",
}


class Deviation(NamedTuple):
    """A row of the page "Differences from pyOpenSSL"."""

    label: str
    title: str
    chapter: str
    reason: str

    @property
    def link(self) -> str:
        return f"[{self.title}](differences.md#{self.label})"


class Entry(NamedTuple):
    """A public name, what it is, and how it is here."""

    name: str
    kind: str
    state: str
    same: bool


def deviations() -> list[Deviation]:
    """The rows that the page has, in its order; not what is kept though pyOpenSSL dropped it."""
    found = []
    chapter = ""
    text = DIFFERENCES.read_text(encoding="utf-8")
    for block in re.split(r"\n(?=\()|\n(?=## )", text):
        heading = re.match(r"(?:\(([a-z0-9-]+)\)=\n)?(#+) (.+)\n", block)
        if heading is None:
            continue
        label, level, title = heading.groups()
        if level == "##":
            chapter = title
        reason = re.search(r"\*\*pyOpenSSL:\*\* (.*?)\n\n", block, re.DOTALL)
        if level == "###" and label is not None and reason is not None:
            found.append(Deviation(label, title, chapter, " ".join(reason[1].split())))
    return found


def concerned(label: str) -> str:
    names = ", ".join(f"`{name}`" for name in CONCERNS.get(label, []))
    return names or AT_LARGE.get(label, "no name in particular")


def state(differs: list[str], path: str, rows: list[Deviation]) -> str:
    links = [row.link for row in rows if path in CONCERNS.get(row.label, [])]
    same = "; ".join(differs) if differs else "the same"
    return f"{same}, except: {'; '.join(links)}" if links else same


def entries(module: str, rows: list[Deviation]) -> Iterator[Entry]:
    """The names of a module, each class before its members."""
    short = module.rpartition(".")[2]
    for name, listed in sorted(SURFACE[module]["names"].items()):
        home = listed.get("home", module)
        differs = name_differs(module, name)
        if home != module:
            yield Entry(name, "class", f"that of [`{home}`](#{anchor(home)})", not differs)
            continue
        path = f"{short}.{name}"
        yield Entry(name, KINDS[listed["kind"]], state(differs, path, rows), not differs)
        for member, about in sorted(listed.get("members", {}).items()):
            differs = member_differs(module, name, member)
            text = state(differs, f"{path}.{member}", rows)
            yield Entry(f"{name}.{member}", KINDS[about["kind"]], text, not differs)


def anchor(module: str) -> str:
    """Where the names of a module are on the page."""
    return f"names-{module.lower().replace('.', '-')}"


def paragraph(text: str) -> Iterator[str]:
    yield ""
    yield from textwrap.wrap(text.strip(), 120, break_long_words=False, break_on_hyphens=False)


def table(*rows: tuple[str, ...]) -> Iterator[str]:
    head, *body = rows
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in body:
        yield f"| {' | '.join(row)} |"


def summary(listed: dict[str, list[Entry]]) -> Iterator[str]:
    every = [entry for module in listed.values() for entry in module]
    same = [entry for entry in every if entry.same]
    plain = [entry for entry in same if entry.state == "the same" or "that of" in entry.state]
    yield from paragraph(
        f"Of {len(every)} public names, {len(same)} are here: of the same kind, with the same"
        " parameters and defaults, or with the same value."
        f" {len(plain)} of them behave the same in every case that we know of."
        f" {len(same) - len(plain)} do otherwise in some case, on purpose."
    )
    yield from table(
        ("module", "public names", "the same here", "except in some case"),
        *(
            (
                f"[`{module}`](#{anchor(module)})",
                str(len(entries)),
                str(sum(entry.same for entry in entries)),
                str(sum(", except: " in entry.state for entry in entries)),
            )
            for module, entries in listed.items()
        ),
    )


def gather() -> None:
    """Keep the counts that the last runs of the suites have left."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in SUITES:
        left = CACHE / f"{name}.json"
        if left.exists():
            found = json.loads(left.read_text(encoding="utf-8"))
            results[name] = {side: found[side] for side in ("reference", "ours")}
            results[name]["both"] = {"failed": len(found["both"])}
    if results:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def suites() -> Iterator[str]:
    """What other projects' tests say, if they were run."""
    if not RESULTS.exists():
        return
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    yield ""
    yield "## Other projects' tests"
    yield from paragraph(UNMODIFIED)
    yield from table(
        ("suite", "with pyOpenSSL", "here", "with both"),
        *(
            (titled(name), *(counts(sides[side]) for side in ("reference", "ours", "both")))
            for name, sides in results.items()
        ),
    )
    exceptions = [tuple(line) for name in results for line in read_list(LISTS / f"{name}.txt")]
    yield from table(
        ("cannot pass here", "because it"),
        *((f"`{test}`", reason) for test, reason in exceptions),
    )


def titled(name: str) -> str:
    return TITLES[name].format(SUITES[name].version)


def counts(side: dict[str, int]) -> str:
    return ", ".join(f"{side[key]} {key}" for key in ("passed", "failed", "skipped") if key in side)


def reasons(rows: list[Deviation]) -> Iterator[str]:
    yield ""
    yield "## What differs, and why"
    yield from paragraph(DIFFERS)
    for chapter in dict.fromkeys(row.chapter for row in rows):
        yield ""
        yield f"### {chapter}"
        yield from table(
            ("here", "in pyOpenSSL", "concerns"),
            *(
                (row.link, row.reason, concerned(row.label))
                for row in rows
                if row.chapter == chapter
            ),
        )


def names(listed: dict[str, list[Entry]]) -> Iterator[str]:
    yield ""
    yield "## Every public name"
    for module, found in listed.items():
        yield ""
        yield f"({anchor(module)})="
        yield f"### `{module}`"
        constants = [each for each in found if each.kind == "constant" and each.state == "the same"]
        others = [each for each in found if each not in constants]
        if others:
            yield from table(
                ("name", "is a", "here"),
                *((f"`{each.name}`", each.kind, each.state) for each in others),
            )
        if constants:
            listing = ", ".join(f"`{each.name}`" for each in constants)
            yield from paragraph(f"{len(constants)} constants, with the same values: {listing}.")


def beyond() -> Iterator[str]:
    yield ""
    yield "## Public here, and not in pyOpenSSL 26.4.0"
    yield from table(
        ("name", "why"), *((f"`{module}.{name}`", why) for (module, name), why in KEPT.items())
    )


def page() -> str:
    rows = deviations()
    listed = {module: list(entries(module, rows)) for module in SURFACE}
    parts = (summary(listed), suites(), reasons(rows), names(listed), beyond())
    head = [
        "<!-- `make compatibility` writes this page. -->",
        "",
        "# Compatibility",
        *paragraph(HEAD),
    ]
    return "\n".join([*head, *(line for part in parts for line in part), ""])


def main() -> None:
    gather()
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()
