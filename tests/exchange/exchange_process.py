"""Starts the exchange as its own process for the tests of this folder, and speaks to it with signed requests."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import jwt
import requests

from tests.planted_secrets import plant

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "/api/v3/brokerage"


def token(key_name: str, key_pem: str, target: str | None = None, *, now: float | None = None, life: int = 120) -> str:
    """A client token as the real venue wants it; `target` is `METHOD host/path`."""
    begins = int(time.time() if now is None else now)
    claims = {"sub": key_name, "iss": "cdp", "nbf": begins, "exp": begins + life} | ({"uri": target} if target else {})
    return jwt.encode(claims, key_pem, algorithm="ES256", headers={"kid": key_name, "nonce": secrets.token_hex()})


class Running:
    """One exchange process: its ready line, and a session that signs."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = ready.get("ca_file", True)

    def call(
        self, method: str, path: str, *, body: Any = None, signed: bool = True, **params: Any
    ) -> requests.Response:
        """One request; `path` is below the API prefix unless it starts with a slash of its own root."""
        full = path if path.startswith(("/_exchange", "/v2", "/api")) else PREFIX + path
        headers = {}
        if signed:
            bearer = token(self.ready["api_key"], self.ready["api_secret"], f"{method} 127.0.0.1{full}")
            headers["Authorization"] = f"Bearer {bearer}"
        url = self.ready["rest_url"] + full
        return self.session.request(method, url, params=params, json=body, headers=headers, timeout=10)

    def get(self, path: str, **params: Any) -> Any:
        """A signed GET that must succeed; the decoded body."""
        answer = self.call("GET", path, **params)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        """A signed POST that must succeed; the decoded body."""
        answer = self.call("POST", path, body=body)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def order(self, product_id: str, side: str, configuration: dict[str, Any], **more: Any) -> Any:
        """Place an order under a fresh client id."""
        body = {"client_order_id": secrets.token_hex(16), "product_id": product_id, "side": side}
        return self.post("/orders", {**body, "order_configuration": configuration, **more})

    def until(self, ask: Callable[[], Any], seconds: float = 10.0) -> Any:
        """Poll until `ask` gives something true; its value."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := ask():
                return found
            time.sleep(0.02)
        raise AssertionError(f"nothing after {seconds} s")

    def ledger(self) -> dict[str, Any]:
        """The exchange's own record of everything."""
        answer = self.call("GET", "/_exchange/ledger", signed=False)
        return dict(answer.json())


@contextlib.contextmanager
def exchange(*flags: str) -> Iterator[Running]:
    """An exchange on a free port; ended, by its own pid, when the block ends."""
    command = [sys.executable, "-m", "trader.exchange", "--die-with-parent", *flags]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    running = None
    try:
        line = process.stdout.readline()
        assert line, f"the exchange said nothing and ended with {process.wait(5)}"
        running = Running(process, json.loads(line))
        plant(running.ready["api_secret"])
        yield running
    finally:
        if running is not None:
            running.session.close()
        process.stdin.close()
        try:
            process.wait(5)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()


REST_LIMIT = {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "1000.00", "post_only": True}}


def arm(venue: Running, fault_id: str, **more: Any) -> None:
    """Arm one fault through the control endpoint."""
    answer = venue.call("POST", "/_exchange/faults", body={"id": fault_id, **more}, signed=False)
    assert answer.status_code == 200, answer.text


def body(client_id: str, product_id: str = "ETH-USD") -> dict[str, Any]:
    """A create body that rests."""
    return {"client_order_id": client_id, "product_id": product_id, "side": "BUY", "order_configuration": REST_LIMIT}


def arrived(venue: Running, client_id: str) -> int:
    """How many create requests with this id the exchange saw."""
    return sum(row["client_order_id"] == client_id for row in venue.ledger()["arrivals"])


def assert_books_balance(venue: Running, opening: dict[str, int]) -> None:
    """Each dollar wallet equals its opening money, the fills, the fundings and the realized profits; to a billionth
    of a cent.
    """
    ledger = venue.ledger()
    for currency, money in opening.items():
        spent = Decimal(0)
        for fill in ledger["fills"]:
            if _quote_of(fill["product_id"]) == currency:
                sign = 1 if fill["side"] == "BUY" else -1
                spot = not fill["product_id"].endswith(("CDE", "INTX"))
                spent += Decimal(fill["commission"]) + (sign * Decimal(fill["value"]) if spot else 0)
        spent += sum(
            (Decimal(row["paid"]) for row in ledger["fundings"] if _quote_of(row["product_id"]) == currency), Decimal(0)
        )
        realized = (row["realized"] for name, row in ledger["positions"].items() if _quote_of(name) == currency)
        spent -= sum((Decimal(amount) for amount in realized), Decimal(0))
        wallet = ledger["balances"][currency]
        total = Decimal(wallet["available"]) + Decimal(wallet["hold"]) + Decimal(wallet["margin"])
        assert abs(total - money + spent) < Decimal("1e-11"), f"{currency}: {total} is not {money} - {spent}"


def _quote_of(product_id: str) -> str:
    return "USDC" if product_id.endswith(("INTX", "USDC")) else "USD"
