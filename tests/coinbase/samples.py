"""The venue's documented bodies and frames, and a key made for the tests."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.planted_secrets import plant
from trader.coinbase.auth import Credentials
from trader.market.instrument import Instrument, ProductKind

FOLDER = Path(__file__).parent / "sample_messages"
KEY_NAME = "organizations/11111111-2222-4333-8444-555555555555/apiKeys/66666666-7777-4888-8999-aaaaaaaaaaaa"


def raw(name: str) -> bytes:
    """The bytes of one sample, `.json` left out of its name."""
    return (FOLDER / f"{name}.json").read_bytes()


def decoded(name: str) -> Any:
    """One sample as plain JSON."""
    return json.loads(raw(name))


def index() -> list[dict[str, Any]]:
    """What each sample is."""
    return list(json.loads((FOLDER / "INDEX.json").read_bytes())["files"])


def ec_pem(curve: ec.EllipticCurve | None = None) -> str:
    """A fresh EC private key as SEC1 PEM."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    return plant(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode())


def credentials() -> Credentials:
    """Credentials with a fresh key."""
    return Credentials.parse(KEY_NAME, ec_pem())


def spot(symbol: str = "BTC-USD", tick: str = "0.01", lot: str = "0.00000001", **changes: Any) -> Instrument:
    """A spot product with the given grid."""
    base, quote = symbol.split("-")[:2]
    terms: dict[str, Any] = {
        "symbol": symbol,
        "product_id": symbol,
        "kind": ProductKind.SPOT,
        "base": base,
        "quote": quote,
        "price_increment": Decimal(tick),
        "base_increment": Decimal(lot),
        "base_min_size": Decimal(lot),
        "base_max_size": Decimal(3400),
        "quote_min_size": Decimal(1),
    }
    return Instrument(**(terms | changes))
