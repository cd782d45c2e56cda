"""Tokens: what the exchange accepts and what it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable

import jwt
import pytest
from exchange_process import token

from trader.exchange.keys import KeyRing, fresh_key

KEY, OTHER = fresh_key(), fresh_key()
RING = KeyRing(KEY)
TARGET = "GET /api/v3/brokerage/accounts"
CLAIMED = "GET api.coinbase.com/api/v3/brokerage/accounts"


def _checked(text: str, target: str | None = TARGET) -> bool:
    return RING.check(text, machine_now=time.time(), target=target) is not None


@pytest.mark.parametrize(
    "uri",
    [CLAIMED, "GET localhost:18443/api/v3/brokerage/accounts", "GET http://localhost:1/api/v3/brokerage/accounts"],
)
def test_any_host_is_accepted_in_the_claim(uri: str) -> None:
    """Clients pointed at a simulator put its address, or the real one, into the claim; method and path decide."""
    assert _checked(token(KEY.name, KEY.private_pem, uri))


def test_a_token_list_of_targets_is_accepted() -> None:
    """Some clients send `uris`."""
    now = int(time.time())
    claims = {
        "sub": KEY.name,
        "iss": "coinbase-cloud",
        "nbf": now,
        "exp": now + 120,
        "uris": [CLAIMED],
        "aud": ["x"],
        "iat": now,
    }
    assert _checked(jwt.encode(claims, KEY.private_pem, algorithm="ES256", headers={"kid": KEY.name}))


BAD: dict[str, Callable[[], str]] = {
    "another path": lambda: token(KEY.name, KEY.private_pem, "GET api.coinbase.com/api/v3/brokerage/orders"),
    "another method": lambda: token(KEY.name, KEY.private_pem, "POST api.coinbase.com/api/v3/brokerage/accounts"),
    "no target": lambda: token(KEY.name, KEY.private_pem),
    "expired": lambda: token(KEY.name, KEY.private_pem, CLAIMED, now=time.time() - 300),
    "from the future": lambda: token(KEY.name, KEY.private_pem, CLAIMED, now=time.time() + 60),
    "too long a life": lambda: token(KEY.name, KEY.private_pem, CLAIMED, life=600),
    "another's signature": lambda: token(KEY.name, OTHER.private_pem, CLAIMED),
    "unknown key": lambda: token(OTHER.name, OTHER.private_pem, CLAIMED),
    "garbage": lambda: "abc.def.ghi",
    "empty": lambda: "",
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_every_other_token_is_refused(case: str) -> None:
    """One table of bad tokens."""
    assert not _checked(BAD[case]())


def test_a_stream_token_needs_no_target() -> None:
    """WebSocket tokens carry no uri; an expired one fails all the same."""
    assert _checked(token(KEY.name, KEY.private_pem), None)
    assert not _checked(BAD["expired"](), None)


def test_a_revoked_key_is_refused() -> None:
    """Once revoked, a key's tokens fail."""
    ring = KeyRing(KEY)
    ring.revoke(KEY.name)
    assert ring.check(token(KEY.name, KEY.private_pem), machine_now=time.time(), target=None) is None
