"""Which addresses a shop may have its events sent to, judged by how they are written.

What a name resolves to is judged again at delivery; this keeps out what is plainly wrong."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from msgspec import Struct

URL_LENGTH_MAX = 2048

# What RFC 3986 lets a URL hold. Readers of URLs differ about everything else, and an address that
# two of them read differently is one that was checked by neither.
_WRITABLE = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# A last label like these makes a host a number to some resolvers: 127.1, 0x7f.1, 2130706433.
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_NAT64 = IPv6Network("64:ff9b::/96")
# The only part of IPv6 that is given out as open internet; of it, and of IPv4, what `ipaddress`
# does not know to be kept back: documentation, and relays that are no more.
_OPEN_IPV6 = IPv6Network("2000::/3")
_KEPT_BACK_IPV6 = IPv6Network("3fff::/20")
_KEPT_BACK_IPV4 = IPv4Network("192.88.99.0/24")
_LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa", "lan")


class UrlRules(Struct, frozen=True, kw_only=True):
    """What an operator allows beyond HTTPS to public addresses: both are for trials."""

    allows_http: bool = False
    allows_private: bool = False


def find_url_problem(url: str, rules: UrlRules) -> str | None:
    """Say what is wrong with an address to send events to; None where nothing is."""
    if not url or len(url) > URL_LENGTH_MAX or not _WRITABLE.fullmatch(url):
        return "must be a valid URL"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "must be a valid URL"
    if parts.scheme not in ("https", "http") or not host or "%" in host or port == 0:
        return "must be a valid URL"
    if parts.scheme == "http" and not rules.allows_http:
        return "must use HTTPS"
    if "@" in parts.netloc:
        return "must not hold a user name or password"
    return _find_host_problem(host, allows_private=rules.allows_private)


def _find_host_problem(host: str, *, allows_private: bool) -> str | None:
    try:
        address = ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        if not all(map(_LABEL.fullmatch, labels)) or _NUMERIC.fullmatch(labels[-1]):
            return "must be a valid URL"
        is_private = len(labels) == 1 or _is_local_name(host)
    else:
        is_private = not is_public_address(address)
    return "must not point to a private address" if is_private and not allows_private else None


def _is_local_name(host: str) -> bool:
    name = host.removesuffix(".").lower()
    return any(name == local or name.endswith("." + local) for local in _LOCAL_NAMES)


def is_public_address(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address, and any address that it wraps, belongs to the open internet."""
    if isinstance(address, IPv4Address):
        is_kept_back = address.is_multicast or address in _KEPT_BACK_IPV4
        return address.is_global and not is_kept_back
    if address.ipv4_mapped is not None:
        return is_public_address(address.ipv4_mapped)
    if address in _NAT64:
        return is_public_address(IPv4Address(int(address) & 0xFFFFFFFF))
    wrapped = [address.sixtofour, *(address.teredo or ())]
    if any(each is not None and not is_public_address(each) for each in wrapped):
        return False
    return address in _OPEN_IPV6 and address not in _KEPT_BACK_IPV6 and address.is_global
