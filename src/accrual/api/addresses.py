"""Tells addresses that only this machine reaches from those that others reach too."""

from __future__ import annotations

import ipaddress
import socket


def reaches_beyond(host: str) -> bool:
    """Whether a server on this host takes calls from other machines: on every address that is not loopback, and on a name
    that cannot be resolved.
    """
    try:
        address = str(socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:
        return True
    return is_beyond(address)


def is_beyond(address: str) -> bool:
    """Whether other machines may reach this IP address, also one of IPv4 within IPv6. False for what is no IP address."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return not (inner or ip).is_loopback
