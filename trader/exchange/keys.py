"""Keys of the exchange's clients and the check of their tokens. Imported by server.py, rest.py and stream.py.

Tokens are judged by the machine's clock: a replayed market may live in another year, its clients do not.
"""

from __future__ import annotations

import base64
import uuid
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

_LIFETIME_S = 120
_SKEW_S = 5.0


class ApiKey(msgspec.Struct, frozen=True):
    """One client key: its name, the private part as handed to the client, and what it may do."""

    name: str
    secret: str
    public_key: Any
    can_trade: bool = True
    can_transfer: bool = False


def fresh_key(*, can_transfer: bool = False, kind: str = "ecdsa") -> ApiKey:
    """A new key under a name of the venue's shape: P-256 as SEC1 PEM, or Ed25519 as base64 of seed and public key."""
    name = f"organizations/{uuid.uuid4()}/apiKeys/{uuid.uuid4()}"
    if kind == "ed25519":
        edwards = ed25519.Ed25519PrivateKey.generate()
        raw = edwards.private_bytes_raw() + edwards.public_key().public_bytes_raw()
        return ApiKey(name, base64.b64encode(raw).decode(), edwards.public_key(), can_transfer=can_transfer)
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()
    return ApiKey(name, pem, private.public_key(), can_transfer=can_transfer)


class KeyRing:
    """The keys that the exchange knows. `check` decides one token; nothing is remembered between tokens."""

    def __init__(self, *keys: ApiKey) -> None:
        self._keys = {key.name: key for key in keys}

    def add(self, key: ApiKey) -> None:
        """Let a key in."""
        self._keys[key.name] = key

    def revoke(self, name: str) -> None:
        """Forget a key; its tokens fail from now on."""
        self._keys.pop(name, None)

    def revoke_all(self) -> None:
        """Forget every key."""
        self._keys.clear()

    def check(self, token: str, *, machine_now: float, target: str | None) -> ApiKey | None:
        """The key that signed a token, or None for every reason to refuse it.

        `target` is `METHOD /path` for REST, None for the WebSocket. The host in the claim is ignored, the query must
        be absent.
        """
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(header.get("kid", ""))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key.public_key,
                algorithms=["EdDSA" if isinstance(key.public_key, ed25519.Ed25519PublicKey) else "ES256"],
                options={
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "require": ["exp", "nbf", "sub"],
                },
            )
        except jwt.PyJWTError:
            return None
        return key if self._claims_hold(claims, key, machine_now, target) else None

    @staticmethod
    def _claims_hold(claims: dict[str, Any], key: ApiKey, machine_now: float, target: str | None) -> bool:
        begins, ends = claims["nbf"], claims["exp"]
        if not isinstance(begins, (int, float)) or not isinstance(ends, (int, float)):
            return False
        in_time = begins - _SKEW_S <= machine_now <= ends + _SKEW_S and ends - begins <= _LIFETIME_S
        named = claims["sub"] == key.name and claims.get("iss") in {"cdp", "coinbase-cloud"}
        return in_time and named and (target is None or _targets(claims, target))


def _targets(claims: dict[str, Any], target: str) -> bool:
    uris = claims.get("uris") or [claims.get("uri")]
    return any(isinstance(uri, str) and _without_host(uri) == target for uri in uris)


def _without_host(uri: str) -> str:
    """`GET https://host:port/path` as `GET /path`."""
    method, _, rest = uri.partition(" ")
    rest = rest.removeprefix("https://").removeprefix("http://")
    _, slash, path = rest.partition("/")
    return f"{method} {slash}{path}"
