"""Whether a certificate is for the host that was meant, whoever signed it.

    check_host(connection.get_peer_certificate(as_cryptography=True), "example.org")

A connection without this check is safe from those who listen and open to anyone who has
some certificate of some authority that is trusted. It needs the package `cryptography`.
"""

from __future__ import annotations

import ipaddress

from cryptography import x509


class CertificateError(ValueError):
    """The certificate is genuine, but another host's."""


def check_host(certificate: x509.Certificate | None, host: str) -> None:
    """Raise CertificateError unless the certificate is for `host` (RFC 9525).

    `host` is a DNS name as it goes over the wire (IDNA), or an IP address.
    """
    if certificate is None:
        raise CertificateError("the server has no certificate")
    try:
        extension = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        raise CertificateError("the certificate names no host") from None
    names = extension.value.get_values_for_type(x509.DNSName)
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    address = parse_address(host)
    good = (
        address in addresses if address else any(is_match(name, host) for name in names)
    )
    if not good:
        found = ", ".join([*names, *map(str, addresses)]) or "no host"
        raise CertificateError(f"the certificate is for {found}, not for {host}")


def is_match(pattern: str, host: str) -> bool:
    """Compare names; an asterisk stands for the whole first label and nothing else."""
    pattern, host = pattern.lower(), host.lower().rstrip(".")
    label, _, parent = host.partition(".")
    if pattern.startswith("*."):
        return bool(label) and "." in parent and pattern[2:] == parent
    return pattern == host


def parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
