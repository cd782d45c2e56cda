"""Reading a pasted API key: every shape people paste is accepted, and each way of getting it wrong has its own
sentence.

`trader/coinbase/auth.py` and `cold.py` import this. No sentence ever contains any part of what was pasted into the
secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey

_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_FULL_NAME = re.compile(rf"organizations/{_UUID}/apiKeys/{_UUID}")
_BARE_NAME = re.compile(_UUID)
_PLACEHOLDER = re.compile(r"<.*>|\.\.\.|x{4,}|(your|my)[-_ ].*|change[-_ ]?me|placeholder|todo|example", re.IGNORECASE)
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_ED25519_SEED, _ED25519_PAIR = 32, 64

PROBLEMS = {
    "no_name": "COINBASE_API_KEY is empty: set it to the key's name, organizations/…/apiKeys/….",
    "no_secret": "COINBASE_API_SECRET is empty: set it to the private key that was shown when the key was made.",
    "swapped": (
        "COINBASE_API_KEY holds a private key: the two values are swapped, put the name there and the key "
        "into the secret."
    ),
    "placeholder": "The credentials still hold a placeholder: replace it with the real key name and private key.",
    "name_form": (
        "COINBASE_API_KEY is no key name: it must read organizations/<uuid>/apiKeys/<uuid>, or be one bare <uuid>."
    ),
    "legacy": (
        "This looks like an old HMAC key, which Advanced Trade does not take: make a CDP key (ECDSA) at "
        "portal.cdp.coinbase.com."
    ),
    "file_path": "COINBASE_API_SECRET holds the path of a file: put the file's content there, not its name.",
    "json_broken": "The key file's JSON is cut off or damaged: download it again and paste the whole of it.",
    "json_fields": (
        'The key file\'s JSON has no "name" and "privateKey": paste the file that the portal let you download.'
    ),
    "public": (
        "COINBASE_API_SECRET holds a public key: the private one is needed (BEGIN EC PRIVATE KEY or BEGIN PRIVATE KEY)."
    ),
    "certificate": "COINBASE_API_SECRET holds a certificate: the key's private part is needed.",
    "encrypted": (
        "The private key is encrypted with a passphrase: decrypt it (openssl ec -in key.pem) and paste the result."
    ),
    "ssh": "COINBASE_API_SECRET holds an OpenSSH key: only a CDP key made at portal.cdp.coinbase.com works.",
    "rsa": "COINBASE_API_SECRET holds an RSA key: Coinbase signs with ECDSA (P-256) or Ed25519, make such a key.",
    "curve": "The private key lies on another curve than P-256: make a CDP key with the ECDSA setting of the portal.",
    "pem_cut": "The PEM is cut off: the BEGIN line has no matching END line, paste the key with both.",
    "pem_damaged": (
        "The PEM's inside does not decode: characters are missing or changed, paste it again without editing."
    ),
    "base64_length": (
        "The secret is base64 of the wrong length: an Ed25519 secret has 64 bytes (88 characters) or 32, an "
        "EC one is PEM."
    ),
    "ed25519_pair": "The Ed25519 secret's two halves do not belong together: it was altered, paste it again.",
    "unknown_form": (
        "COINBASE_API_SECRET is neither PEM nor base64 nor the downloaded JSON: paste the private key as the "
        "portal shows it."
    ),
}


class CredentialProblem(Exception):
    """The credentials cannot be used; the text is one sentence for a person, free of secrets. `kind` is its key in
    PROBLEMS.
    """

    def __init__(self, sentence: str, kind: str = "") -> None:
        super().__init__(sentence)
        self.kind = kind


def _problem(kind: str) -> CredentialProblem:
    return CredentialProblem(PROBLEMS[kind], kind)


def read_key(api_key: str, api_secret: str) -> tuple[str, PrivateKey]:
    """Return the key's name and its loaded private key; raises CredentialProblem."""
    name, secret = _tidy(api_key), _tidy(api_secret)
    for holder in (secret, name):
        if holder.startswith("{"):
            name, secret = _from_json(holder)
            break
    _judge_name(name, secret)
    return name, load_key(secret)


def load_key(secret: str) -> PrivateKey:
    """Return the private key behind a tidied secret; raises CredentialProblem."""
    if not secret:
        raise _problem("no_secret")
    if _PLACEHOLDER.fullmatch(secret):
        raise _problem("placeholder")
    if "-----BEGIN" in secret:
        return _from_pem(secret)
    if re.fullmatch(r"[~./\\\w: -]*\.(json|pem|key|txt)", secret):
        raise _problem("file_path")
    if "-----END" in secret:
        raise _problem("pem_cut")
    return _from_base64("".join(secret.split()))


def _tidy(text: str) -> str:
    """Undo what shells, editors and .env files do to a key: quotes, CRLF, newlines written as backslash-n."""
    tidy = text.strip().lstrip("\ufeff")
    while len(tidy) >= 2 and tidy[0] == tidy[-1] and tidy[0] in "\"'`":
        tidy = tidy[1:-1].strip()
    if not tidy.startswith("{"):
        tidy = tidy.replace("\\r", "").replace("\\n", "\n")
    return tidy.replace("\r\n", "\n").replace("\r", "\n").strip()


def _from_json(text: str) -> tuple[str, str]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise _problem("json_broken") from None
    name = content.get("name") or content.get("id")
    secret = content.get("privateKey")
    if not isinstance(name, str) or not isinstance(secret, str):
        raise _problem("json_fields")
    return _tidy(name), _tidy(secret)


def _judge_name(name: str, secret: str) -> None:
    """Raise for a name that is missing, swapped, a placeholder, of the old kind, or malformed."""
    if not name:
        raise _problem("no_name")
    if "-----BEGIN" in name:
        raise _problem("swapped")
    if _PLACEHOLDER.fullmatch(name):
        raise _problem("placeholder")
    if _FULL_NAME.fullmatch(name) or _BARE_NAME.fullmatch(name):
        return
    old_style = re.fullmatch(r"[A-Za-z0-9]{16,32}", name) and re.fullmatch(r"[A-Za-z0-9]{32,64}", secret)
    raise _problem("legacy" if old_style else "name_form")


_WRONG_LABELS = (
    ("PUBLIC KEY", "public"),
    ("CERTIFICATE", "certificate"),
    ("OPENSSH", "ssh"),
    ("RSA", "rsa"),
    ("ENCRYPTED", "encrypted"),
)


def _from_pem(text: str) -> PrivateKey:
    """Load the private key of a PEM text, however its lines were broken; an EC PARAMETERS block is skipped."""
    label_line = text[text.index("-----BEGIN") :].split("-----")[1]
    for word, kind in _WRONG_LABELS:
        if word in label_line:
            raise _problem(kind)
    blocks = {label: inside for label, inside in _PEM.findall(text) if "PRIVATE KEY" in label}
    if not blocks:
        raise _problem("pem_cut")
    label, inside = next(iter(blocks.items()))
    if "ENCRYPTED" in label or "ENCRYPTED" in inside:
        raise _problem("encrypted")
    packed = "".join(inside.split())
    lines = [packed[start : start + 64] for start in range(0, len(packed), 64)]
    pem = "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
    try:
        key = load_pem_private_key(pem.encode("ascii"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _problem("pem_damaged") from None
    return _accepted(key)


def _from_base64(text: str) -> PrivateKey:
    """Load an Ed25519 seed or pair, or DER of an EC key, from base64 without any frame."""
    if not _BASE64.fullmatch(text):
        raise _problem("unknown_form")
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _problem("base64_length") from None
    if len(raw) == _ED25519_SEED:
        return Ed25519PrivateKey.from_private_bytes(raw)
    if len(raw) == _ED25519_PAIR:
        key = Ed25519PrivateKey.from_private_bytes(raw[:_ED25519_SEED])
        if key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) != raw[_ED25519_SEED:]:
            raise _problem("ed25519_pair")
        return key
    try:
        return _accepted(load_der_private_key(raw, password=None))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _problem("base64_length") from None


def _accepted(key: PrivateKeyTypes) -> PrivateKey:
    if isinstance(key, Ed25519PrivateKey):
        return key
    if not isinstance(key, EllipticCurvePrivateKey):
        raise _problem("rsa")
    if not isinstance(key.curve, SECP256R1):
        raise _problem("curve")
    return key
