"""The ``%uri`` pragma: the form that the registry stores, and the canonical form that ids are hashed from.

Sqitch leaves both to Perl's ``URI``; these are the parts of it that a project's URI can meet. Canonical is a weak word
there: paths, queries and unknown schemes stay as they are.
"""

from __future__ import annotations

import re
from urllib.parse import quote

_SCHEME = r"([A-Za-z][A-Za-z0-9.+-]*):"
_AUTHORITY = r"(?s)((?:[A-Za-z][A-Za-z0-9.+-]*:)?//)([^/?]*)(.*)\Z"
_ESCAPED = r"%([0-9A-Fa-f]{2})"
_ALLOWED = ";/?:@&=+$,-_.!~*'()%"  # besides letters and digits; square brackets only in an authority
_UNRESERVED = r"[A-Za-z0-9\-_.!~*'()]"
_PORTS = {
    "ftp": 21, "gopher": 70, "http": 80, "https": 443, "mms": 1755, "news": 119, "nntp": 119, "nntps": 563,
    "pop": 110, "rlogin": 513, "rsync": 873, "rtsp": 554, "rtspu": 554, "sftp": 22, "snews": 563, "ssh": 22,
    "telnet": 23, "tn3270": 23,
}  # fmt: skip


def legal_uri(text: str) -> str:
    """Make a URI of what the pragma says: what no URI may hold is percent-encoded as UTF-8, a host as punycode."""
    text = re.sub(r"\A<(?:URL:)?(.*)>\Z", r"\1", text)
    text = re.sub(r'\A"(.*)"\Z', r"\1", text).strip()
    authority = re.match(_AUTHORITY, text)
    if not authority or text.startswith(("urn:", "mailto:")):
        return quote(text, safe=_ALLOWED + "[]" * text.startswith("mailto:"))
    lead, place, rest = authority.groups()
    user, host, port = _split_place(place)
    if _scheme(text) in _PORTS and not host.isascii():
        host = _punycode(host)
    return lead + quote(user, safe=_ALLOWED) + quote(host, safe=_ALLOWED + "[]") + port + quote(rest, safe=_ALLOWED)


def canonical_uri(uri: str) -> str:
    """Return the form of a legal URI that ids are hashed from (specified by Perl's ``URI->canonical``)."""
    scheme = _scheme(uri)
    written = scheme + uri[len(scheme) :]
    uri = re.sub(_ESCAPED, _normal_escape, written)
    if scheme == "urn":
        namespace = written.split(":")[1]
        return uri if "%" in namespace else f"urn:{namespace.lower()}{uri[4 + len(namespace) :]}"
    authority = re.match(_AUTHORITY, uri)
    if scheme not in _PORTS or not authority:
        return uri
    lead, place, rest = authority.groups()
    user, host, port = _split_place(place)
    if port == ":" or port[1:].lstrip("0") == str(_PORTS[scheme]):
        port = ""
    if scheme in ("http", "https"):
        rest = rest or "/"
    return lead + user + host.lower() + port + rest


def _scheme(uri: str) -> str:
    found = re.match(_SCHEME, uri)
    return found[1].lower() if found else ""


def _split_place(place: str) -> tuple[str, str, str]:
    """Cut ``user@host:port``, keeping the ``@`` and the ``:``."""
    user, at, host = place.rpartition("@")
    port = re.search(r":[0-9]*\Z", host)
    return (user + at, host[: port.start()], port[0]) if port else (user + at, host, "")


def _punycode(host: str) -> str:
    """Encode each label that needs it; only lower-cased before, without the preparation that IDNA asks for."""
    labels = [label if label.isascii() else label.lower() for label in host.split(".")]
    encoded = [label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels]
    too_long = any(len(label) > 63 for label in encoded)
    return host if too_long or "" in encoded[:-1] else ".".join(encoded)


def _normal_escape(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if re.match(_UNRESERVED, char) else found[0].upper()
