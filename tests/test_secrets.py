"""Neither exceptions, nor how objects show themselves, nor what is printed tells a secret."""

from __future__ import annotations

import base64
import gc
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from OpenSSL import SSL, crypto
from support.tls import Pair

PASSPHRASE = b"correct horse"
DATA = Path(__file__).parent / "compat" / "data"
PEM = (DATA / "server.key").read_bytes()
KEY = crypto.load_privatekey(crypto.FILETYPE_PEM, PEM)
ENCRYPTED = (DATA / "encrypted.key").read_bytes()
DER = base64.b64decode(b"".join(PEM.splitlines()[1:-1]))

# Most of what takes a private key is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def hints() -> Iterator[str]:
    """Texts of which none may be seen: the passphrase, and all of the key in three encodings."""
    yield PASSPHRASE.decode()
    for whole in (DER.hex(), base64.b64encode(DER).decode(), repr(DER)):
        # The beginning is the same for all keys of the kind.
        yield from (whole[at : at + 24] for at in range(64, len(whole) - 24, 24))


def expect_no_hint(text: str) -> None:
    assert not [hint for hint in hints() if hint.lower() in text.lower()]


def wrong_answer(_writing: int) -> Any:
    return PASSPHRASE.decode()


def broken(pem: bytes) -> bytes:
    middle = len(pem) // 2
    return pem[:middle] + b"!" + pem[middle + 1 :]


def from_file(path: Path, callback: Callable[..., Any]) -> None:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_passwd_cb(callback)
    context.use_privatekey_file(str(path))


FAILURES: dict[str, Callable[[Path], Any]] = {
    "wrong passphrase": lambda _: crypto.load_privatekey(
        crypto.FILETYPE_PEM, ENCRYPTED, PASSPHRASE[::-1]
    ),
    "passphrase too long": lambda _: crypto.load_privatekey(
        crypto.FILETYPE_PEM, ENCRYPTED, PASSPHRASE * 100
    ),
    "passphrase as text": lambda _: crypto.load_privatekey(
        crypto.FILETYPE_PEM,
        ENCRYPTED,
        PASSPHRASE.decode(),
    ),
    "callback answers with text": lambda _: crypto.load_privatekey(
        crypto.FILETYPE_PEM, ENCRYPTED, wrong_answer
    ),
    "broken PEM": lambda _: crypto.load_privatekey(crypto.FILETYPE_PEM, broken(PEM)),
    "broken encrypted PEM": lambda _: crypto.load_privatekey(
        crypto.FILETYPE_PEM, broken(ENCRYPTED), PASSPHRASE
    ),
    "DER cut off": lambda _: crypto.load_privatekey(crypto.FILETYPE_ASN1, DER[:-1]),
    "key of no kind": lambda _: crypto.load_privatekey(
        crypto.FILETYPE_PEM,
        [PEM],
    ),
    "dump with no cipher": lambda _: crypto.dump_privatekey(
        crypto.FILETYPE_PEM, KEY, "no such cipher", PASSPHRASE
    ),
    "file, wrong passphrase": lambda path: from_file(path, lambda *_: PASSPHRASE[::-1]),
    "file, callback answers with text": lambda path: from_file(path, wrong_answer_to_context),
    "pickled": lambda _: pickle.dumps(KEY),
}


def wrong_answer_to_context(_size: int, _writing: bool, _data: object) -> Any:
    return PASSPHRASE.decode()


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_tells_no_secret(
    failure: Callable[[Path], Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "encrypted.key"
    path.write_bytes(ENCRYPTED)
    with pytest.raises(Exception) as raised:
        failure(path)
    error = raised.value
    assert not isinstance(error, Warning)
    seen = [str(error), repr(error), repr(error.args), repr(vars(error))]
    seen += traceback.format_exception_only(type(error), error)
    expect_no_hint("\n".join(seen))
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_objects_show_no_secret(connected: Pair) -> None:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_passwd_cb(lambda *_: PASSPHRASE, PASSPHRASE)
    context.use_privatekey(KEY)
    session = connected.client.get_session()
    for thing in (KEY, context, connected.client, connected.server, session):
        expect_no_hint(f"{thing!r} {thing!s} {vars(thing)!r}")


def test_a_connection_shows_nothing_of_its_keys(connected: Pair) -> None:
    master = connected.client.master_key()
    exported = connected.client.export_keying_material(b"EXPERIMENTAL test", 32)
    for end in connected:
        shown = f"{end!r} {end!s} {vars(end)!r} {end.get_session()!r}"
        assert master is not None
        assert master.hex() not in shown
        assert exported.hex() not in shown


def test_keys_hold_nothing_that_python_can_reach() -> None:
    key = crypto.load_privatekey(crypto.FILETYPE_PEM, ENCRYPTED, PASSPHRASE)
    assert not [each for each in gc.get_referents(key) if isinstance(each, (bytes, str))]
    assert vars(key) == {}
