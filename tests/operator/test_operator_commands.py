"""Every command of a person, typed at a real trader on a real socket: what it does, what it says, that it may be repeated."""

from __future__ import annotations

import json
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

from local_webhook import Webhook
from operator_desk import OperatorDesk
from trader_process import until

from actors.control_wire import socket_path


def test_reduce_only_refuses_entries_keeps_exits_and_may_be_repeated(calm: OperatorDesk) -> None:
    """Every order that reaches the venue more than a second after the transition can only reduce; the second call says so."""
    assert "REDUCE_ONLY" in calm.ok("reduce-only")
    since = time.time() + 1.0
    held = calm.positions()
    assert "already" in calm.ok("reduce-only")
    until(lambda: time.time() > since + 4, 10, "four seconds of a busy market")
    for arrival in calm.room.exchange.arrivals(since=since):
        assert arrival["product_id"] in held, arrival
    assert calm.told()["mode"] == "REDUCE_ONLY"
    assert "lifted operator" in calm.ok("resume", "operator")
    until(lambda: calm.told()["mode"] == "NORMAL", 5, "NORMAL in health.json")


def test_a_look_right_after_a_command_shows_its_effect(calm: OperatorDesk) -> None:
    """The screen and the files are at most as old as the answer: `run.py kill` and then `run.py status` never says NORMAL."""
    for command, mode in (
        ("reduce-only", "REDUCE_ONLY"),
        ("resume", "NORMAL"),
        ("kill", "HALTED"),
        ("resume", "NORMAL"),
    ):
        calm.ok(command)
        assert (calm.told("status.json")["mode"], calm.told()["mode"]) == (mode, mode), command


def test_resume_names_what_it_lifted_and_says_when_there_is_nothing(calm: OperatorDesk) -> None:
    """A cause that is not in force changes nothing and is no error: commands are repeatable."""
    calm.ok("reduce-only")
    calm.ok("pause", "ETH-USD", "90")  # of a market that runs sixty times as fast
    assert "no hold of cause 'daily_loss'" in calm.ok("resume", "daily_loss")
    assert "still in force: pause (ETH-USD)" in calm.ok("resume", "operator")
    assert "lifted pause (ETH-USD)" in calm.ok("resume")
    assert "nothing changes" in calm.ok("resume")


def test_a_pause_binds_one_symbol_and_a_second_one_never_shortens_it(calm: OperatorDesk) -> None:
    """The hold is in the status with its end; the account stays NORMAL."""
    longer = calm.ok("pause", "SOL-USD", "90")
    shorter = calm.ok("pause", "SOL-USD", "1")
    assert longer.split("until ")[1].split(";")[0] == shorter.split("until ")[1].split(";")[0]
    holds = until(lambda: calm.told("status.json").get("holds"), 5, "the hold in status.json")
    assert [(hold["cause"], hold["scope"]) for hold in holds] == [("pause", "SOL-USD")]
    assert calm.told()["mode"] == "NORMAL"


def test_flatten_closes_what_is_held_and_keeps_it_closed(calm: OperatorDesk) -> None:
    """The venue's own fills sum to nothing afterwards, and no entry follows until a person resumes."""
    calm.in_position()
    assert "flat" in calm.ok("flatten")
    until(lambda: not calm.positions(), 5, "flat by the exchange's fills")
    since = time.time()
    until(lambda: time.time() > since + 4, 10, "four seconds of a busy market")
    assert not calm.positions()
    assert not calm.room.exchange.arrivals(since=since)
    assert "nothing was open" in calm.ok("flatten", "BTC-USD")


def test_a_rejected_exit_is_told_retried_and_never_assumed_done(calm: OperatorDesk) -> None:
    """C-02: while the venue rejects, the position stays, the trouble is in health.json; when it takes orders again, it is closed."""
    symbol = next(iter(calm.in_position()))
    calm.fault(id="F-O06", count=-1, seconds=6)
    calm.ok("reduce-only")
    before = calm.positions()
    told: list[str] = []

    def trouble() -> bool:
        told.append(str(calm.told().get("error") or ""))
        return f"flatten {symbol}" in told[-1]

    answers: list[str] = []
    typed = Thread(target=lambda: answers.append(calm.ok("flatten", symbol)))
    typed.start()
    until(trouble, 6, f"the trouble in health.json, last {told[-1:]}")
    assert calm.positions()[symbol] == before[symbol]
    typed.join(60)
    assert f"{symbol}: flat" in answers[0]
    assert symbol not in calm.positions()


def test_kill_halts_cancels_and_leaves_the_operators_exit_open(calm: OperatorDesk) -> None:
    """After a kill nothing of the strategy's leaves; flatten works; resume ends it; twice is no error."""
    calm.in_position()
    answer = calm.ok("kill")
    assert "HALTED" in answer
    assert "the venue confirms that none is open" in answer
    since = time.time() + 1.0
    until(lambda: calm.told()["mode"] == "HALTED", 5, "HALTED in health.json")
    calm.ok("kill")
    until(lambda: time.time() > since + 3, 10, "three seconds of a busy market")
    assert not calm.room.exchange.arrivals(since=since)
    calm.ok("flatten")
    assert not calm.positions()
    assert "lifted kill" in calm.ok("resume", "kill")


def test_the_kill_file_halts_too(calm: OperatorDesk) -> None:
    """A file named KILL in the profile's folder does what the command does, for who has only a file system."""
    file = calm.room.profile_folder / "KILL"
    file.touch(mode=0o600)
    until(lambda: calm.told()["mode"] == "HALTED", 5, "HALTED in health.json")
    file.unlink()
    until(lambda: "lifted kill" in calm.type("resume", "kill").stdout, 20, "the kill lifted")


def test_restart_gives_a_symbol_a_new_incarnation(calm: OperatorDesk) -> None:
    """MKT-20: a fresh window and the same position."""
    before = _incarnation(calm, "ETH-USD")
    assert f"incarnation {before + 1}" in calm.ok("restart", "ETH-USD")
    until(lambda: _incarnation(calm, "ETH-USD") == before + 1, 5, "the new incarnation in status.json")


def _incarnation(desk: OperatorDesk, symbol: str) -> int:
    actors = desk.told("status.json")["actors"]
    return int(next(actor["incarnation"] for actor in actors if actor["name"] == symbol))


def test_clear_daily_loss_measures_from_now_on(calm: OperatorDesk) -> None:
    """The day's result starts at nothing, give or take what the market does meanwhile."""
    calm.ok("flatten")
    assert "counts from now on" in calm.ok("clear-daily-loss")
    until(lambda: abs(float(calm.told("status.json")["money"]["day_pnl_usd"])) < 0.005, 5, "a day's result of nothing")


def test_test_alert_reaches_the_webhook(calm: OperatorDesk, webhook: Webhook) -> None:
    """The message is there when the command says so."""
    assert "took the test message" in calm.ok("test-alert")
    assert any(json.loads(body)["key"] == "test" for body in webhook.bodies)


def test_cancel_all_takes_the_cold_path_beside_the_trader(calm: OperatorDesk) -> None:
    """With the exchange's own file, and on paper through the running trader; both prove that nothing is open."""
    for flags in (("--exchange", str(calm.room.ready_file)), ("--paper",)):
        assert "confirms that none is open" in calm.ok("cancel-all", *flags)
    assert not calm.room.exchange.open_orders()


def test_status_over_the_socket_and_from_the_file_are_the_same_screen(calm: OperatorDesk) -> None:
    """The newest status, whichever way it is asked for; a hundred columns at most."""
    screen = calm.ok("status")
    assert "VERDICT" in screen
    assert max(map(len, screen.splitlines())) <= 100


def test_every_command_is_left_in_the_event_store_with_who_asked(calm: OperatorDesk) -> None:
    """Asked and done are two events, in order; holds and modes follow from them (F-C10)."""
    calm.ok("reduce-only")
    calm.ok("resume")

    def recorded() -> list[tuple[str, str]]:
        found = [event.payload for event in calm.events("operator.command")]
        return [(str(one["command"]), str(one["step"])) for one in found][-4:]

    wanted = [("reduce-only", "asked"), ("reduce-only", "done"), ("resume", "asked"), ("resume", "done")]
    until(lambda: recorded() == wanted, 5, "the commands in the store")
    assert "process" in str(calm.events("operator.command")[-1].payload["by"])
    modes = [str(event.payload["mode"]) for event in calm.events("mode.changed")]
    assert modes[-2:] == ["REDUCE_ONLY", "NORMAL"]


def test_commands_from_two_consoles_end_in_the_worst_mode(calm: OperatorDesk) -> None:
    """F-C10: kill and reduce-only at the same time are HALTED, whichever came first."""
    with ThreadPoolExecutor(2) as consoles:
        list(consoles.map(calm.ok, ("kill", "reduce-only")))
    until(lambda: calm.told()["mode"] == "HALTED", 5, "HALTED in health.json")


def test_the_socket_is_the_owners_alone(desk: OperatorDesk) -> None:
    """0600 in a 0700 folder."""
    mode = socket_path(desk.room.profile_folder).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_rubbish_on_the_socket_is_refused_and_harms_nothing(desk: OperatorDesk) -> None:
    """Not JSON, unknown fields, too long, an unknown command, silence: each is answered or dropped, and the next command works."""
    lines = [
        b"hello\n",
        b'{"command": "kill", "sudo": true}\n',
        b'{"command": "rm -rf"}\n',
        b'{"command": 7}\n',
        b"x" * 100_000,
        b"\n",
    ]
    for line in lines:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(str(socket_path(desk.room.profile_folder)))
            try:
                connection.sendall(line)
                answer = connection.recv(65536)
            except (BrokenPipeError, ConnectionResetError):
                continue
            assert b'"ok":false' in answer, (line[:40], answer)
    assert "VERDICT" in desk.ok("status")
    assert desk.told()["mode"] != "HALTED"


def test_wrong_arguments_are_64_and_a_foreign_symbol_is_named(desk: OperatorDesk) -> None:
    """Before anything is sent, or by the trader that does not trade it."""
    assert "like BTC-USD" in desk.no("pause", "../etc", "5", code=64)
    assert "1 to 1440" in desk.no("pause", "BTC-USD", "0", code=64)
    assert "XRP-USD is not traded here" in desk.no("restart", "XRP-USD")
    desk.no("resume", "--force", code=64)
    desk.no("flatten", "--profile", "nobody", code=64)
