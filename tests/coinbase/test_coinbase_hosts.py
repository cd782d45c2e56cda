"""The host allow-list: Coinbase encrypted, loopback freely, nothing else."""

from __future__ import annotations

import pytest

from trader.coinbase.hosts import ForbiddenHost, check_host, is_loopback

ALLOWED = [
    "https://api.coinbase.com",
    "https://api.coinbase.com:443/",
    "https://api-sandbox.coinbase.com",
    "wss://advanced-trade-ws.coinbase.com",
    "wss://advanced-trade-ws-user.coinbase.com",
    "http://127.0.0.1:8080",
    "https://localhost:9",
    "ws://[::1]:80",
]
FORBIDDEN = [
    "http://api.coinbase.com",
    "ws://advanced-trade-ws.coinbase.com",
    "https://api.coinbase.com:8443",
    "https://api.coinbase.com.evil.example",
    "https://evil.example/api.coinbase.com",
    "https://api.coinbase.com@evil.example",
    "https://user:word@127.0.0.1",
    "https://10.0.0.1",
    "ftp://127.0.0.1",
    "api.coinbase.com",
    "",
]


@pytest.mark.parametrize("url", ALLOWED)
def test_the_venue_and_this_machine_are_allowed(url: str) -> None:
    """The address comes back without a trailing slash."""
    assert check_host(url) == url.rstrip("/")


@pytest.mark.parametrize("url", FORBIDDEN)
def test_everything_else_is_refused(url: str) -> None:
    """Look-alikes, plain text to the venue, and addresses with a password in them."""
    with pytest.raises(ForbiddenHost):
        check_host(url)


def test_loopback_is_told_from_names_that_only_look_like_it() -> None:
    """A DNS name is never resolved to find out."""
    assert is_loopback("http://127.8.8.8:1")
    assert not is_loopback("http://127.0.0.1.evil.example")
