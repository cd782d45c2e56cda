"""The v2 helper paths that common clients call before anything else."""

from __future__ import annotations

from exchange_process import Running


def test_v2_paths_have_the_shapes_clients_expect(running: Running) -> None:
    """Time, currencies, coins, rates and accounts answer under `data`."""
    assert running.get("/v2/time")["data"]["epoch"] > 1_600_000_000
    assert {row["id"] for row in running.get("/v2/currencies")["data"]} >= {"USD", "EUR"}
    assert {row["code"] for row in running.get("/v2/currencies/crypto")["data"]} >= {"BTC", "USDC"}
    rates = running.get("/v2/exchange-rates", currency="USD")["data"]["rates"]
    assert 0 < float(rates["BTC"]) < 1 < float(rates["DOGE"])
    rows = running.get("/v2/accounts", limit=250)["data"]
    assert {row["currency"]["code"] for row in rows} >= {"USD", "BTC", "USDC"}
