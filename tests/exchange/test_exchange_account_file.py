"""A stored paper account: what it keeps over a kill, and how it starts anew."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from exchange_process import ROOT, Running, exchange


def _facts(running: Running) -> dict[str, Any]:
    """Everything of the ledger that must survive, market-dependent stamps aside."""
    ledger = running.ledger()
    return {name: ledger[name] for name in ("arrivals", "orders", "fills", "balances", "fundings")}


def test_a_killed_exchange_comes_back_with_its_account(tmp_path: Path) -> None:
    """After SIGKILL the orders, fills, balances, positions and the client ids are as they were; a resting order can
    still be cancelled.
    """
    flags = ("--data", str(tmp_path / "paper"), "--equity", "5000")
    with exchange(*flags) as running:
        running.order("BTC-USD", "BUY", {"market_market_ioc": {"quote_size": "500"}}, client_order_id="mine")
        running.order("BIP-20DEC30-CDE", "BUY", {"market_market_ioc": {"base_size": "1"}})
        resting = running.order("ETH-USD", "BUY", {"limit_limit_gtc": {"base_size": "0.1", "limit_price": "1000.00"}})
        before, price = _facts(running), float(running.get("/products/BTC-USD")["price"])
        running.process.kill()
        running.process.wait()
    with exchange(*flags) as running:
        assert _facts(running) == before
        assert abs(float(running.get("/products/BTC-USD")["price"]) / price - 1) < 0.005
        again = running.order("BTC-USD", "BUY", {"market_market_ioc": {"quote_size": "500"}}, client_order_id="mine")
        assert again["success_response"]["order_id"] == before["orders"][0]["order_id"]
        order_id = resting["success_response"]["order_id"]
        assert running.post("/orders/batch_cancel", {"order_ids": [order_id]})["results"][0]["success"]
        running.until(lambda: running.get(f"/orders/historical/{order_id}")["order"]["status"] == "CANCELLED")
        new = running.order("BTC-USD", "BUY", {"market_market_ioc": {"quote_size": "10"}})
        assert new["success_response"]["order_id"] not in {row["order_id"] for row in before["orders"]}


def test_reset_deletes_the_account_and_says_so(tmp_path: Path) -> None:
    """`reset --data` gives the next start its opening balance again; without an account it says that there was none."""
    flags = ("--data", str(tmp_path))
    with exchange(*flags) as running:
        running.order("BTC-USD", "BUY", {"market_market_ioc": {"quote_size": "500"}})
    command = [sys.executable, "-m", "trader.exchange", "reset", *flags]
    for said in ("the account is deleted", "there was no account"):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
        assert (done.returncode, said in done.stdout) == (0, True)
    with exchange(*flags) as running:
        assert running.ledger()["fills"] == []
        assert Decimal(running.ledger()["balances"]["USD"]["available"]) == 10_000


def test_two_exchanges_cannot_share_an_account(tmp_path: Path) -> None:
    """The second ends with 64 and names the remedy."""
    with exchange("--data", str(tmp_path)):
        command = [sys.executable, "-m", "trader.exchange", "--data", str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout) == (64, "")
    assert "exchange reset" in done.stderr


def test_a_damaged_account_is_refused_not_repaired(tmp_path: Path) -> None:
    """Garbage instead of a database: 64 and the remedy, no traceback."""
    (tmp_path / "exchange.db").write_bytes(b"not a database, but long enough to look like one" * 50)
    command = [sys.executable, "-m", "trader.exchange", "--data", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (done.returncode, "reset" in done.stderr, "Traceback" in done.stderr) == (64, True, False)


def test_a_replay_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """With the same file and folder the market clock continues instead of starting over."""
    lines = [f"{1_677_628_800 + index * 60},100,101,99,100,5" for index in range(900)]
    file = tmp_path / "btc_usd_1m_flat.csv"
    file.write_text("time,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    flags = ("--market", str(file), "--speed", "200", "--data", str(tmp_path / "paper"))
    with exchange(*flags) as running:
        begun = int(running.get("/time")["epochSeconds"])
        running.until(lambda: int(running.get("/time")["epochSeconds"]) > begun + 200)
    with exchange(*flags) as running:
        assert int(running.get("/time")["epochSeconds"]) >= begun + 200


def test_an_account_does_not_move_to_a_market_without_its_products(tmp_path: Path) -> None:
    """Orders in ether cannot be continued on a replay of bitcoin alone."""
    lines = [f"{1_677_628_800 + index * 60},100,101,99,100,5" for index in range(10)]
    file = tmp_path / "btc_usd_1m_flat.csv"
    file.write_text("time,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    with exchange("--data", str(tmp_path)) as running:
        running.order("ETH-USD", "BUY", {"market_market_ioc": {"quote_size": "50"}})
    command = [sys.executable, "-m", "trader.exchange", "--data", str(tmp_path), "--market", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (done.returncode, "another --data folder" in done.stderr) == (64, True)
