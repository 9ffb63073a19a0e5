"""The %uri pragma. The expected forms are those of Perl's URI 5.17, which Sqitch uses."""

from __future__ import annotations

import pytest

from sqitchpy.plan import canonical_uri, legal_uri


@pytest.mark.parametrize(
    ("written", "legal", "canonical"),
    [
        ("https://ex.com/a", "https://ex.com/a", "https://ex.com/a"),
        ("HTTPS://USER@Ex.com/", "HTTPS://USER@Ex.com/", "https://USER@ex.com/"),
        ("custom://Ho.ST:80", "custom://Ho.ST:80", "custom://Ho.ST:80"),
        ("ssh://Git@Host:22/x", "ssh://Git@Host:22/x", "ssh://Git@host/x"),
        ("git+ssh://U@Ho:22/", "git+ssh://U@Ho:22/", "git+ssh://U@Ho:22/"),
        ("https://ex.com:8080", "https://ex.com:8080", "https://ex.com:8080/"),
        ("http://ex.com:080/x", "http://ex.com:080/x", "http://ex.com/x"),
        ("http://ex.com:/x", "http://ex.com:/x", "http://ex.com/x"),
        ("https://ex.com?x", "https://ex.com?x", "https://ex.com?x"),
        ("https://ex.com/%c3%a9%41%7e%2f", "https://ex.com/%c3%a9%41%7e%2f", "https://ex.com/%C3%A9A~%2F"),
        ("https://ex.com/ü b", "https://ex.com/%C3%BC%20b", "https://ex.com/%C3%BC%20b"),
        ("https://Bücher.example/x", "https://xn--bcher-kva.example/x", "https://xn--bcher-kva.example/x"),
        ("http://[::1]:80/a[b]", "http://[::1]:80/a%5Bb%5D", "http://[::1]/a%5Bb%5D"),
        ("URN:Foo:Bar", "URN:Foo:Bar", "urn:foo:Bar"),
        ("urn:a%41:B", "urn:a%41:B", "urn:aA:B"),
        ("mailto:A@B.c", "mailto:A@B.c", "mailto:A@B.c"),
        ("https://ex.com/a/../B", "https://ex.com/a/../B", "https://ex.com/a/../B"),
        ("<URL:HTTP://A.b>", "HTTP://A.b", "http://a.b/"),
        ("just words", "just%20words", "just%20words"),
        ("1", "1", "1"),
    ],
)
def test_a_uri_has_a_legal_and_a_canonical_form(written: str, legal: str, canonical: str) -> None:
    assert (legal_uri(written), canonical_uri(legal)) == (legal, canonical)


def test_an_endless_port_is_no_default_port() -> None:
    uri = f"http://ex.com:{'1' * 10_000}/"
    assert canonical_uri(uri) == uri
