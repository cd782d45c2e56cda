"""Tokens: what the exchange accepts and what it refuses."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
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
    assert _checked(token(KEY.name, KEY.secret, uri))


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
    assert _checked(jwt.encode(claims, KEY.secret, algorithm="ES256", headers={"kid": KEY.name}))


BAD: dict[str, Callable[[], str]] = {
    "another path": lambda: token(KEY.name, KEY.secret, "GET api.coinbase.com/api/v3/brokerage/orders"),
    "another method": lambda: token(KEY.name, KEY.secret, "POST api.coinbase.com/api/v3/brokerage/accounts"),
    "no target": lambda: token(KEY.name, KEY.secret),
    "expired": lambda: token(KEY.name, KEY.secret, CLAIMED, now=time.time() - 300),
    "from the future": lambda: token(KEY.name, KEY.secret, CLAIMED, now=time.time() + 60),
    "too long a life": lambda: token(KEY.name, KEY.secret, CLAIMED, life=600),
    "another's signature": lambda: token(KEY.name, OTHER.secret, CLAIMED),
    "unknown key": lambda: token(OTHER.name, OTHER.secret, CLAIMED),
    "garbage": lambda: "abc.def.ghi",
    "empty": lambda: "",
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_every_other_token_is_refused(case: str) -> None:
    """One table of bad tokens."""
    assert not _checked(BAD[case]())


def test_a_stream_token_needs_no_target() -> None:
    """WebSocket tokens carry no uri; an expired one fails all the same."""
    assert _checked(token(KEY.name, KEY.secret), None)
    assert not _checked(BAD["expired"](), None)


def test_a_revoked_key_is_refused() -> None:
    """Once revoked, a key's tokens fail."""
    ring = KeyRing(KEY)
    ring.revoke(KEY.name)
    assert ring.check(token(KEY.name, KEY.secret), machine_now=time.time(), target=None) is None


def test_an_ed25519_key_signs_as_well() -> None:
    """The portal's newer kind: base64 of seed and public key, algorithm EdDSA; its tokens do not pass for those of
    another key.
    """
    key = fresh_key(kind="ed25519")
    raw = base64.b64decode(key.secret)
    private = ed25519.Ed25519PrivateKey.from_private_bytes(raw[:32])
    assert (len(raw), private.public_key().public_bytes_raw()) == (64, raw[32:])
    now = int(time.time())
    claims = {"sub": key.name, "iss": "cdp", "nbf": now, "exp": now + 120, "uri": CLAIMED}
    text = jwt.encode(claims, private, algorithm="EdDSA", headers={"kid": key.name})
    assert KeyRing(key).check(text, machine_now=now, target=TARGET) is key
    assert KeyRing(KEY).check(text, machine_now=now, target=TARGET) is None
