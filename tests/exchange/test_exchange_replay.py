"""Recorded candles as a market: the record is what trades, on the record's clock."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from exchange_process import ROOT, exchange

from trader.exchange.candle_path import CandleFileError, CandlePath, product_of, read_candles
from trader.exchange.market import Market
from trader.exchange.setup import Settings, SettingsError, build_world

HEADER = "time,open,high,low,close,volume\n"
MARKET_DATA = Path(os.environ.get("TRADER_MARKET_DATA", ROOT.parent / "shared" / "market"))
START = 1_677_628_800  # 2023-03-01T00:00:00Z


def _file(folder: Path, rows: int = 400, name: str = "btc_usd_1m_test.csv") -> Path:
    lines = []
    for index in range(rows):
        opened, closed = 20_000 + index, 20_001 + index
        stamp = f"2023-03-01T{index // 60:02d}:{index % 60:02d}:00Z"
        lines.append(f"{stamp},{opened},{closed + 5},{opened - 5},{closed},{1 + index % 3}.5\n")
    file = folder / name
    file.write_text(HEADER + "".join(lines))
    return file


def test_the_path_visits_open_extremes_and_close_and_spends_the_volume(tmp_path: Path) -> None:
    """A rising minute dips first; the volume of any stretch is the sum of its minutes' shares."""
    path = CandlePath(read_candles(_file(tmp_path)))
    row = path.candle(START, 60)
    assert row is not None
    seen = [path.price_at(START + second / 10) for second in range(600)]
    assert (seen[0], min(seen), max(seen)) == (row.open, row.low, row.high)
    assert seen.index(min(seen)) < seen.index(max(seen))
    assert path.volume_between(START, START + 180) == pytest.approx(1.5 + 2.5 + 3.5)
    assert path.volume_between(START + 30, START + 90) == pytest.approx(0.75 + 1.25)


def test_the_tape_of_a_replay_makes_the_recorded_candles_again(tmp_path: Path) -> None:
    """Ten replayed minutes: high, low and close within one level of the record, the volume exact to a lot."""
    world = build_world(Settings(markets=(str(_file(tmp_path)),)))
    market = world.exchange.market("BTC-USD")
    record = market.path
    begins = world.clock.market_time() // 60 * 60
    for second in range(600):
        world.exchange.advance(begins + second)
    for minute in range(1, 9):
        wanted = record.candle(begins + minute * 60, 60)
        ((made),) = market.candles(begins + minute * 60, begins + minute * 60, 60)
        assert wanted is not None
        for name in ("open", "high", "low", "close"):
            assert getattr(made, name) == pytest.approx(getattr(wanted, name), abs=2.5)
        assert made.volume == pytest.approx(wanted.volume, rel=0.05)


def test_missing_minutes_hold_the_price_and_trade_nothing(tmp_path: Path) -> None:
    """Between two rows hours apart the last close stands and no volume flows."""
    file = tmp_path / "btc_usd_1m_gap.csv"
    file.write_text(HEADER + "2023-03-01T00:00:00Z,100,101,99,100.5,1\n2023-03-01T03:00:00Z,200,201,199,200,1\n")
    path = CandlePath(read_candles(file))
    assert path.price_at(START + 3600) == 100.5
    assert path.volume_between(START + 60, START + 3600) == 0
    assert path.candle(START + 3600, 60) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,open,high,low,close\n", "column 'volume' is missing"),
        (HEADER, "holds 0 candles"),
        (HEADER + "2023-03-01T00:00:00Z,1,2,0.5,1.5,1\n2023-03-01T00:01:00Z,1,x,0.5,1.5,1\n", "line 3"),
        (HEADER + "2023-03-01T00:00:00Z,1,2,1.5,1.5,1\n", "out of order"),
        (HEADER + "2023-03-01T00:00:00Z,1,2,0.5,1.5,-1\n", "out of order"),
        (HEADER + "2023-03-01T00:00:00Z,1,nan,0.5,1.5,1\n", "out of order"),
    ],
)
def test_a_bad_file_is_named_with_its_line_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    """One sentence each; nothing half read."""
    file = tmp_path / "btc_usd_1m_bad.csv"
    file.write_text(text)
    with pytest.raises(CandleFileError, match=said):
        read_candles(file)


def test_a_truncated_archive_is_a_bad_file(tmp_path: Path) -> None:
    """Cut gzip data is refused, not read half."""
    whole = gzip.compress(_file(tmp_path).read_bytes())
    cut = tmp_path / "btc_usd_1m_cut.csv.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CandleFileError, match="cannot be read"):
        read_candles(cut)


def test_product_names_come_from_file_names() -> None:
    """The names of the recorded files, and the way out for others."""
    assert product_of(Path("btc_usd_1m_2023-03.csv.gz")) == "BTC-USD"
    assert product_of(Path("btc_usdc_1m_2023-03.csv.gz")) == "BTC-USDC"
    assert product_of(Path("btc_perp_1m_2022-01.csv.gz")) == "BTC-PERP-INTX"
    with pytest.raises(CandleFileError, match="PRODUCT="):
        product_of(Path("prices.csv"))


def test_two_records_that_never_meet_are_refused(tmp_path: Path) -> None:
    """Their clocks have no common moment."""
    early = _file(tmp_path)
    late = tmp_path / "eth_usd_1m_late.csv"
    late.write_text(HEADER + "2024-03-01T00:00:00Z,1,2,0.5,1.5,1\n2024-03-01T00:01:00Z,1,2,0.5,1.5,1\n")
    with pytest.raises(SettingsError, match="do not overlap"):
        build_world(Settings(markets=(str(early), str(late))))


def test_a_replay_shows_its_own_clock_everywhere(tmp_path: Path) -> None:
    """GET /time, trades and candles speak of 2023 and run sixty times as fast, while tokens are judged by today's
    clock.
    """
    with exchange("--market", str(_file(tmp_path)), "--speed", "60") as running:
        first = float(running.get("/time")["epochMillis"]) / 1000
        assert START < first < START + 86_400
        running.until(lambda: float(running.get("/time")["epochMillis"]) / 1000 > first + 60)
        trades = running.get("/products/BTC-USD/ticker", limit=10)["trades"]
        assert {trade["time"][:10] for trade in trades} == {"2023-03-01"}
        past = running.get(
            "/products/BTC-USD/candles", start=int(first) - 300 * 60, end=int(first), granularity="ONE_MINUTE"
        )
        assert len(past["candles"]) > 150
        order = running.order("BTC-USD", "BUY", {"market_market_ioc": {"quote_size": "100"}})
        fills = running.get("/orders/historical/fills", order_ids=order["success_response"]["order_id"])["fills"]
        assert fills[0]["trade_time"].startswith("2023-03-01")


@pytest.mark.skipif(
    not (MARKET_DATA / "btc_usd_1m_2023-03.csv.gz").exists(),
    reason="the recorded market data is not beside the project",
)
def test_the_recorded_march_of_2023_replays_within_its_own_range() -> None:
    """Two hours of the real record: every mid lies within the minute's range, widened by one level."""
    path = CandlePath(read_candles(MARKET_DATA / "btc_usd_1m_2023-03.csv.gz"))
    begins = path.start_after(350)
    listing = build_world(Settings()).exchange.listings["BTC-USD"]
    market = Market(listing, path, seed=7, origin=begins, step_seconds=1.0)
    for second in range(1, 7200):
        for step in market.steps(begins + second):
            row = path.candle(step.time // 60 * 60, 60)
            if row is not None:
                assert row.low - 2 <= float(market.mid()) <= row.high + 2
