"""What a backtest is given: bad files, spans, numbers and folders each end with one sentence that names the remedy, and code 64."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from actors.backtest_command import main
from tests.backtest.test_backtest_command import CONFIG, candles
from trader.exit_code import Ends, ExitCode

HEADER = "time,open,high,low,close,volume\n"
ROWS = [f"{60 * minute},100,101,99,100,2000" for minute in range(1, 200)]


def refused(arguments: list[str]) -> str:
    """Run the command and return the one sentence with which it ends."""
    with pytest.raises(Ends) as ended:
        main([*CONFIG, *arguments])
    assert ended.value.code == ExitCode.USAGE
    return ended.value.sentence


def written(folder: Path, rows: list[str], name: str = "btc_usd_1m_bad.csv") -> Path:
    """Write rows as a file of candles."""
    file = folder / name
    file.write_text(HEADER + "\n".join(rows) + "\n")
    return file


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("time,open,high,low,close\n", "column 'volume' is missing"),
        ("time,open,high,low,close,volume\n60,1,2,1,abc,1\n", "line 2: not a candle"),
        ("time,open,high,low,close,volume\n60,1,0.5,1,1,1\n", "line 2: prices or volume are out of order"),
        ("time,open,high,low,close,volume\n120,1,1,1,1,1\n60,1,1,1,1,1\n", "line 3: 60 does not come after"),
        ("time,open,high,low,close,volume\n60,1,1,1,1,1\n", "fewer than 2 candles"),
    ],
)
def test_a_bad_file_is_refused_with_its_line_and_remedy(tmp_path: Path, content: str, told: str) -> None:
    """Nothing runs on half a market."""
    file = tmp_path / "btc_usd_1m_bad.csv"
    file.write_text(content)
    with pytest.raises(Ends, match=told) as ended:
        main([*CONFIG, "--market", str(file)])
    assert ended.value.code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "yesterday"], "is no time"),
        (["--interval", "90"], "give a multiple"),
        (["--symbols", "ETH-USD"], "none of the files holds ETH-USD"),
        (["--spread-bps", "wide"], "is not a number"),
    ],
)
def test_arguments_that_make_no_sense_end_with_the_usage_code(tmp_path: Path, arguments: list[str], told: str) -> None:
    """Wrong arguments are named."""
    with pytest.raises(Ends, match=told) as ended:
        main([*CONFIG, "--market", str(candles(tmp_path, bars=30)), *arguments])
    assert ended.value.code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1672531200000,100,101,99,100,2000", "no time in seconds; divide milliseconds by 1000"),
        ("99999999999999999999,100,101,99,100,2000", "a time is beyond every market"),
        ("60,1e300,1e300,99,100,2000", "beyond every market"),
        ("60,100,101,99,100,1e300", "a volume or a time is beyond every market"),
        ("61,100,101,99,100,2000", "00:01:01.000Z does not begin at a whole multiple of 59 s"),
    ],
)
def test_times_and_numbers_of_no_market_are_refused(tmp_path: Path, row: str, told: str) -> None:
    """Milliseconds, a slipped digit, a candle between two others: never a traceback, never another length of bars."""
    later = [f"{int(row.split(',')[0]) + 60_000},100,101,99,100,2000"] if row.startswith("16") else ROWS[1:]
    assert told in refused(["--market", str(written(tmp_path, [row, *later]))])


def test_candles_longer_than_a_day_are_refused(tmp_path: Path) -> None:
    """A week is not a day with six empty ones after it."""
    weeks = [f"{week * 604_800},100,101,99,100,2000" for week in range(9)]
    assert "longer than a day" in refused(["--market", str(written(tmp_path, weeks))])


def test_a_gzip_file_that_is_none_or_damaged_is_named(tmp_path: Path) -> None:
    """Not packed at all, cut off, and damaged inside."""
    file = tmp_path / "btc_usd_1m_bad.csv.gz"
    packed = bytearray(
        gzip.compress("\n".join([HEADER.strip(), *(f"{row}{at}" for at, row in enumerate(ROWS))]).encode())
    )
    half = bytes(packed[: len(packed) // 2])
    for at in range(200, 260):
        packed[at] ^= 0x5A
    for content, told in ((HEADER.encode(), "cannot be read"), (half, "cannot be read"), (bytes(packed), file.name)):
        file.write_bytes(content)
        assert told in refused(["--market", str(file)])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "2023-01-02", "--to", "2023-01-01"], "--from 2023-01-02T00:00:00.000Z is not before --to"),
        (["--from", "2024-01-01"], "widen --from and --to"),
        (["--symbols", "BTC-USD", "ETH-USD"], "none of the files holds ETH-USD"),
        (["--spread-bps", "-1"], "-1 is out of range; give a number from 0 to 1000"),
        (["--level-usd", "0"], "give a number from 1 to 1000000000"),
        (["--taker-fee", "5"], "give a number from 0 to 0.1"),
        (["--slippage-bps", "NaN"], "NaN is out of range"),
    ],
)
def test_a_span_a_symbol_or_a_model_that_cannot_be_is_refused(tmp_path: Path, arguments: list[str], told: str) -> None:
    """Half of what was asked for is not run in silence, and no assumption is bent to fit."""
    assert told in refused(["--market", str(candles(tmp_path, bars=30)), *arguments])


def test_a_folder_that_takes_no_files_is_refused_before_the_run(tmp_path: Path) -> None:
    """An hour of computing must not end in a message that there is nowhere to put it."""
    file = candles(tmp_path, bars=30)
    assert "name a folder that you may write to" in refused(["--market", str(file), "--out", str(file)])


def test_a_byte_order_mark_windows_line_ends_and_empty_lines_are_no_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What other programs put into a file without meaning anything by it."""
    file = tmp_path / "btc_usd_1m_other.csv"
    file.write_bytes(b"\xef\xbb\xbf" + (HEADER + "\n".join(ROWS) + "\n\n\n").replace("\n", "\r\n").encode())
    assert main([*CONFIG, "--market", str(file), "--json"]) == ExitCode.OK
    assert '"bars": 199' in capsys.readouterr().out
