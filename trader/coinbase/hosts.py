"""Which hosts this client may talk to: Coinbase's own, and the loopback of this machine. Nothing else, whatever the
environment says.

`trader/coinbase/`, configuration and start-up checks import this.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

COINBASE_HOSTS = frozenset(
    {
        "api.coinbase.com",
        "api-sandbox.coinbase.com",
        "advanced-trade-ws.coinbase.com",
        "advanced-trade-ws-user.coinbase.com",
    }
)
SECURE_SCHEMES = frozenset({"https", "wss"})
PLAIN_SCHEMES = frozenset({"http", "ws"})


class ForbiddenHost(ValueError):
    """A URL outside the allow-list; the text names the remedy."""


def is_loopback(url: str) -> bool:
    """Return whether the URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_host(url: str) -> str:
    """Return `url` without a trailing slash when it may be used, Coinbase only encrypted; raises ForbiddenHost."""
    parts = urlsplit(url)
    if parts.scheme not in SECURE_SCHEMES | PLAIN_SCHEMES or not parts.hostname:
        raise ForbiddenHost(f"{url!r} is no http(s) or ws(s) address.")
    if parts.username or parts.password:
        raise ForbiddenHost("An address must not carry a user name or password.")
    if is_loopback(url):
        return url.rstrip("/")
    if parts.hostname not in COINBASE_HOSTS:
        raise ForbiddenHost(
            f"{parts.hostname} is not a Coinbase host: COINBASE_REST_URL, COINBASE_WS_URL and COINBASE_WS_USER_URL "
            "may only name Coinbase's own hosts or this machine's loopback."
        )
    if parts.scheme not in SECURE_SCHEMES or parts.port not in {None, 443}:
        raise ForbiddenHost(
            f"{parts.hostname} is only talked to encrypted, on its standard port: use https:// or wss://."
        )
    return url.rstrip("/")
