"""Events go to public addresses over HTTPS, unless an operator allows more."""

from ipaddress import ip_address

import pytest

from guerdon.domain.webhook_url import UrlRules, find_url_problem, is_public_address

_STRICT = UrlRules()
_INVALID = "must be a valid URL"
_PRIVATE = "must not point to a private address"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/hooks",
        "https://shop.example",
        "https://Shop.Example:8443/a/b?c=d&e=%20f#g",
        "https://xn--bcher-kva.example/hooks",
        "https://8.8.8.8/hooks",
        "https://[2606:4700::1111]:8443/hooks",
        "https://my_shop.example/",
        "https://shop.example./hooks",
    ],
)
def test_accepts(url: str) -> None:
    assert find_url_problem(url, _STRICT) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example/hooks",
        "//shop.example/hooks",
        "ftp://shop.example/hooks",
        "javascript:alert(1)",
        "https:///hooks",
        "https://",
        "https://shop.example:0/",
        "https://shop.example:65536/",
        "https://shop.example:x/",
        "https://shop example/",
        " https://shop.example/",
        "https://shop.example/\n",
        "https://shop.example\\@10.0.0.1/",
        "https://b\u00fccher.example/",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://-shop.example/",
        "https://shop..example/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://shop.example/" + "a" * 2048,
    ],
)
def test_refuses_what_is_no_clear_address(url: str) -> None:
    assert find_url_problem(url, _STRICT) == _INVALID
    assert find_url_problem(url, UrlRules(allows_http=True, allows_private=True)) == _INVALID


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost",
        "localhost.",
        "api.localhost",
        "printer.local",
        "db.internal",
        "intranet",
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 -- an address to refuse, not to listen on
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[::ffff:0:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::1]",
        "[fec0::1]",
        "[3fff::1]",
        "[2001:db8::1]",
        "[5f00::1]",
        "192.88.99.1",
        "198.18.0.1",
        "[2002:7f00:1::]",
    ],
)
def test_refuses_private_addresses_unless_allowed(host: str) -> None:
    url = f"https://{host}/hooks"
    assert find_url_problem(url, _STRICT) == _PRIVATE
    assert find_url_problem(url, UrlRules(allows_private=True)) is None


def test_refuses_plain_http_unless_allowed() -> None:
    assert find_url_problem("http://shop.example/", _STRICT) == "must use HTTPS"
    assert find_url_problem("http://shop.example/", UrlRules(allows_http=True)) is None


@pytest.mark.parametrize("user", ["ana@", "ana:word@", "@", ":@"])
def test_refuses_credentials(user: str) -> None:
    problem = find_url_problem(f"https://{user}shop.example/", _STRICT)
    assert problem == "must not hold a user name or password"


@pytest.mark.parametrize("address", ["::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"])
def test_an_address_that_wraps_a_public_one_is_public(address: str) -> None:
    assert is_public_address(ip_address(address))
