"""Credentials and the tokens they mint: a CDP key signs one short JWT per request or per subscribe; an Exchange key
signs by HMAC.

`trader/coinbase/`, the broker actor and the start-up checks import this. The private key is loaded once and never
leaves its object: no repr, no text, no pickle shows it. Times are UNIX seconds of this machine's wall clock
(corrected by the caller); no clock is read here. Signing is safe from several threads. The token format is the
venue's (`Key name`, `uri`, 120 s life), ES256 or EdDSA by RFC 7518 / 8037.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import NoReturn

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trader.coinbase.keyshape import CredentialProblem, PrivateKey, read_key

__all__ = ["CredentialProblem", "Credentials", "ExchangeCredentials"]

TOKEN_LIFE_S = 120
ISSUER = "cdp"


class _Sealed:
    """Base of everything that holds a secret: it shows nothing of itself and cannot be copied out of the process."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is never pickled or copied")


class Credentials(_Sealed):
    """One CDP API key: its name and its private key, ready to sign."""

    __slots__ = ("__key", "algorithm", "key_name")

    def __init__(self, key_name: str, key: PrivateKey) -> None:
        assert isinstance(key, (EllipticCurvePrivateKey, Ed25519PrivateKey))
        self.key_name = key_name
        self.algorithm = "ES256" if isinstance(key, EllipticCurvePrivateKey) else "EdDSA"
        self.__key = key

    @property
    def fingerprint(self) -> str:
        """Eight characters that tell one key from another and nothing else."""
        return hashlib.sha256(self.key_name.encode()).hexdigest()[:8]

    @classmethod
    def parse(cls, api_key: str, api_secret: str) -> Credentials:
        """Read a key name and a secret in any pasted shape; raises CredentialProblem with one sentence that names the
        remedy.
        """
        return cls(*read_key(api_key, api_secret))

    def rest_token(self, method: str, host: str, path: str, utc_s: float) -> str:
        """Mint a token for one request: `host` with its port when not the default, `path` without the query."""
        return self._mint(utc_s, f"{method} {host}{path}")

    def stream_token(self, utc_s: float) -> str:
        """Mint a token for one subscribe or unsubscribe message."""
        return self._mint(utc_s, None)

    def _mint(self, utc_s: float, uri: str | None) -> str:
        start = int(utc_s)
        claims: dict[str, str | int] = {"sub": self.key_name, "iss": ISSUER, "nbf": start, "exp": start + TOKEN_LIFE_S}
        if uri is not None:
            claims["uri"] = uri
        head = {"kid": self.key_name, "nonce": secrets.token_hex(16)}
        return jwt.encode(claims, self.__key, algorithm=self.algorithm, headers=head)


class ExchangeCredentials(_Sealed):
    """A key of the older Exchange API (`api_mode = "exchange"`): signs by HMAC with a passphrase.

    Only the signer is here: that API's order entry is not part of this system, and it has no derivatives at all.
    """

    __slots__ = ("__passphrase", "__secret", "key")

    def __init__(self, key: str, secret: str, passphrase: str) -> None:
        if not (key.strip() and secret.strip() and passphrase.strip()):
            raise CredentialProblem(
                'api_mode "exchange" needs a key, a secret and a passphrase: set COINBASE_API_KEY, '
                "COINBASE_API_SECRET and COINBASE_PASSPHRASE."
            )
        try:
            self.__secret = base64.b64decode(secret.strip(), validate=True)
        except binascii.Error:
            raise CredentialProblem(
                "The secret of an Exchange API key is base64 text; this one is not. "
                "Paste it as the Exchange site shows it."
            ) from None
        self.key = key.strip()
        self.__passphrase = passphrase

    def headers(self, method: str, path_and_query: str, body: str, utc_s: float) -> dict[str, str]:
        """Return the four signed headers of one request."""
        stamp = str(int(utc_s))
        text = f"{stamp}{method.upper()}{path_and_query}{body}"
        digest = hmac.new(self.__secret, text.encode(), hashlib.sha256).digest()
        return {
            "CB-ACCESS-KEY": self.key,
            "CB-ACCESS-SIGN": base64.b64encode(digest).decode(),
            "CB-ACCESS-TIMESTAMP": stamp,
            "CB-ACCESS-PASSPHRASE": self.__passphrase,
        }


def refuse_derivatives(api_mode: str, derivatives: bool) -> None:
    """Raise CredentialProblem when derivatives are asked of an API that has none."""
    if derivatives and api_mode != "advanced":
        raise CredentialProblem(
            f'Derivatives need api_mode "advanced" and a CDP key; api_mode is "{api_mode}". '
            "Set COINBASE_API_MODE=advanced or COINBASE_ENABLE_DERIVATIVES=0."
        )
