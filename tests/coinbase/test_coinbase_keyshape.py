"""Malformed credentials: each way has its own sentence, and no sentence holds any part of the secret."""

from __future__ import annotations

import base64
import contextlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from hypothesis import given, strategies as st
from samples import KEY_NAME, ec_pem

from trader.coinbase.auth import CredentialProblem, Credentials
from trader.coinbase.keyshape import PROBLEMS

PEM = ec_pem()
KEY = load_pem_private_key(PEM.encode(), None)
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
RSA_KEY = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
BODY = PEM.splitlines()[1]

MALFORMED: dict[str, tuple[str, str]] = {
    "no_name": ("", PEM),
    "no_secret": (KEY_NAME, " "),
    "swapped": (PEM, KEY_NAME),
    "placeholder": (KEY_NAME, "<your private key>"),
    "name_form": ("organizations/1234/apiKeys/5678", PEM),
    "legacy": ("a1B2c3D4e5F6g7H8", "A" * 32),
    "file_path": (KEY_NAME, "/home/me/Downloads/cdp_api_key.json"),
    "json_broken": ("", json.dumps({"name": KEY_NAME, "privateKey": PEM})[:-40]),
    "json_fields": ("", json.dumps({"key": KEY_NAME, "secret": PEM})),
    "public": (KEY_NAME, PUBLIC),
    "certificate": (KEY_NAME, f"-----BEGIN CERTIFICATE-----\n{BODY}\n-----END CERTIFICATE-----"),
    "encrypted": (
        KEY_NAME,
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode(),
    ),
    "ssh": (KEY_NAME, KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()),
    "rsa": (KEY_NAME, RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()),
    "curve": (KEY_NAME, ec_pem(ec.SECP256K1())),
    "pem_cut": (KEY_NAME, "\n".join(PEM.splitlines()[:-1])),
    "pem_damaged": (KEY_NAME, PEM.replace(BODY, BODY[:20] + BODY[24:])),
    "base64_length": (KEY_NAME, base64.b64encode(ED[:30]).decode()),
    "ed25519_pair": (KEY_NAME, base64.b64encode(ED + ED).decode()),
    "unknown_form": (KEY_NAME, "correct horse battery staple!"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_each_malformed_credential_has_its_own_sentence(kind: str) -> None:
    """The diagnosis names what is wrong and what to do."""
    with pytest.raises(CredentialProblem) as caught:
        Credentials.parse(*MALFORMED[kind])
    assert caught.value.kind == kind
    assert str(caught.value) == PROBLEMS[kind]


def test_there_are_at_least_twelve_and_all_differ() -> None:
    """Every problem has a test, and no two share a sentence."""
    assert set(MALFORMED) == set(PROBLEMS)
    assert len(set(PROBLEMS.values())) == len(PROBLEMS) >= 12


@pytest.mark.parametrize("kind", MALFORMED)
def test_no_sentence_holds_a_part_of_the_secret(kind: str) -> None:
    """Eight characters in a row of what was pasted are never repeated, nor is the cause chained with them."""
    name, secret = MALFORMED[kind]
    with pytest.raises(CredentialProblem) as caught:
        Credentials.parse(name, secret)
    said = str(caught.value)
    inside = "".join(line for line in (name + "\n" + secret).splitlines() if "-----" not in line and len(line) > 40)
    assert not any(inside[at : at + 8] in said for at in range(max(0, len(inside) - 8)))
    assert caught.value.__cause__ is None


@given(st.text(max_size=200), st.text(max_size=400))
def test_any_text_gives_credentials_or_a_sentence(name: str, secret: str) -> None:
    """Nothing pasted can raise anything else."""
    with contextlib.suppress(CredentialProblem):
        assert Credentials.parse(name, secret).key_name
