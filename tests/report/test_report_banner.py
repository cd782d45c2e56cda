"""The banner says what the run is before the first order can leave."""

import os
from decimal import Decimal
from pathlib import Path

from status_examples import reduce_only

from trader.config import Settings, flag_overrides, load_settings
from trader.market.instrument import Instrument, ProductKind
from trader.report.banner import banner
from trader.risk.holds import HoldTable

SHIPPED = Path(__file__).parents[2] / "config.toml"
CENT, COIN = Decimal("0.01"), Decimal("0.00000001")
BTC = Instrument("BTC-USD", "BTC-USD", ProductKind.SPOT, "BTC", "USD", CENT, COIN, COIN, Decimal(1000), Decimal(1))


def told(profile: str, *, paper: bool, holds: HoldTable | None = None, dry_run: bool = False, **flags: object) -> str:
    settings = load_settings(SHIPPED, profile, paper=paper, overrides=flag_overrides(flags))
    assert isinstance(settings, Settings), str(settings)
    return banner(settings, {"BTC-USD": BTC}, holds or HoldTable(), venue_url="http://127.0.0.1:1", dry_run=dry_run)


def test_a_paper_run_says_so_first_with_equity_fees_and_tight_limits() -> None:
    """Equity, fees, mode, window, the limits that act first, and where values came from."""
    text = told("canary", paper=True, leverage="1")
    assert text.splitlines()[0] == "canary  PAPER: no real money, the embedded exchange  http://127.0.0.1:1"
    assert "1000 USD to start a new paper account; fees maker 0.5 %, taker 0.9 %" in text
    assert "BTC-USD (min 0.00000001)" in text
    assert "NORMAL after a clean reconciliation" in text
    assert "entries at any hour" in text
    assert "position 500 USD, leverage 1x, day loss 10 USD or 2 %, drawdown 2 %, 2 losses in a row" in text
    assert "sizing.target_leverage = 1 by flag --leverage" in text
    assert "profile canary, paper 4" in " ".join(text.split())
    assert "note      BTC-PERP trades as its spot pair" in text


def test_an_attached_exchange_has_an_account_of_its_own() -> None:
    """The profile's starting money says nothing about the account behind --exchange."""
    settings = load_settings(SHIPPED, "canary", paper=True)
    assert isinstance(settings, Settings)
    text = banner(settings, {"BTC-USD": BTC}, HoldTable(), venue_url="http://127.0.0.1:1", dry_run=False, attached=True)
    assert "money     the account of the exchange that --exchange names" in text
    assert "1000 USD" not in text


def test_a_live_run_says_real_money_its_window_and_its_mode() -> None:
    """The live canary starts reduce-only, and its window is for entries."""
    text = told("canary", paper=False, dry_run=True)
    assert text.splitlines()[0].startswith("canary  LIVE: REAL MONEY")
    assert text.splitlines()[0].endswith("DRY-RUN: nothing is sent")
    assert "REDUCE_ONLY after a clean reconciliation" in text
    assert "entries 14:00-15:00 UTC, exits always" in text
    assert "to start a new paper account" not in text


def test_a_kept_hold_is_named_with_the_way_out() -> None:
    """A second start after SIGUSR1 says that it is reduce-only and names resume."""
    text = told("canary", paper=True, holds=HoldTable(reduce_only().holds))
    words = " ".join(text.split())
    assert "REDUCE_ONLY after a clean reconciliation, held by daily_loss (account); ends with: run.py resume" in words


def test_no_line_is_cut_and_the_last_one_names_the_process() -> None:
    """A hundred columns, broken between words; the process id is what a signal needs."""
    text = told("prod", paper=True, holds=HoldTable(reduce_only().holds), dry_run=True)
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    assert text.endswith(f"pid {os.getpid()}")


def test_an_unlisted_symbol_is_said() -> None:
    """Rather at the start than as a riddle later."""
    assert "ETH-USD (not listed by the venue)" in told("prod", paper=True)
