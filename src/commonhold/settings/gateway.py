"""What mode `gateway` needs before a service may start, and how it is written."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from commonhold.errors import FieldError
from commonhold.model.tenant import can_be_tenant
from commonhold.settings.rules import RefusedError, Rule

Network = IPv4Network | IPv6Network

WIDEST = 8
"""Bits that the addresses of a network must share at least."""

_MAPPED = IPv6Network("::ffff:0:0/96")
_PREFIX = re.compile(r"[A-Za-z0-9._:-]{1,32}\|")

_MISSING = (
    "gateway needs it: the addresses of the gateways and of nobody else, such as `10.128.4.7/32`;"
    " whoever connects from there is believed to be any user."
)


def networks_of(text: str) -> tuple[Network, ...]:
    """The networks in a setting.

    Raises:
        ValueError: one is none.
        RefusedError: one is so wide that it would let strangers in.
    """
    return tuple(_network(each) for each in text.replace(",", " ").split())


def gateway_faults(modes: frozenset[str], cidrs: str) -> list[FieldError]:
    """What keeps a service from believing a gateway as the settings say, by the variable to set."""
    if "gateway" in modes and not cidrs:
        return [FieldError(("COMMONHOLD_GATEWAY_CIDRS",), _MISSING)]
    return []


def _network(text: str) -> Network:
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        network = ip_network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    if network.prefixlen < WIDEST:
        raise RefusedError(
            f"would believe whoever connects from {network}; name the addresses of the gateways,"
            f" in networks of /{WIDEST} or narrower."
        )
    return network


def _read_networks(text: str) -> str:
    return ",".join(str(each) for each in networks_of(text))


def _read_prefix(text: str) -> str:
    if text and not _PREFIX.fullmatch(text):
        raise ValueError(text)
    return text


def _read_tenant(text: str) -> str:
    if text and not can_be_tenant(text):
        raise ValueError(text)
    return text


CIDRS = Rule(
    _read_networks,
    "addresses and networks of gateways, such as `10.128.4.7/32`, with commas between, or nothing",
)
USER_PREFIX = Rule(_read_prefix, "a word of up to 32 characters that ends with `|`, or nothing")
TENANT = Rule(_read_tenant, "1 to 63 of a-z, 0-9 and -, or nothing")
