"""What a URL may look like: one way to write a host, and nothing that two programs read in two."""

import socket
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jointtrack_server.errors import JointTrackError
from jointtrack_server.fetching.url import MAX_URL_CHARACTERS, parse_url

ODD_HOSTS = [
    *("2130706433", "0x7f000001", "017700000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1"),
    *("127.0.0.1.", "0x7f.0.0.0x1", "127.0.0.01", "127.0.0.256", "127.0.0.1.5", "1.2.3.4.5"),
    *("00000127.0.0.1", "10.1", "0", "0x", "example.com.0x7f", "example.com.1"),
    *(
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "１２７.０.０.１",
        "127.0.0.1\u200b",
        "ⓔxample.com",
        "müller.de",
    ),
    *("%31%32%37.0.0.1", "127.0.0.1%00", "example.com%2f", "localhost%20"),
    *("example.com.", ".example.com", "example..com", "exa mple.com", "a" * 64 + ".com", ""),
    *(".".join(["a" * 50] * 5), "-" * 254, "exa,mple.com", "exa!mple.com", "(example.com)"),
    *("[::1", "::1", "[::1]]", "[::1%25lo]", "[::1%lo]", "[fe80::1%eth0]", "[1.2.3.4]", "[:::]"),
    *("[v1.x]", "[]", "[::ffff:127.0.0.1.]", "[::g]"),
]


def why(url: str) -> str:
    with pytest.raises(JointTrackError) as caught:
        parse_url(url)
    assert caught.value.reason.value == "IMAGE_FETCH_FAILED"
    return caught.value.metadata["why"]


@pytest.mark.parametrize("host", ODD_HOSTS)
@pytest.mark.parametrize("around", ["http://{}/a.jpg", "https://{}:443", "HTTP://{}?a#b"])
def test_odd_spellings_of_a_host(host: str, around: str) -> None:
    assert why(around.format(host)) == "url"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            " ",
            "http:",
            "http:/",
            "http://",
            "http:///a.jpg",
            "http:example.com",
            "//example.com",
        ),
        *(
            "jar:http://example.com/a",
            "data:image/png,x",
            "http:/127.0.0.1/a",
            "http:\\\\127.0.0.1\\a",
            "http://example.com\\@127.0.0.1/",
        ),
        *("http://example.com/\r\nHost: x", "http://example.com/\n", "http://exam\tple.com/"),
        *(
            " http://example.com/",
            "http://example.com/ ",
            "http://example.com/a b",
            "\x00http://a/",
        ),
        *("http://example.com/größe.jpg", "http://example.com/\x7f", "http://example.com/\udc80"),
        *("http://example.com:", "http://example.com:+80/", "http://example.com:80:80/"),
        *("http://example.com:８０/", "http://example.com:100000/", "http://example.com:0x50/"),
        *("http://example.com:-1/", "http://example.com/a\\b", "1http://example.com/"),
    ],
)
def test_malformed(url: str) -> None:
    assert why(url) == "url"


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.com/a.jpg", "file:///etc/passwd", "file://localhost/etc/passwd"),
        *("gopher://127.0.0.1:6379/_INFO", "ws://example.com/", "httpx://example.com/"),
        *("http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "data://text/plain,x"),
    ],
)
def test_other_schemes(url: str) -> None:
    assert why(url) == "scheme"


@pytest.mark.parametrize(
    "authority",
    [
        *("user@example.com", "user:secret@example.com", ":secret@example.com", "@example.com"),
        *("example.com@127.0.0.1", "example.com:80@127.0.0.1:6379", "a@b@example.com"),
        *("example.com%40@127.0.0.1",),
    ],
)
def test_credentials_are_refused_and_not_repeated(authority: str) -> None:
    with pytest.raises(JointTrackError) as caught:
        parse_url(f"https://{authority}/a.jpg?token=t0ken")
    error = caught.value
    assert error.metadata["why"] == "credentials"
    for part in ("secret", "user", "t0ken", "example", "127"):
        assert part not in f"{error.message}{error.metadata}".replace("user name", "")


def test_a_long_one() -> None:
    url = "http://example.com/".ljust(MAX_URL_CHARACTERS, "a")
    assert parse_url(url).target.endswith("aaa")
    with pytest.raises(JointTrackError) as caught:
        parse_url(url + "a")
    assert "8001 characters, the limit is 8000" in caught.value.message


@pytest.mark.parametrize(
    ("url", "authority", "port", "target"),
    [
        ("http://example.com", "example.com", 80, "/"),
        ("HTTPS://Example.COM/A.jpg?b=C%20d#e", "example.com", 443, "/A.jpg?b=C%20d"),
        ("https://example.com:443?q", "example.com", 443, "/?q"),
        ("https://example.com:80/", "example.com:80", 80, "/"),
        ("http://s3_bucket.a-b.example.com:00080/x", "s3_bucket.a-b.example.com", 80, "/x"),
        ("http://example.com/a@b:c//d/../e", "example.com", 80, "/a@b:c//d/../e"),
        ("http://1e100.net/#@127.0.0.1", "1e100.net", 80, "/"),
        ("http://93.184.215.14:8080/a", "93.184.215.14:8080", 8080, "/a"),
        ("http://[2606:4700:0::1111]:8080/a", "[2606:4700::1111]:8080", 8080, "/a"),
        ("http://xn--mller-kva.de/", "xn--mller-kva.de", 80, "/"),
    ],
)
def test_plain_ones(url: str, authority: str, port: int, target: str) -> None:
    parsed = parse_url(url)
    assert (parsed.authority, parsed.port, parsed.target) == (authority, port, target)
    assert (parsed.address is None) == (parsed.host[:2] not in ("93", "26"))


PARTS = ["http:", "127.0.0.1", "0x7f", "1", ".", ":", "80", "@", "/", "\\", "[", "]"]
PARTS += ["::1", "%", "a", "example.com", "?", "#", "１", "。", "\t", " ", "\n", "-", "_", "xn--"]


@given(st.lists(st.sampled_from(PARTS), max_size=6).map(lambda parts: "".join(["http://", *parts])))
@settings(max_examples=1000, deadline=None)
@example("http://0x7f.1")
@example("http://1.1.1.1 @127.0.0.1/")
def test_no_other_program_reads_another_host(text: str) -> None:
    try:
        parsed = parse_url(text)
    except JointTrackError:
        return
    other = urlsplit(text)
    assert (other.hostname, other.port or parsed.port) == (parsed.host, parsed.port)
    assert other.username is None
    if parsed.address is None:
        with pytest.raises(OSError, match="illegal"):
            socket.inet_aton(parsed.host)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b.jpg", "https://example.com:8443/b.jpg"),
        ("b.jpg?c", "https://example.com:8443/x/b.jpg?c"),
        ("?c", "https://example.com:8443/x/a?c"),
        ("//other.org/b", "https://other.org/b"),
        ("http://other.org", "http://other.org/"),
    ],
)
def test_redirects_are_relative_to_where_they_come_from(location: str, url: str) -> None:
    parsed = parse_url("https://example.com:8443/x/a?q").redirected(location)
    assert f"{parsed.scheme}://{parsed.authority}{parsed.target}" == url


@pytest.mark.parametrize(
    "location", ["", "http://[::1", "ht\ttp://other.org/", "/a b", "//\\x", "/é"]
)
def test_redirects_are_read_as_strictly(location: str) -> None:
    with pytest.raises(JointTrackError) as caught:
        parse_url("https://example.com/").redirected(location)
    assert caught.value.metadata["why"] == "url"
