"""Which addresses belong to the public internet. Pure.

Written out from IANA's special-purpose registries and not left to `ipaddress.is_global`, whose answers
differ between patch releases of Python 3.11.

https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

import ipaddress
import re
from typing import Final

_V4 = ipaddress.IPv4Network
_V6 = ipaddress.IPv6Network

_METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "168.63.129.16",  # Azure: a public number that every virtual machine reaches
        "192.0.0.192",  # Oracle
        "100.100.100.200",  # Alibaba
        "fd00:ec2::254",  # Amazon; its other one is link-local
        "fd20:ce::254",  # Google
    )
)
_NEVER_V4: Final = (
    _V4("0.0.0.0/8"),  # this host
    _V4("169.254.0.0/16"),  # link-local, with the metadata servers of most clouds
    _V4("192.0.0.0/24"),  # protocol assignments
    _V4("192.88.99.0/24"),  # 6to4 relays
    _V4("224.0.0.0/4"),  # multicast
    _V4("240.0.0.0/4"),  # reserved, broadcast
)
_PRIVATE_V4: Final = (
    _V4("10.0.0.0/8"),
    _V4("100.64.0.0/10"),  # shared by providers (CGNAT)
    _V4("127.0.0.0/8"),
    _V4("172.16.0.0/12"),
    _V4("192.0.2.0/24"),  # documentation
    _V4("192.168.0.0/16"),
    _V4("198.18.0.0/15"),  # benchmarks
    _V4("198.51.100.0/24"),  # documentation
    _V4("203.0.113.0/24"),  # documentation
)
_GLOBAL_V6: Final = _V6("2000::/3")
_NAT64: Final = _V6("64:ff9b::/96")
_NEVER_V6: Final = (
    _V6("2001::/23"),  # protocol assignments, Teredo and ORCHID among them
    _V6("2001:db8::/32"),  # documentation
    _V6("2002::/16"),  # 6to4: leads to any IPv4 address
    _V6("3fff::/20"),  # documentation
)
_PRIVATE_V6: Final = (_V6("::1/128"), _V6("fc00::/7"))

_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def may_connect(address: str, *, private: bool = False) -> bool:
    """Whether `address` (as text) may be connected to: it is public, or `private` and of a private network.

    Link-local addresses, those of cloud metadata servers, multicast and reserved ones never are, and
    neither is an IPv4 address inside an IPv6 one; except NAT64 (RFC 6052), how networks without IPv4 reach
    all public servers, which counts as the address inside it.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if parsed in _METADATA:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        if any(parsed in network for network in _NEVER_V4):
            return False
        return private or not any(parsed in network for network in _PRIVATE_V4)
    if parsed.scope_id is not None:
        return False
    if parsed in _NAT64:
        return may_connect(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
    if private and any(parsed in network for network in _PRIVATE_V6):
        return True
    return parsed in _GLOBAL_V6 and not any(parsed in network for network in _NEVER_V6)


def is_literal(host: str) -> bool:
    """Whether `host` is an IP address in its usual spelling, without brackets."""
    try:
        return str(ipaddress.ip_address(host)) == host or ":" in host
    except ValueError:
        return False


def is_odd_number(host: str) -> bool:
    """Whether systems read `host` as an IPv4 address though it is not spelled as one: 0x7f.1, 2130706433.

    The rule is the URL standard's: the last label is a number (https://url.spec.whatwg.org/#ends-in-a-number-checker).
    """
    last = host.rstrip(".").rpartition(".")[2]
    return bool(_NUMBER.fullmatch(last)) and not is_literal(host)
