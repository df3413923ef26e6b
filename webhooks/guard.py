"""Where a web hook may point: https, an allowed port, and an address of the public internet.

A person who may set up a web hook must not reach, through the server, what only the server can
reach. The name is resolved here, every address it has is checked, and the connection goes to the
checked address itself: a name that changes its address in between gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from webhooks.errors import WebhookRefused
from webhooks.models import URL_LENGTH

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Translations that carry an IPv4 address in their last 32 bits.
NAT64 = ipaddress.ip_network("64:ff9b::/96")
IPV4_COMPATIBLE = ipaddress.ip_network("::/96")


@dataclass(frozen=True)
class Target:
    """A checked destination. ``address`` is where to connect; ``host`` is who must answer."""

    secure: bool
    host: str
    port: int
    address: str
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def resolve(url: str) -> Target:
    """The destination of ``url``, resolved and checked now. Raises WebhookRefused (``url``)."""
    parts = _split(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    if port not in settings.DFD.webhook_ports:
        allowed = ", ".join(map(str, settings.DFD.webhook_ports))
        raise WebhookRefused(
            "url",
            _("Port %(port)s is not allowed; use one of %(allowed)s.")
            % {"port": port, "allowed": allowed},
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, port, _checked_address(host, port), path)


def _split(url: str) -> SplitResult:
    """The parts of ``url``, whose form is right."""
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > URL_LENGTH:
        raise WebhookRefused(
            "url",
            _("Write the address in at most %(most)s ASCII characters without spaces.")
            % {"most": URL_LENGTH},
        )
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises for a port that is no number)
    except ValueError as error:
        raise WebhookRefused(
            "url", _("This is no address: %(error)s.") % {"error": error}
        ) from error
    schemes = ("https", "http") if settings.DFD.webhook_http else ("https",)
    if parts.scheme not in schemes:
        raise WebhookRefused(
            "url",
            _("The address must begin with %(schemes)s://.") % {"schemes": " or ".join(schemes)},
        )
    if not parts.hostname or "@" in parts.netloc or parts.fragment or "\\" in url:
        raise WebhookRefused("url", _("Write https://host/path without a password or fragment."))
    return parts


def _checked_address(host: str, port: int) -> str:
    """The first address of ``host``, after every one of them was found allowed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise WebhookRefused(
            "url", _("The name %(host)s cannot be resolved.") % {"host": host}
        ) from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not is_allowed(address):
            raise WebhookRefused(
                "url",
                _("%(host)s leads to an address that is not on the public internet.")
                % {"host": host},
            )
    return addresses[0]


def is_allowed(address: str) -> bool:
    """Whether ``address`` is public, or in one of DFD_WEBHOOK_NETWORKS."""
    try:
        ip = _carried(ipaddress.ip_address(address))
    except ValueError:  # with a scope id: link-local at best
        return False
    if any(ip in ipaddress.ip_network(network) for network in settings.DFD.webhook_networks):
        return True
    # is_global is false for private, loopback, link-local, carrier-grade NAT, documentation and
    # unspecified addresses; multicast and reserved ones are asked for themselves.
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _carried(ip: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if ip in NAT64 or (ip in IPV4_COMPATIBLE and int(ip) > 1):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip
