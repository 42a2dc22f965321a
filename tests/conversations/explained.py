"""Why OpenSSL does not do what the RFCs want: where, what it does instead, and for what reason.

Nothing here is for what an implementation of ``OpenSSL.SSL`` could do anything about: it is in
libssl, and pyOpenSSL has to show the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from conversations.conversation import Conversation
from conversations.resumption import RESUMED


@dataclass(frozen=True)
class Explanation:
    """Of conversations whose script and name match ``pattern`` and that ended in ``seen``."""

    pattern: str
    seen: str
    # Which text wants it otherwise.
    source: str
    reason: str

    def covers(self, conversation: Conversation, seen: str) -> bool:
        title = f"{conversation.script}: {conversation.name}"
        return seen == self.seen and re.fullmatch(self.pattern, title) is not None


ANSWERS = "answers"

EXPLANATIONS = (
    Explanation(
        "client: messages: ClientKeyExchange emptied",
        "handshake_failure",
        "RFC 5246, 7.2.2",
        "An empty message was once that of a client whose certificate has the key. OpenSSL does"
        " not have that, and says so before it looks for anything that is missing.",
    ),
    Explanation(
        "server: messages: ServerHelloDone lengthened|"
        "(client|server): messages afterwards: KeyUpdate of two bytes",
        "illegal_parameter",
        "RFC 5246, 7.2.2; RFC 8446, 6.2",
        "The length in a message's header is compared with the most that such a message may "
        "have, before the message is read. What is too long for that is `illegal_parameter`.",
    ),
    Explanation(
        "client: hello, extensions: server_name, empty name",
        ANSWERS,
        "RFC 6066, 3",
        "OpenSSL looks at the length of the list, and at what a name may have at most. The "
        "callback for server names is given an empty one, and can refuse it.",
    ),
    Explanation(
        "client: hello, extensions: ec_point_formats, compressed only",
        ANSWERS,
        "RFC 8422, 5.1.2",
        "It is OpenSSL's clients that look for the uncompressed format, not its servers. Points"
        " are uncompressed whatever is said.",
    ),
    Explanation(
        "client: hello, extensions: encrypt_then_mac, not empty",
        ANSWERS,
        "RFC 7366, 2",
        "That the extension is there is all that OpenSSL looks at.",
    ),
    Explanation(
        "client: hello, extensions: supported_versions, (empty list|odd length)",
        "protocol_version",
        "RFC 8446, 6.2",
        "Whatever is wrong while the version is chosen ends in `protocol_version`; what it was "
        "is in the exception.",
    ),
    Explanation(
        "client: hello, extensions: pre_shared_key (without|with two) binders",
        ANSWERS,
        "RFC 8446, 4.2.11",
        "Binders are read when one of the keys is known, and none was. A full handshake "
        "follows, as it does when the binders are in order.",
    ),
    Explanation(
        "client: before the hello: (close_notify|a fatal alert)",
        "unexpected_message",
        "RFC 8446, 6.1 and 6.2",
        "A server's first record is a handshake or is refused, be it an alert. The connection "
        "ends all the same.",
    ),
    Explanation(
        "client: before the hello: an empty record|"
        "client: hello in pieces: two, and an empty record between|"
        "server: handshake: an empty record before ServerHello|"
        "(client|server): records: empty, of a handshake",
        ANSWERS,
        "RFC 5246, 6.2.1; RFC 8446, 5.1",
        "Nobody may send such a record; before there are keys of TLS 1.3, no text says what to "
        "do with it. OpenSSL drops it, and bears 32 in a row.",
    ),
    Explanation(
        "(client|server): records: empty, of data, 40 times",
        "unexpected_message",
        "RFC 5246, 6.2.1; RFC 8446, 5.1",
        "Empty records of data are allowed, against analysis of traffic. OpenSSL bears 32 in a "
        "row, so that nobody keeps it busy with nothing.",
    ),
    Explanation(
        "server: handshake: (ServerHello|EncryptedExtensions) with an unknown extension",
        ANSWERS,
        "RFC 5246, 7.4.1.4; RFC 8446, 4.2",
        "OpenSSL refuses those that it knows and has not sent, and passes over those that it "
        "does not know.",
    ),
    Explanation(
        "server: handshake: ServerHello with the version of SSL 3.0",
        ANSWERS,
        "RFC 8446, D.5",
        "Where `supported_versions` is there, clients ignore the other field, as section 4.2.1 "
        "has it. TLS 1.3 was agreed on, and its transcript has both.",
    ),
    Explanation(
        "client: RSA key exchange: ciphertext larger than the modulus",
        "decrypt_error",
        "RFC 5246, 7.4.7.1",
        "A number that is not less than the modulus is refused before the private key is used. "
        "Whoever sends it knows that it is too large, and learns nothing.",
    ),
    Explanation(
        "client: resumption: with another server_name",
        f"breaks a promise: {RESUMED}",
        "RFC 6066, 3",
        "OpenSSL resumes the session with the name that it was made for, which is also what the "
        "callback for server names is told, and does not confirm the other one.",
    ),
    Explanation(
        "(client|server): records: of another version",
        "decode_error",
        "RFC 8446, 5.1",
        "Of a protected record OpenSSL reads the field, which should be ignored. The record was"
        " a falsified one, which earns `bad_record_mac`.",
    ),
    Explanation(
        "server: records: ChangeCipherSpec",
        ANSWERS,
        "RFC 8446, 5",
        "A client's record layer goes on dropping these after the server's Finished. They have "
        "no protection and no meaning in either place.",
    ),
    Explanation(
        "(client|server): inner plaintexts: of nothing",
        "bad_record_mac",
        "RFC 8446, 5.4",
        "A record with a tag and nothing else is refused for its length, before it is decrypted"
        " and could be found to have no type.",
    ),
)


def why(conversation: Conversation, seen: str) -> Explanation | None:
    return next((each for each in EXPLANATIONS if each.covers(conversation, seen)), None)
