"""Which addresses are public."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_host.kit.addresses import is_literal, is_odd_number, may_connect

CLOSED = [
    "0.0.0.0",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "100.100.100.200",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "fe80::1%1",
    "2606:4700::1%1",
    "fd20:ce::254",
    "example.com",
    "1.2.3",
    "01.2.3.4",
    "-",
]
OPEN = [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "169.253.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "168.63.129.15",
    "2606:4700:4700::1111",
    "2a00:1450::1",
    "2001:4860:4860::8888",
    "64:ff9b::808:808",
]
NEVER = [
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "100.100.100.200",
    "fd00:ec2::254",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "255.255.255.255",
    "fe80::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "64:ff9b::127.0.0.1",
]


@pytest.mark.parametrize("address", CLOSED)
def test_closed_addresses(address: str) -> None:
    assert not may_connect(address)


@pytest.mark.parametrize("address", OPEN)
def test_open_addresses(address: str) -> None:
    assert may_connect(address)
    assert may_connect(address, private=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd12::1"])
def test_private_ones_on_request(address: str) -> None:
    assert may_connect(address, private=True)


@pytest.mark.parametrize("address", NEVER)
def test_never_even_on_request(address: str) -> None:
    assert not may_connect(address, private=True)


@given(st.ip_addresses())
def test_nothing_is_open_that_python_calls_private(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    inner = address
    if isinstance(address, ipaddress.IPv6Address) and address in ipaddress.ip_network("64:ff9b::/96"):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if may_connect(str(address)):
        assert inner.is_global
        assert not inner.is_multicast
        assert not inner.is_link_local
        assert not inner.is_loopback
        assert may_connect(str(address), private=True)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another(address: ipaddress.IPv4Address) -> None:
    assert not may_connect(f"::ffff:{address}")
    assert not may_connect(f"::{address}")
    assert not may_connect(str(ipaddress.IPv6Address(0x2002 << 112 | int(address) << 80)))
    assert may_connect(str(ipaddress.IPv6Address((0x64FF9B << 96) | int(address)))) == may_connect(
        str(address)
    )


@given(
    st.ip_addresses(v=4),
    st.sampled_from(["{0}", "0x{0:x}", "0x{1:x}.{2}", "0{1:o}.0.0.1", "{1}.{2}", "{3}."]),
)
def test_odd_spellings(address: ipaddress.IPv4Address, form: str) -> None:
    number = int(address)
    text = form.format(number, number >> 24, number & 0xFFFFFF, address)
    assert is_odd_number(text)
    assert not is_literal(text)
    assert not is_odd_number(str(address))
    assert is_literal(str(address))


@pytest.mark.parametrize(
    "host", ["example.com", "1.example", "0x7f.com", "a.b1", "xn--p1ai", "::1", "localhost"]
)
def test_names_are_not_numbers(host: str) -> None:
    assert not is_odd_number(host)
