"""Bad input to `run.py`: the published exit code, one message that names the remedy, nothing started, no traceback."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from busy_market import write_config
from compared_books import TOKEN
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from trader_process import ROOT, Room, clean_environment

from tests.planted_secrets import plant
from trader.store.log import EventStore

MakeRoom = Callable[..., AbstractContextManager[Room]]
KEY_NAME = "organizations/0a1b2c3d-0000-4000-8000-000000000000/apiKeys/0a1b2c3d-0000-4000-8000-000000000001"
NOBODY_LISTENS = "http://127.0.0.1:9"


def fresh_pem() -> str:
    """A key of the right shape that no venue knows."""
    return plant(ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode())  # fmt: skip


def refused(data: Path, *flags: str, **environment: str) -> tuple[int, str]:
    """Run `run.py` and return its exit code and all it said; no traceback and no secret may be in it."""
    given = clean_environment(EVENT_STORE_ROOT=str(data), **environment)
    ended = subprocess.run(
        [sys.executable, "run.py", *flags], cwd=ROOT, env=given, capture_output=True, text=True, timeout=40, check=False
    )
    said = ended.stdout + ended.stderr
    assert "Traceback" not in said, said
    assert not TOKEN.search(said)
    secret = environment.get("COINBASE_API_SECRET", "")
    assert not any(line in said for line in secret.splitlines() if len(line) > 12), "the secret is in the message"
    return ended.returncode, said


BAD: Mapping[str, tuple[tuple[str, ...], int, tuple[str, ...]]] = {
    "an unknown profile": (("--profile", "canry"), 64, ("canry", "canary")),
    "an unknown flag": (("--proflie", "canary"), 64, ("--proflie",)),
    "an unknown command": (("trde",), 64, ("trde",)),
    "a duration that is no number": (("--duration", "long"), 64, ("--duration",)),
    "a symbol nobody lists": (("--profile", "dev", "--symbols", "NOPE-USD"), 64, ("NOPE-USD",)),
    "an exchange file that is not there": (("--exchange", "/nowhere/ready.json"), 64, ("/nowhere/ready.json",)),
    "a market file that is not there": (("--market", "/nowhere/btc.csv"), 64, ("/nowhere/btc.csv",)),
    "a market file that names no product": (("--market", "README.md"), 64, ("README.md", "PRODUCT=")),
    "a configuration that is not there": (("--config", "/nowhere/config.toml"), 78, ("/nowhere/config.toml",)),
    "live without a key": (("--profile", "canary", "--live"), 77, ("COINBASE_API_KEY", "paper")),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_arguments_end_with_their_code_and_a_remedy(case: str, tmp_path: Path) -> None:
    """Each kind of wrong argument: its own code, and the message names what was wrong."""
    flags, code, words = BAD[case]
    told, said = refused(tmp_path / "data", *flags)
    assert told == code, said
    for word in words:
        assert word in said
    assert len(said.strip().splitlines()) <= 6, f"more than one message:\n{said}"
    assert not list((tmp_path / "data").rglob("store.key")), "something was started"


def test_a_python_without_the_packages_is_told_which_one_to_type() -> None:
    """The system's own Python in a second terminal: the commonest first mistake is no traceback."""
    bare = [sys.executable, "-S", "-E", "run.py", "status"]
    ended = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 78
    assert "Traceback" not in ended.stderr
    assert ".venv/bin/python" in ended.stderr
    assert "requirements.lock" in ended.stderr


def test_a_misspelt_key_names_file_line_key_and_remedy(tmp_path: Path) -> None:
    """Two mistakes in one file are both told, with their lines, before anything starts."""
    file = write_config(
        tmp_path, extra={"max_drawdown_pct = 0.5": "max_drawdwn_pct = 0.5", "repeat_limit = 60": "repeat_limit = 6000"}
    )
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "max_drawdwn_pct" in text)
    code, said = refused(tmp_path / "data", "--profile", "dev", "--config", str(file))
    assert code == 78
    for word in (file.name, f"{line}", "max_drawdwn_pct", "max_drawdown_pct", "repeat_limit", "60"):
        assert word in said
    assert not (tmp_path / "data").exists()


WITHOUT_ROOTS_POWER = """
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: what lets root read every file
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "run.py", *sys.argv[1:]])
"""


NAMED = ("--profile", "canary")


@pytest.mark.parametrize(
    "words",
    [
        ("kill",),
        ("kill", *NAMED),
        ("status", *NAMED),
        ("health", *NAMED),
        ("why", "BTC-USD"),
        ("report",),
        ("events", "verify"),
        ("check",),
        ("cancel-all",),
    ],
    ids=" ".join,
)
def test_a_command_of_another_user_says_whose_the_folder_is(words: tuple[str, ...], tmp_path: Path) -> None:
    """Never a traceback, least of all from `kill`, and never that the trader has not run here."""
    closed = tmp_path / "perps_bot"
    (closed / "canary").mkdir(parents=True)
    closed.chmod(0)
    command = [sys.executable, "-c", WITHOUT_ROOTS_POWER, *words]
    given = clean_environment(EVENT_STORE_ROOT=str(tmp_path))
    ended = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=40, check=False)
    closed.chmod(0o700)
    said = ended.stdout + ended.stderr
    assert ended.returncode == (77 if words == ("cancel-all",) else 1), said
    assert words != ("cancel-all",) or "Set COINBASE_API_KEY and COINBASE_API_SECRET" in said
    assert "Traceback" not in said
    assert str(closed) in said
    assert words == ("check",) or "sudo -u" in said


@pytest.mark.parametrize("name", ["lock", "holds.json", "logs/perps_bot.log"])
def test_a_folder_in_the_place_of_a_file_is_named_and_nothing_is_started(name: str, tmp_path: Path) -> None:
    """As a read-only or a full disk: one sentence with the path, and a code a service manager does not restart on."""
    place = tmp_path / "perps_bot" / "canary" / name
    place.mkdir(parents=True)
    code, said = refused(tmp_path, "--profile", "canary", "--duration", "3")
    assert code == 78, said
    assert str(place) in said


def test_malformed_credentials_end_with_77_and_are_not_repeated(tmp_path: Path) -> None:
    """`--live` with something that is no key: refused before any connection, and never a silent paper run."""
    environment = {"COINBASE_API_KEY": KEY_NAME, "COINBASE_API_SECRET": plant("not-a-key-" + secrets.token_hex(12))}
    code, said = refused(tmp_path / "data", "--profile", "canary", "--live", **environment)
    assert code == 77, said
    assert "COINBASE_API_SECRET" in said


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, ("COINBASE_PASSPHRASE",)),
        ({"COINBASE_API_PASSPHRASE": "words-of-a-passphrase"}, ("Make a CDP key", "COINBASE_API_MODE=advanced")),
        ({"COINBASE_ENABLE_DERIVATIVES": "1"}, ("Derivatives need api_mode",)),
    ],
    ids=["no passphrase", "whole", "derivatives"],
)
def test_a_key_of_the_older_exchange_api_is_refused_for_trading(
    more: dict[str, str], words: tuple[str, ...], tmp_path: Path
) -> None:
    """Never a start with another way of signing than the one asked for: 77, what is missing or what to make instead."""
    key = {"COINBASE_API_KEY": "0a1b2c3d", "COINBASE_API_SECRET": plant(b64encode(secrets.token_bytes(48)).decode())}
    code, said = refused(tmp_path / "data", "--profile", "spot", "--live", COINBASE_API_MODE="exchange", **key, **more)
    assert code == 77, said
    assert all(word in said for word in words)
    assert "words-of-a-passphrase" not in said


def test_a_venue_nobody_serves_ends_with_69(tmp_path: Path) -> None:
    """A key of the right shape and no venue behind the address."""
    urls = {name: NOBODY_LISTENS.replace("http", "ws") for name in ("COINBASE_WS_URL", "COINBASE_WS_USER_URL")}
    environment = {
        "COINBASE_API_KEY": KEY_NAME,
        "COINBASE_API_SECRET": fresh_pem(),
        "COINBASE_REST_URL": NOBODY_LISTENS,
        **urls,
    }
    code, said = refused(tmp_path / "data", "--profile", "canary", "--live", **environment)
    assert code == 69, said
    assert "cannot be reached" in said


def test_an_attached_exchange_that_is_gone_ends_with_69(tmp_path: Path) -> None:
    """The ready line is there, the exchange behind it is not."""
    ready = {"rest_url": NOBODY_LISTENS, "ws_url": "ws://127.0.0.1:9", "ws_user_url": "ws://127.0.0.1:9",
             "api_key": KEY_NAME, "api_secret": fresh_pem(), "pid": 1}  # fmt: skip
    file = tmp_path / "ready.json"
    file.write_text(json.dumps(ready))
    code, said = refused(tmp_path / "data", "--profile", "canary", "--exchange", str(file))
    assert code == 69, said


def test_a_key_the_venue_does_not_know_ends_with_77(busy_room: MakeRoom, tmp_path: Path) -> None:
    """The shape is right, the venue says no."""
    with busy_room() as where:
        ready = {**where.exchange.ready, "api_secret": fresh_pem()}
        where.ready_file.write_text(json.dumps(ready))
        trader = where.start()
        assert trader.wait(30) == 77, trader.words()
        assert "Traceback" not in trader.stderr.text


def test_another_host_than_coinbase_is_refused(tmp_path: Path) -> None:
    """A real key must not be sent to a stranger."""
    environment = {
        "COINBASE_API_KEY": KEY_NAME,
        "COINBASE_API_SECRET": fresh_pem(),
        "COINBASE_REST_URL": "https://api.example.org",
    }
    code, said = refused(tmp_path / "data", "--profile", "canary", "--live", **environment)
    assert code in {64, 78}, said
    assert "api.example.org" in said


@pytest.mark.parametrize("harm", ["wrong", "missing"])
def test_a_wrong_or_missing_store_key_ends_with_76_and_makes_no_new_store(
    busy_room: MakeRoom, harm: str, tmp_path: Path
) -> None:
    """The journal cannot be read, so nothing is started and nothing is put beside it (F-S06)."""
    with busy_room() as where:
        first = where.start("--dev-fast")
        assert first.wait(30) == 0
        key = where.profile_folder / "store.key"
        kept = key.read_bytes()
        segments = sorted((where.profile_folder / "store").iterdir())
        if harm == "missing":
            key.unlink()
        else:
            key.write_bytes(_other_key(tmp_path / "other"))
        second = where.start()
        assert second.wait(30) == 76, second.words()
        assert "Traceback" not in second.stderr.text
        assert sorted((where.profile_folder / "store").iterdir()) == segments
        assert key.exists() == (harm == "wrong")
        key.write_bytes(kept)
        key.chmod(0o600)


def _other_key(folder: Path) -> bytes:
    """Return the key file of another store."""
    EventStore.open(folder, profile="dev", account="paper:dev").close()
    return (folder / "store.key").read_bytes()
