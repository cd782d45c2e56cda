"""`run.py backtest`: same input, same bytes; bad input names file, line and remedy."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
from decimal import Decimal
from pathlib import Path

import pytest

from actors.backtest_command import main
from tests.backtest.backtest_markets import ROOT, START, waves
from trader.exit_code import Ends, ExitCode

CONFIG = ["--config", str(ROOT / "config.toml"), "--profile", "dev"]
NAMES = ("summary.json", "trades.csv", "equity.csv")


def candles(folder: Path, name: str = "btc_usd_1m_test.csv.gz", bars: int = 700, volume: float = 20) -> Path:
    """Write waves as a file of candles."""
    series = waves(bars=bars)
    tick = float(series.instrument.price_increment)
    rows = ["time,open,high,low,close,volume"]
    for at, start in enumerate(series.start):
        prices = [f"{column[at] * tick:.2f}" for column in (series.open, series.high, series.low, series.close)]
        rows.append(f"{start},{','.join(prices)},{volume:.1f}")
    path = folder / name
    path.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode(), mtime=0))
    return path


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs write the same three files, and no file names a place on this computer."""
    file = candles(tmp_path)
    for run in ("one", "two"):
        assert main([*CONFIG, "--market", str(file), "--out", str(tmp_path / run)]) == ExitCode.OK
    for name in NAMES:
        first, second = (tmp_path / run / name for run in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()
        assert str(tmp_path) not in first.read_text()
    told = capsys.readouterr().out
    assert "BACKTEST  dev: ma_cross on BTC-USD" in told
    assert "spread          1 bp" in told
    assert "a stop does not see the extremes between" in told
    assert "funding +0.00, open trades" in told
    assert "orders refused by risk, 0 by the venue" in told
    assert re.search(r"average trade +[+-]\d+\.\d\d USD\n", told)


def test_the_files_agree_with_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The summary counts the trades of trades.csv; the last row of equity.csv is the last equity."""
    assert main([*CONFIG, "--market", str(candles(tmp_path)), "--out", str(tmp_path / "out"), "--json"]) == ExitCode.OK
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert json.loads(capsys.readouterr().out) == summary
    with (tmp_path / "out" / "trades.csv").open() as stream:
        trades = list(csv.DictReader(stream))
    assert len(trades) == summary["closed_trades"] > 5
    with (tmp_path / "out" / "equity.csv").open() as stream:
        assert list(csv.DictReader(stream))[-1]["equity"] == summary["last_equity"]
    assert sum(summary["reasons"].values()) == summary["bars"] == 700


@pytest.mark.parametrize(("last", "is_open"), [("2023-01-01T05:20", True), ("2023-01-01T05:40", False)])
def test_the_change_of_equity_is_trades_funding_and_open_trades_to_the_cent(
    tmp_path: Path, last: str, is_open: bool
) -> None:
    """On a perpetual with funding, once flat at the end and once with a trade still open: nothing is unexplained."""
    file = candles(tmp_path, "btc_perp_1m_test.csv.gz", volume=900_000)
    arguments = ["--market", str(file), "--to", last, "--funding-rate-hourly", "0.001", "--out", str(tmp_path / "out")]
    assert main([*CONFIG, *arguments]) == ExitCode.OK
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    money = {name: Decimal(summary[name]) for name in ("trades_pnl", "funding", "open_trades_pnl", "fees")}
    change = Decimal(summary["last_equity"]) - Decimal(summary["first_equity"])
    assert abs(change - money["trades_pnl"] - money["funding"] - money["open_trades_pnl"]) <= Decimal("0.01")
    with (tmp_path / "out" / "trades.csv").open() as stream:
        trades = list(csv.DictReader(stream))
    assert abs(sum(Decimal(trade["pnl"]) for trade in trades) - money["trades_pnl"]) < Decimal("0.0001")
    assert money["funding"] != 0
    assert bool(summary["open_at_the_end"]) == (money["open_trades_pnl"] != 0) == is_open
    assert (sum(Decimal(trade["fees"]) for trade in trades) < money["fees"]) == is_open


def test_a_metric_without_enough_samples_is_null_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two hours of returns make no Sharpe ratio."""
    assert main([*CONFIG, "--market", str(candles(tmp_path, bars=130)), "--json"]) == ExitCode.OK
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert metrics["sharpe"] == {"value": None, "why": "0.1 days, a yearly figure needs 30"}
    assert metrics["win_rate"]["value"] is None


def test_from_and_to_cut_the_candles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Candles that start within the span are run, and nothing else."""
    arguments = ["--market", str(candles(tmp_path)), "--from", "2023-01-01T01:00", "--to", "2023-01-01T02:30", "--json"]
    assert main([*CONFIG, *arguments]) == ExitCode.OK
    summary = json.loads(capsys.readouterr().out)
    assert (summary["bars"], summary["from"]) == (90, "2023-01-01T01:00:00.000Z")


def test_bars_may_be_longer_than_candles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five candles make a bar of five minutes, which is decided once."""
    assert main([*CONFIG, "--market", str(candles(tmp_path)), "--interval", "300", "--json"]) == ExitCode.OK
    summary = json.loads(capsys.readouterr().out)
    assert sum(summary["reasons"].values()) == 140


def test_a_strategy_that_raises_ends_the_run_with_its_bar_and_line(tmp_path: Path) -> None:
    """A user's bug is told by its place, as one sentence."""
    source = (ROOT / "tests" / "strategy" / "example_strategy.py").read_text(encoding="utf-8")
    (tmp_path / "mine.py").write_text(source.replace("        return 1 if", "        1 / 0\n        return 1 if"))
    config = (ROOT / "config.toml").read_text(encoding="utf-8").replace('name = "ma_cross"', 'name = "mine.py"')
    (tmp_path / "config.toml").write_text(config, encoding="utf-8")
    with pytest.raises(
        Ends, match=r"bar 19 of 60, .*ZeroDivisionError: division by zero \(mine\.py, line 21\)"
    ) as ended:
        main(
            ["--config", str(tmp_path / "config.toml"), "--profile", "dev", "--market", str(candles(tmp_path, bars=60))]
        )
    assert ended.value.code == ExitCode.NEGATIVE


def market_folder() -> Path:
    """Where recorded market data lies, if anywhere."""
    return Path(os.environ.get("TRADER_MARKET_DATA", ROOT.parent / "shared" / "market"))


@pytest.mark.skipif(
    not (market_folder() / "btc_usd_1m_2023-03.csv.gz").exists(),
    reason="recorded market data is not here (TRADER_MARKET_DATA)",
)
def test_the_crisis_of_march_2023_is_stopped_by_the_volatility_breaker(capsys: pytest.CaptureFixture[str]) -> None:
    """Real minutes: the first crash halts the symbol, and nothing is traded after it without a person."""
    file = market_folder() / "btc_usd_1m_2023-03.csv.gz"
    arguments = [
        "--config",
        str(ROOT / "config.toml"),
        "--profile",
        "canary",
        "--market",
        str(file),
        "--to",
        "2023-03-05",
        "--json",
    ]
    assert main(arguments) == ExitCode.OK
    summary = json.loads(capsys.readouterr().out)
    halt = next(act for act in summary["guards"] if act["level"] == "HALTED")
    assert (halt["guard"], halt["first_at"][:10]) == ("volatility", "2023-03-03")
    assert summary["reasons"]["BTC-USD VOLATILITY_HIGH"] > 0


def test_candles_longer_than_a_guards_samples_are_said_to_silence_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A guard that cannot act is part of the result, or its silence would read as calm."""
    file = tmp_path / "BTC-USD.csv"
    rows = [f"{START + 3600 * hour},25000,25010,24990,25000,100" for hour in range(40)]
    file.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    assert main(["--profile", "dev", "--config", str(ROOT / "config.toml"), "--market", f"BTC-USD={file}"]) == 0
    assert "the guard cannot act: it samples every 60 s, the candles last 3600 s" in capsys.readouterr().out
