"""Every published exit code is reached by a real process: the table code -> test, and the two ends that no other test is sure of.

10 and 21 are the ends whose cancels stay unconfirmed: an order rests at the venue when the venue stops answering.
"""

from __future__ import annotations

import ast
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from busy_market import write_candles, write_config
from trader_process import Room, TraderProcess, assert_no_secrets, exchange_process, until

from trader.exit_code import ExitCode

TESTS = Path(__file__).parents[1]
CHILD = str(Path(__file__).with_name("sabotage_child.py"))

REACHED_BY = {
    ExitCode.OK: "sigterm_cancels_what_rests_and_ends_with_zero",
    ExitCode.NEGATIVE: "a_command_to_a_stopped_profile_names_the_one_that_needs_no_trader",
    ExitCode.CANCELS_UNCONFIRMED: "a_stop_whose_cancels_the_venue_does_not_answer_ends_with_10",
    ExitCode.HALTED: "a_hung_owner_of_trading_halts_through_the_cold_path",
    ExitCode.HALTED_UNCONFIRMED: "a_halt_whose_cancels_the_venue_does_not_answer_ends_with_21",
    ExitCode.SUPERVISOR_LOST: "without_its_supervisor_the_process_cancels_everything_and_ends_with_30",
    ExitCode.USAGE: "wrong_arguments_end_with_their_code_and_a_remedy",
    ExitCode.VENUE_UNREACHABLE: "a_venue_nobody_serves_ends_with_69",
    ExitCode.ALREADY_RUNNING: "a_second_instance_is_refused_and_disturbs_nothing",
    ExitCode.STORE_REFUSED: "a_wrong_or_missing_store_key_ends_with_76_and_makes_no_new_store",
    ExitCode.CREDENTIALS_REFUSED: "a_key_the_venue_does_not_know_ends_with_77",
    ExitCode.CONFIG_ERROR: "a_misspelt_key_names_file_line_key_and_remedy",
}


def test_every_published_code_names_a_test_that_reaches_it() -> None:
    """All codes of the table, and the number stands in the test's own text."""
    bodies = {
        node.name.removeprefix("test_"): ast.unparse(node)
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert set(REACHED_BY) == set(ExitCode)
    for code, name in REACHED_BY.items():
        assert name in bodies, f"{int(code)}: there is no test {name}"
        assert re.search(rf"== ({int(code)}|code)\b", bodies[name]), f"{name} does not speak of {int(code)}"


@pytest.fixture(scope="module")
def unanswered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[ExitCode, TraderProcess]]:
    """Two traders with a resting order each, cut off from their venues: one is then told to stop, risk hangs in the other."""
    with ExitStack() as rooms, ThreadPoolExecutor(2) as both:
        names = (ExitCode.CANCELS_UNCONFIRMED, ExitCode.HALTED_UNCONFIRMED)
        folders = [tmp_path_factory.mktemp(name.name.lower()) for name in names]
        found = {name: _room(folder, rooms) for name, folder in zip(names, folders, strict=True)}
        traders = dict(zip(found, both.map(_cut_off_with_an_order_open, found.values()), strict=True))
        traders[ExitCode.CANCELS_UNCONFIRMED].send(signal.SIGTERM)
        (found[ExitCode.HALTED_UNCONFIRMED].folder / "hang-risk").touch()
        yield traders
        for where in found.values():
            where.end()
            assert_no_secrets(where.data, where.traders, where.exchange.ready)


def _room(folder: Path, rooms: ExitStack) -> Room:
    """A room of one symbol whose books are not compared at the end: what the venue does in the outage is never told."""
    exchange = rooms.enter_context(exchange_process(*write_candles(folder, ("BTC-USD",))))
    return Room(folder / "room", exchange, config=write_config(folder, ("BTC-USD",), resting=True, hang_s=1))


def _cut_off_with_an_order_open(where: Room) -> TraderProcess:
    trader = where.start(entry=(CHILD,), SABOTAGE=str(where.folder), SABOTAGE_COLD_S="3")
    trader.ready()
    until(where.exchange.open_orders, 30, "an order that rests")
    where.exchange.arm("F-N12", variant="outage", seconds=120)
    return trader


def test_a_stop_whose_cancels_the_venue_does_not_answer_ends_with_10(
    unanswered: dict[ExitCode, TraderProcess],
) -> None:
    """Stopped on request, and the last words name what is left: a person types `run.py cancel-all`."""
    trader = unanswered[ExitCode.CANCELS_UNCONFIRMED]
    assert trader.wait(30) == 10, trader.words()
    assert "ended with 10" in trader.stderr.text


def test_a_halt_whose_cancels_the_venue_does_not_answer_ends_with_21(
    unanswered: dict[ExitCode, TraderProcess],
) -> None:
    """Risk hangs, the cold path hears nothing: UNCONFIRMED in the log, 21, and no service starts it again."""
    trader = unanswered[ExitCode.HALTED_UNCONFIRMED]
    assert trader.wait(30) == 21, trader.words()
    assert "UNCONFIRMED" in trader.stderr.text
