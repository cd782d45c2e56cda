"""`check` and `validate` through the real command line: rows, remedies, exit codes, gates."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from operator_desk import OperatorDesk, run_alone
from trader_process import exchange_process

from actors.check_local import local_rows
from actors.holdfile import HoldFile
from trader.config import Settings, load_settings
from trader.orders.reason import Reason
from trader.report.checkup import Finding, Row, fail, ok, passed, skip, summary, warn
from trader.risk.holds import Hold, HoldTable, Level


def test_a_fresh_machine_passes_and_every_row_that_is_not_ok_has_a_remedy(tmp_path: Path) -> None:
    """On paper the whole list, order round trip included; nothing of the profile is left but its folder."""
    done = run_alone("check", "--json", EVENT_STORE_ROOT=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["order round trip"]["finding"] == "ok"
    assert rows["event store"]["finding"] == "ok"
    assert rows["wallets"]["text"] == "a new paper account starts with USD 1000"
    assert all(row["remedy"] for row in rows.values() if row["finding"] in {"warn", "fail"})
    assert [path for path in (tmp_path / "perps_bot" / "canary").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ({}, "set COINBASE_API_KEY and COINBASE_API_SECRET in this shell"),
        ({"COINBASE_API_KEY": "organizations/…"}, "set COINBASE_API_SECRET in this shell"),
        ({"COINBASE_API_KEY": "my-key", "COINBASE_API_SECRET": "/root/key.pem"}, "put it right in the environment"),
    ],
)
def test_live_without_a_usable_key_still_looks_at_what_needs_none(
    key: dict[str, str], remedy: str, tmp_path: Path
) -> None:
    """Exit 1, the way to the venue and the clock looked at, the key's row with its cause, the others skipped."""
    with exchange_process() as exchange:
        done = run_alone(
            "check", "--live", "--json", EVENT_STORE_ROOT=str(tmp_path), COINBASE_REST_URL=exchange.ready["rest_url"], **key
        )  # fmt: skip
    assert done.returncode == 1, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["venue and clock"]["finding"] == "ok"
    assert rows["key"]["finding"] == "fail"
    assert "COINBASE_API_KEY" in rows["key"]["text"] or "COINBASE_API_SECRET" in rows["key"]["text"]
    assert remedy in rows["key"]["remedy"]
    for name in ("products", "wallets", "market feed", "order round trip"):
        assert (rows[name]["finding"], rows[name]["text"]) == ("skip", "waits for a key")


def test_the_holds_of_symbols_are_listed_with_the_accounts(tmp_path: Path) -> None:
    """A pause of one symbol survives a start too: "none" would send the reader away."""
    folder = tmp_path / "perps_bot" / "canary"
    folder.mkdir(parents=True, mode=0o700)
    held = Hold(
        "consecutive_losses", Level.REDUCE_ONLY, "BTC-USD", Reason.CONSECUTIVE_LOSSES, "2 losses", ends_at=1.8e9
    )
    HoldFile(folder / "holds.json").save(HoldTable((held,)))
    [row] = [row for row in local_rows(canary(tmp_path), folder) if row.name == "holds"]
    assert row.finding is Finding.WARN
    assert row.text == "BTC-USD REDUCE_ONLY by consecutive_losses until 2027-01-15 08:00:00Z: 2 losses"
    assert "resume CAUSE (consecutive_losses)" in row.remedy


def canary(root: Path) -> Settings:
    loaded = load_settings(Path("config.toml"), "canary", paper=True, environ={"EVENT_STORE_ROOT": str(root)})
    assert isinstance(loaded, Settings)
    return loaded


def test_a_key_that_may_transfer_and_one_the_venue_refuses_are_told(tmp_path: Path) -> None:
    """The rows of a live venue on this machine: the key's row fails with its remedy and no order is tried."""
    with exchange_process() as exchange:
        ready = exchange.ready
        addresses = {
            "COINBASE_REST_URL": ready["rest_url"],
            "COINBASE_WS_URL": ready["ws_url"],
            "COINBASE_WS_USER_URL": ready["ws_user_url"],
        }
        key = "organizations/11111111-1111-1111-1111-111111111111/apiKeys/22222222-2222-2222-2222-222222222222"
        done = run_alone(
            "check", "--live", "--profile", "demo", EVENT_STORE_ROOT=str(tmp_path),
            COINBASE_API_KEY=key, COINBASE_API_SECRET=ready["api_secret"], **addresses,
        )  # fmt: skip
        assert done.returncode == 1
        assert re.search(r"fail  key +[0-9a-f]{8} not accepted", done.stdout), "the key is named by its fingerprint"
        assert key not in done.stdout
        assert "-> make a CDP key" in done.stdout
        assert not exchange.arrivals()


def test_a_running_profile_is_seen(desk: OperatorDesk) -> None:
    """The lock's row says so, and the store is left to `events verify`."""
    done = desk.type("check", "--profile", "dev", "--exchange", str(desk.room.ready_file), "--symbols", "BTC-USD")
    assert "the profile runs right now" in done.stdout
    assert "skip  event store" in done.stdout


def test_validations_want_their_variable() -> None:
    """The documents' gate: nothing happens without it, and the sentence names it."""
    done = run_alone("validate", "ws")
    assert done.returncode == 64
    assert "RUN_SANDBOX_VALIDATIONS=1" in done.stderr


@pytest.mark.parametrize("part", ["perps-client", "ws", "strategy"])
def test_each_validation_passes_on_the_embedded_exchange(part: str, tmp_path: Path) -> None:
    """Discovery, metadata, orders, streams and the strategy, with a line for each."""
    done = run_alone("validate", part, RUN_SANDBOX_VALIDATIONS="1", EVENT_STORE_ROOT=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 fail" in done.stdout


def test_the_end_to_end_validation_runs_the_product(tmp_path: Path) -> None:
    """A dry cycle, a run on paper, its last state and its store."""
    done = run_alone("validate", "e2e", RUN_SANDBOX_VALIDATIONS="1", EVENT_STORE_ROOT=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "python run.py events verify --profile canary: exit 0" in done.stdout


def test_with_the_real_adapter_no_order_is_sent(tmp_path: Path) -> None:
    """USE_REAL_ADAPTER=1 needs a key, and says so with the published code."""
    done = run_alone(
        "validate", "perps-client", RUN_SANDBOX_VALIDATIONS="1", USE_REAL_ADAPTER="1", EVENT_STORE_ROOT=str(tmp_path)
    )
    assert done.returncode == 77
    assert "COINBASE_API_KEY" in done.stderr


def test_only_a_failed_row_fails_the_whole() -> None:
    """Warnings and skips do not."""
    rows: list[Row] = [ok("a", "b"), warn("c", "d", "e"), skip("f", "g")]
    assert passed(rows)
    assert not passed([*rows, fail("h", "i", "j")])
    assert summary(rows) == "passed: 1 ok, 1 warn, 0 fail, 1 skip"
    assert fail("h", "i", "j").line().endswith("-> j")
