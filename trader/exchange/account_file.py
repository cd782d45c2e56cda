"""The client's account on disk, so that a restarted exchange still has its orders, fills and positions.

Imported by setup.py and server.py.

One SQLite file per data folder, held by one process. Every change is committed before the client hears of it; a
killed exchange therefore never forgets an order it acknowledged. The market is not stored: it is a function of seed
and time.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TypeVar

import msgspec

from trader.exchange.accounts import Position, Wallet
from trader.exchange.engine import Exchange
from trader.exchange.ledger import Changes
from trader.exchange.portfolios import Conversion, Portfolio, Sweep
from trader.exchange.records import Arrival, Fill, FundingPayment, Order

_FILE = "exchange.db"
_SCHEMA = 1
_TABLES = ("orders", "fills", "arrivals", "fundings")


Row = TypeVar("Row")


class AccountFileError(Exception):
    """The stored account cannot be used; the message names the remedy."""


class Origin(msgspec.Struct):
    """What makes the stored account's market continue where it was: salt of the ids, seed, path origin, and the
    latest market time.
    """

    salt: str
    seed: int
    path_origin: float
    market_time: float
    sources: tuple[str, ...] = ()


class _Account(msgspec.Struct):
    """All small state in one record, written whole whenever it changed."""

    wallets: list[Wallet]
    positions: list[Position]
    portfolios: list[Portfolio]
    conversions: list[Conversion]
    sweeps: list[Sweep]
    attached: dict[str, str]
    intraday_setting: str
    shared_collateral: bool
    ids_made: int
    funding_hour: int | None


class AccountFile:
    """The open file. `save` after every change; `close` at the end."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._last_account = b""
        self._arrivals = 0
        self._fundings = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._path, isolation_level=None, timeout=0.5)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise AccountFileError(
                f"{self._path}: {error}; end the exchange that uses it, or start anew with `exchange reset --data {folder}`"
            ) from None

    def _prepare(self) -> None:
        self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute("BEGIN IMMEDIATE")
        for table in _TABLES:
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (at INTEGER PRIMARY KEY, id TEXT UNIQUE, body BLOB)"
            )
        self._database.execute("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, body BLOB)")
        self._database.execute("COMMIT")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, _SCHEMA}:
            raise sqlite3.DatabaseError(f"written by another version of this program (schema {version})")
        self._database.execute(f"PRAGMA user_version={_SCHEMA}")

    def origin(self) -> Origin | None:
        """What was stored about the market; None in a new file."""
        row = self._database.execute("SELECT body FROM facts WHERE name = 'origin'").fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Origin)

    def keep_origin(self, origin: Origin) -> None:
        """Store the market's facts."""
        self._database.execute("REPLACE INTO facts VALUES ('origin', ?)", (msgspec.json.encode(origin),))

    def load(self, exchange: Exchange) -> bool:
        """Fill a fresh exchange with the stored account; False when there is none.

        AccountFileError if it does not fit.
        """
        row = self._database.execute("SELECT body FROM facts WHERE name = 'account'").fetchone()
        if row is None:
            return False
        account = msgspec.json.decode(row[0], type=_Account)
        exchange.accounts.wallets.update((wallet.currency, wallet) for wallet in account.wallets)
        exchange.accounts.positions.update((position.product_id, position) for position in account.positions)
        treasury = exchange.treasury
        treasury.portfolios.update((portfolio.uuid, portfolio) for portfolio in account.portfolios)
        treasury.conversions.update((conversion.trade_id, conversion) for conversion in account.conversions)
        treasury.sweeps.extend(account.sweeps)
        treasury.intraday_setting, treasury.shared_collateral = account.intraday_setting, account.shared_collateral
        exchange.attached.update(account.attached)
        exchange.ledger.ids_made = account.ids_made
        exchange.clearing.funding_hour = account.funding_hour
        self._load_rows(exchange)
        return True

    def _load_rows(self, exchange: Exchange) -> None:
        ledger = exchange.ledger
        for order in self._rows("orders", Order):
            if order.product_id not in ledger.listings:
                raise AccountFileError(
                    f"{self._path}: holds orders in {order.product_id}, which this market does not list; use another --data folder"
                )
            ledger.orders[order.order_id] = order
            if order.client_order_id:
                ledger.by_client_id[order.client_order_id] = order.order_id
            if not order.status.is_final:
                ledger.working.setdefault(ledger.listings[order.product_id].book_id, []).append(order.order_id)
        ledger.fills.extend(self._rows("fills", Fill))
        ledger.arrivals.extend(self._rows("arrivals", Arrival))
        ledger.fundings.extend(self._rows("fundings", FundingPayment))
        self._arrivals, self._fundings = len(ledger.arrivals), len(ledger.fundings)

    def _rows(self, table: str, kind: type[Row]) -> list[Row]:
        decoder = msgspec.json.Decoder(kind)
        statement = f"SELECT body FROM {table} ORDER BY at"  # noqa: S608 — only ever one of our own table names
        return [decoder.decode(body) for (body,) in self._database.execute(statement)]

    def save(self, exchange: Exchange, changes: Changes) -> None:
        """Commit what changed; nothing is written when nothing did."""
        account = msgspec.json.encode(_account_of(exchange))
        ledger = exchange.ledger
        arrivals, fundings = ledger.arrivals[self._arrivals :], ledger.fundings[self._fundings :]
        if account == self._last_account and not (changes.orders or changes.fills or arrivals):
            return
        latest = {order.order_id: ledger.orders[order.order_id] for order in changes.orders}
        self._database.execute("BEGIN")
        self._database.executemany(
            "INSERT INTO orders (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            [(order_id, msgspec.json.encode(order)) for order_id, order in latest.items()],
        )
        for table, rows in (("fills", changes.fills), ("arrivals", arrivals), ("fundings", fundings)):
            statement = f"INSERT INTO {table} (body) VALUES (?)"  # noqa: S608 — one of the three names above
            self._database.executemany(statement, [(msgspec.json.encode(row),) for row in rows])
        self._database.execute("REPLACE INTO facts VALUES ('account', ?)", (account,))
        self._database.execute("COMMIT")
        self._last_account = account
        self._arrivals, self._fundings = len(ledger.arrivals), len(ledger.fundings)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _account_of(exchange: Exchange) -> _Account:
    treasury = exchange.treasury
    return _Account(
        wallets=list(exchange.accounts.wallets.values()),
        positions=list(exchange.accounts.positions.values()),
        portfolios=list(treasury.portfolios.values()),
        conversions=list(treasury.conversions.values()),
        sweeps=treasury.sweeps,
        attached=exchange.attached,
        intraday_setting=treasury.intraday_setting,
        shared_collateral=treasury.shared_collateral,
        ids_made=exchange.ledger.ids_made,
        funding_hour=exchange.clearing.funding_hour,
    )


def reset(folder: Path) -> bool:
    """Delete the stored account of a folder; False when there was none. The folder's other files are left alone."""
    files = [folder / (_FILE + suffix) for suffix in ("", "-wal", "-shm")]
    existed = files[0].exists()
    for file in files:
        file.unlink(missing_ok=True)
    return existed
