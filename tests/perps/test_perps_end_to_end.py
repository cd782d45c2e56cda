"""Perpetuals traded by the real trader on the real exchange, from the first contract to a flat account: both books, to the cent."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from perps_books import CENT, Journal, fundings, money, received, result
from perps_market import PRODUCTS, SYMBOLS, USD, USDC, write_config, write_market
from trader_process import (  # fmt: skip
    ROOT,
    ExchangeRecords,
    Room,
    TraderProcess,
    assert_no_secrets,
    clean_environment,
    exchange_process,
    until,
)


@pytest.fixture
def where(tmp_path: Path) -> Any:
    """A room whose exchange lists the two perpetuals; the traders in it are ended with the test."""
    with exchange_process(*write_market(tmp_path)) as exchange:
        opened = Room(tmp_path / "room", exchange, config=write_config(tmp_path))
        yield opened
        opened.end()
        assert_no_secrets(opened.data, opened.traders, exchange.ready)


def positions(exchange: ExchangeRecords) -> dict[str, Decimal]:
    """Signed sizes at the exchange, by our symbol."""
    told = exchange.read()["positions"]
    return {symbol: Decimal(told.get(product, {"net": 0})["net"]) for symbol, product in PRODUCTS.items()}


def holds(trader: TraderProcess) -> set[tuple[str, str]]:
    """Cause and scope of every hold in force."""
    return {(hold["cause"], hold["scope"]) for hold in trader.told().get("latches", ())}


def test_perpetuals_from_the_first_contract_to_flat(where: Room) -> None:
    """Contracts and coins, margin in two currencies, three funding payments, a breach of the liquidation buffer, flat.

    After each stage the exchange's ledger and the trader's books are compared: sizes exactly, money to the cent.
    """
    exchange = where.exchange
    trader = where.start(COINBASE_ENABLE_DERIVATIVES="1")
    trader.ready()
    until(lambda: all(positions(exchange).values()), 15, "both perpetuals bought")
    _contracts_and_margin(exchange.read())
    until(lambda: all(len(fundings(exchange.read(), symbol)) >= 3 for symbol in SYMBOLS), 40, "three funding times")
    _funding_agrees(where)
    trader.see("by the venue's price", 15, stream="stderr")
    until(lambda: ("liquidation_buffer", "ETH-PERP") in holds(trader), 15, "the liquidation buffer's hold")
    assert trader.mode() == "NORMAL", "one symbol near its liquidation leaves the account as it is"
    before = len(exchange.arrivals())
    _flatten(where)
    assert not any(positions(exchange).values())
    assert len(exchange.arrivals()) > before
    until(lambda: not any(Decimal(size) for size in trader.told()["positions"].values()), 10, "flat in our books")
    trader.process.terminate()
    assert trader.wait(20) == 0, trader.words()
    _books_agree(where, trader)


def _contracts_and_margin(ledger: dict[str, Any]) -> None:
    """Whole contracts of a hundredth coin for USD at a tenth of margin; coins for USDC at a third."""
    future, perpetual = (ledger["positions"][PRODUCTS[symbol]] for symbol in SYMBOLS)
    assert Decimal(future["net"]) == Decimal(future["net"]).to_integral_value()
    worth = Decimal(future["net"]) * Decimal(future["entry_price"]) * Decimal("0.01")
    assert Decimal(2600) < worth <= Decimal(2850)
    assert abs(Decimal(ledger["balances"]["USD"]["margin"]) - worth / 10) < CENT
    worth = Decimal(perpetual["net"]) * Decimal(perpetual["entry_price"])
    assert Decimal(2750) < worth < Decimal(2950)
    assert abs(Decimal(ledger["balances"]["USDC"]["margin"]) - worth / 3) < CENT


def _funding_agrees(where: Room) -> None:
    """Each scheduled hour once on both sides, at the same rates; the sums agree to the cent."""

    def agree() -> bool:
        ledger, journal = where.exchange.read(), Journal(where.profile_folder)
        return all(
            journal.scheduled(symbol) == [Decimal(row["rate"]) for row in fundings(ledger, symbol)]
            and abs(journal.received(symbol) - received(fundings(ledger, symbol))) <= CENT
            for symbol in SYMBOLS
        )

    until(agree, 10, "the same funding on both sides")


def _flatten(where: Room) -> None:
    done = subprocess.run(
        [sys.executable, "run.py", "flatten", "--profile", "dev"],
        cwd=ROOT, env=clean_environment(EVENT_STORE_ROOT=str(where.data)), capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def _books_agree(where: Room, trader: TraderProcess) -> None:
    """Every fill, fee and payment of the exchange is in our books, and the money is the same to the cent."""
    ledger, journal = where.exchange.read(), Journal(where.profile_folder)
    assert money(ledger) == USD + USDC + result(ledger), "the exchange's wallets are its records"
    assert {row["client_order_id"] for row in ledger["arrivals"]} <= journal.orders
    for symbol, product in PRODUCTS.items():
        assert journal.sizes[symbol] == 0
        paid = sum((Decimal(row["commission"]) for row in ledger["fills"] if row["product_id"] == product), Decimal(0))
        assert abs(journal.fees[symbol] - paid) <= CENT
        assert abs(journal.received(symbol) - received(fundings(ledger, symbol))) <= CENT
        assert len(journal.scheduled(symbol)) == len(fundings(ledger, symbol)) >= 3
    told = trader.told("last_state.json")["money"]
    assert abs(Decimal(told["equity_usd"]) - money(ledger)) <= 2 * CENT, "a cent in each of two wallets"
    parts = sum(Decimal(told[part]) for part in ("day_price_usd", "day_fees_usd", "day_funding_usd"))
    assert abs(parts - result(ledger)) <= 2 * CENT, "price, fees and funding of the day are the exchange's result"


def test_a_funding_time_missed_while_down_is_booked_once(where: Room) -> None:
    """Killed after the first payment, started again after the second: each is in the books once, and the money agrees."""
    exchange = where.exchange
    first = where.start(COINBASE_ENABLE_DERIVATIVES="1")
    first.ready()
    until(lambda: all(positions(exchange).values()), 15, "both perpetuals bought")
    until(lambda: all(Journal(where.profile_folder).scheduled(symbol) for symbol in SYMBOLS), 15, "the first payment")
    first.kill()
    until(lambda: all(len(fundings(exchange.read(), symbol)) == 2 for symbol in SYMBOLS), 15, "the second one")
    second = where.start("--reduce-only", COINBASE_ENABLE_DERIVATIVES="1")
    second.ready()

    def agree() -> bool:
        ledger, journal = exchange.read(), Journal(where.profile_folder)
        return all(
            len(journal.scheduled(symbol)) == len(fundings(ledger, symbol)) >= 2
            and abs(journal.received(symbol) - received(fundings(ledger, symbol))) <= CENT
            for symbol in SYMBOLS
        )

    until(agree, 15, "each payment once, and to the cent")
    assert not {cause for cause, _ in holds(second)} & {"mismatch"}


def test_a_liquidation_by_the_venue_ends_in_both_books(where: Room) -> None:
    """F-O09: the venue closes the ether position itself: flat in our books too, reduce-only until a person has looked, and
    after flattening the rest the money is the same to the cent.
    """
    exchange = where.exchange
    trader = where.start(COINBASE_ENABLE_DERIVATIVES="1")
    trader.ready()
    until(lambda: all(positions(exchange).values()), 15, "both perpetuals bought")
    with requests.Session() as control:
        control.trust_env = False
        fault = {"id": "F-O09", "variant": "liquidation", "product_id": PRODUCTS["ETH-PERP"]}
        assert control.post(f"{exchange.ready['rest_url']}/_exchange/faults", json=fault, timeout=10).status_code == 200
    assert positions(exchange)["ETH-PERP"] == 0
    until(lambda: trader.mode() == "REDUCE_ONLY", 30, "the account is reduce-only")
    until(lambda: not Decimal(trader.told()["positions"].get("ETH-PERP", "0")), 30, "flat in our books")
    assert positions(exchange)["BTC-PERP"] > 0
    _flatten(where)
    until(lambda: trader.told("status.json").get("reconciled"), 30, "agreed with the venue")

    def same_money() -> bool:
        told = trader.told("status.json")["money"]["equity_usd"]
        return told is not None and abs(Decimal(told) - money(exchange.read())) <= 2 * CENT

    until(same_money, 30, "the same money")
    trader.process.terminate()
    assert trader.wait(20) == 0, trader.words()
