"""Tokens and keys: every pasted shape signs, every token is bound and fresh, nothing shows the secret."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import pickle

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from samples import KEY_NAME, decoded, ec_pem

from tests.planted_secrets import plant
from trader.coinbase.auth import CredentialProblem, Credentials, ExchangeCredentials, refuse_derivatives

PEM = ec_pem()
KEY = load_pem_private_key(PEM.encode(), None)
PKCS8 = plant(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
DER = plant(
    base64.b64encode(KEY.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())).decode()
)
ED = ed25519.Ed25519PrivateKey.generate()
SEED = ED.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
ED_PUBLIC = ED.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
plant(SEED)
JSON_FILE = json.dumps({"name": KEY_NAME, "privateKey": PEM})

EC_SHAPES = {
    "sec1 pem": (KEY_NAME, PEM),
    "pkcs8 pem": (KEY_NAME, PKCS8),
    "newlines as backslash-n": (KEY_NAME, PEM.replace("\n", "\\n")),
    "crlf": (KEY_NAME, PEM.replace("\n", "\r\n")),
    "one line with blanks": (KEY_NAME, PEM.replace("\n", " ")),
    "quoted": (f'"{KEY_NAME}"', f"'{PEM}'"),
    "bare base64 of the DER": (KEY_NAME, DER),
    "with an EC PARAMETERS block before it": (
        KEY_NAME,
        f"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{PEM}",
    ),
    "downloaded json as the secret": ("", JSON_FILE),
    "downloaded json as the key": (JSON_FILE, ""),
    "json with id instead of name": ("", json.dumps({"id": KEY_NAME, "privateKey": PEM})),
    "byte order mark and blanks": (f"  {KEY_NAME}\n", f"\ufeff{PEM}  "),
}
ED_SHAPES = {
    "seed and public key, 88 characters": base64.b64encode(SEED + ED_PUBLIC).decode(),
    "seed alone": base64.b64encode(SEED).decode(),
    "pkcs8 pem": ED.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
}


@pytest.mark.parametrize("shape", EC_SHAPES)
def test_an_ecdsa_key_signs_in_every_pasted_shape(shape: str) -> None:
    """The token verifies under the key's public half, with the documented claims."""
    credentials = Credentials.parse(*EC_SHAPES[shape])
    token = credentials.rest_token("GET", "api.coinbase.com", "/api/v3/brokerage/accounts", 1795201200.7)
    claims = jwt.decode(
        token, KEY.public_key(), algorithms=["ES256"], options={"verify_exp": False, "verify_nbf": False}
    )
    assert claims == decoded("auth_jwt_claims_rest")


@pytest.mark.parametrize("shape", ED_SHAPES)
def test_an_ed25519_key_signs_in_every_pasted_shape(shape: str) -> None:
    """EdDSA is chosen by the key itself."""
    credentials = Credentials.parse("66666666-7777-4888-8999-aaaaaaaaaaaa", ED_SHAPES[shape])
    token = credentials.stream_token(1795201200)
    claims = jwt.decode(
        token, ED.public_key(), algorithms=["EdDSA"], options={"verify_exp": False, "verify_nbf": False}
    )
    assert credentials.algorithm == "EdDSA"
    assert claims["sub"] == "66666666-7777-4888-8999-aaaaaaaaaaaa"


def test_a_stream_token_is_not_bound_to_a_path() -> None:
    """A WebSocket token has no uri, as documented."""
    token = Credentials.parse(KEY_NAME, PEM).stream_token(1795201200)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == decoded("auth_jwt_claims_ws")


def test_two_tokens_of_the_same_second_differ() -> None:
    """Each request has its own nonce, and the header is the documented one."""
    credentials = Credentials.parse(KEY_NAME, PEM)
    heads = [jwt.get_unverified_header(credentials.stream_token(1795201200)) for _ in range(2)]
    assert heads[0]["nonce"] != heads[1]["nonce"]
    assert set(heads[0]) == set(decoded("auth_jwt_header_rest"))
    assert heads[0]["kid"] == KEY_NAME


def test_nothing_shows_or_copies_a_key() -> None:
    """Neither repr, text, attributes, pickle nor copy give the key away."""
    secret_line = PEM.splitlines()[1]
    for sealed in (
        Credentials.parse(KEY_NAME, PEM),
        ExchangeCredentials("k", base64.b64encode(b"s").decode(), "hunter2"),
    ):
        shown = f"{sealed!r} {sealed} {sealed:}"
        assert secret_line not in shown
        assert "hunter2" not in shown
        assert not hasattr(sealed, "__dict__")
        for take in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                take(sealed)


def test_the_exchange_signature_is_the_documented_hmac() -> None:
    """Signature, time, key and passphrase go out as the older API wants them."""
    key = base64.b64encode(b"not a real secret").decode()
    headers = ExchangeCredentials("key", key, "words").headers("post", "/orders?x=1", '{"a":1}', 1795201200.9)
    text = '1795201200POST/orders?x=1{"a":1}'
    expected = base64.b64encode(hmac.new(b"not a real secret", text.encode(), hashlib.sha256).digest()).decode()
    assert headers == {
        "CB-ACCESS-KEY": "key",
        "CB-ACCESS-SIGN": expected,
        "CB-ACCESS-TIMESTAMP": "1795201200",
        "CB-ACCESS-PASSPHRASE": "words",
    }


@pytest.mark.parametrize(
    "parts", [("", "c2VjcmV0", "p"), ("k", "", "p"), ("k", "c2VjcmV0", ""), ("k", "no base64!", "p")]
)
def test_exchange_credentials_need_all_three_parts(parts: tuple[str, str, str]) -> None:
    """A missing or malformed part is one sentence."""
    with pytest.raises(CredentialProblem):
        ExchangeCredentials(*parts)


def test_derivatives_are_refused_in_exchange_mode() -> None:
    """That API has none, and the sentence says how to go on."""
    refuse_derivatives("advanced", derivatives=True)
    refuse_derivatives("exchange", derivatives=False)
    with pytest.raises(CredentialProblem, match="COINBASE_API_MODE=advanced"):
        refuse_derivatives("exchange", derivatives=True)


def test_the_curve_decides_what_is_accepted() -> None:
    """A key on another curve cannot sign ES256 and is refused at parsing, not at the first order."""
    with pytest.raises(CredentialProblem) as caught:
        Credentials.parse(KEY_NAME, ec_pem(ec.SECP384R1()))
    assert caught.value.kind == "curve"
