"""The exchange as a process: its ready line, its end, and its answers to wrong arguments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from exchange_process import PREFIX, ROOT, Running, exchange
from exchange_socket import connected


def test_the_ready_line_names_everything_a_client_needs() -> None:
    """URLs on loopback, a key with an EC private key in PEM, the pid of the process itself."""
    with exchange() as running:
        ready = running.ready
        assert set(ready) == {"rest_url", "ws_url", "ws_user_url", "api_key", "api_secret", "pid"}
        assert ready["pid"] == running.process.pid
        assert ready["rest_url"].startswith("http://127.0.0.1:")
        assert ready["api_secret"].startswith("-----BEGIN EC PRIVATE KEY-----\n")
        assert ready["api_key"].startswith("organizations/")
        assert abs(int(running.get("/time")["epochMillis"]) / 1000 - time.time()) < 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_zero(number: signal.Signals) -> None:
    """SIGTERM and SIGINT end it within a few seconds with exit code 0."""
    with exchange() as running:
        os.kill(running.process.pid, number)
        assert running.process.wait(5) == 0


def test_it_ends_when_its_parent_is_killed() -> None:
    """A parent that started it with a pipe and dies by SIGKILL takes it along."""
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'trader.exchange', '--die-with-parent'], stdin=subprocess.PIPE,"
        " stdout=subprocess.PIPE, text=True)\n"
        "print(child.stdout.readline(), end='', flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    line = parent.stdout.readline()
    url = line.split('"rest_url":"')[1].split('"')[0] + PREFIX + "/time"
    assert requests.get(url, timeout=5).status_code == 200
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            requests.get(url, timeout=1)
        except requests.ConnectionError:
            return
        time.sleep(0.05)
    raise AssertionError("the exchange outlived its parent")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--port", "x"], "--port"),
        (["--port", "70000"], "choose 0 to 65535"),
        (["--rate-limit", "-1"], "zero or more"),
        (["--regime", "odd"], "invalid choice"),
        (["--faults", "nowhere.json"], "give a JSON list"),
        (["--equity", "much"], "is no number"),
        (["--taker-fee", "-1"], "zero or more"),
        (["--speed", "0"], "choose between"),
        (["--market", "nothing.csv"], "write PRODUCT=nothing.csv"),
        (["--market", "btc_usd_1m_gone.csv"], "cannot be read"),
        (["--market", "ZZZ-USD=x.csv"], "is not listed"),
    ],
)
def test_wrong_arguments_end_with_64_and_one_sentence(flags: list[str], said: str) -> None:
    """Exit code 64, the remedy on stderr, nothing on stdout, no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "trader.exchange", *flags], cwd=ROOT, capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stdout) == (64, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_fault_in_the_file_is_refused_at_the_start(tmp_path: Path) -> None:
    """64, with the ids that there are."""
    file = tmp_path / "faults.json"
    file.write_text('[{"id": "F-Z99"}]')
    done = subprocess.run(
        [sys.executable, "-m", "trader.exchange", "--faults", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode, done.stdout) == (64, "")
    assert "known are F-N01" in done.stderr


def test_a_fault_from_the_file_acts_at_its_time(tmp_path: Path) -> None:
    """Armed two seconds after the start, it answers one request with 500."""
    file = tmp_path / "faults.json"
    file.write_text('[{"id": "F-N08", "method": "GET", "path": "/time", "at_s": 1.0}]')
    with exchange("--faults", str(file)) as running:
        assert running.call("GET", "/time", signed=False).status_code == 200
        running.until(lambda: running.call("GET", "/time", signed=False).status_code == 500)
        assert running.call("GET", "/time", signed=False).status_code == 200


def test_a_certificate_for_another_name_is_not_trusted() -> None:
    """--tls-name makes the certificate wrong although its authority is known."""
    with exchange("--tls", "--tls-name", "elsewhere.invalid") as running, pytest.raises(requests.exceptions.SSLError):
        running.call("GET", "/time", signed=False)


def test_a_dollar_coin_pair_trades_the_same_book_from_another_wallet() -> None:
    """BTC-USDC is BTC-USD's book and tape; the money is USDC's."""
    with exchange("--usdc", "500") as running:
        twin = running.get("/products/BTC-USDC")
        assert (twin["alias"], running.get("/products/BTC-USD")["alias_to"]) == ("BTC-USD", ["BTC-USDC"])
        assert running.order("BTC-USDC", "BUY", {"market_market_ioc": {"quote_size": "100"}})["success"]
        balances = running.ledger()["balances"]
        assert float(balances["USDC"]["available"]) < 401
        assert balances["USD"]["available"] == "10000"
        assert float(balances["BTC"]["available"]) > 0


def test_a_port_in_use_is_refused_with_its_remedy(running: Running) -> None:
    """The second exchange on a port ends with 64 and says to choose another."""
    port = running.ready["rest_url"].rsplit(":", 1)[1]
    command = [sys.executable, "-m", "trader.exchange", "--port", port]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout) == (64, "")
    assert "choose another --port" in done.stderr


def test_the_wallet_and_fees_are_those_asked_for() -> None:
    """--equity, --usdc and the fee flags show up in accounts and in the fee tier."""
    with exchange("--equity", "1234.5", "--usdc", "7", "--maker-fee", "0.001", "--taker-fee", "0.002") as running:
        wallets = {
            row["currency"]: row["available_balance"]["value"]
            for row in running.get("/accounts", limit=250)["accounts"]
        }
        assert (wallets["USD"], wallets["USDC"], wallets["BTC"]) == ("1234.5", "7", "0")
        tier = running.get("/transaction_summary")["fee_tier"]
        assert (tier["maker_fee_rate"], tier["taker_fee_rate"]) == ("0.001", "0.002")


def test_requests_without_a_valid_token_are_refused_in_plain_text(running: Running) -> None:
    """401 `Unauthorized` for private paths, nothing of the kind for public ones, 403 where the scope is missing."""
    answer = running.call("GET", "/accounts", signed=False)
    assert (answer.status_code, answer.text) == (401, "Unauthorized")
    assert running.call("GET", "/market/products", signed=False).status_code == 200
    funds = {"funds": {"value": "1", "currency": "USD"}, "source_portfolio_uuid": "a", "target_portfolio_uuid": "b"}
    forbidden = running.call("POST", "/portfolios/move_funds", body=funds)
    assert forbidden.status_code == 403
    assert '"error_details":"Missing required scopes"' in forbidden.text


def test_errors_have_the_venues_shape(running: Running) -> None:
    """404, 400 and proto errors carry error, error_details and message."""
    missing = running.call("GET", "/market/products/ZZZ-USD", signed=False)
    assert (missing.status_code, missing.json()["message"]) == (404, "Product ZZZ-USD not supported")
    now = int(time.time())
    wide = running.call(
        "GET", "/market/products/BTC-USD/candles", signed=False, start=now - 400 * 60, end=now, granularity="ONE_MINUTE"
    )
    assert (wide.status_code, wide.json()["error"]) == (400, "INVALID_ARGUMENT")
    unknown = running.call(
        "POST", "/orders", body={"client_order_id": "x", "product_id": "BTC-USD", "reduceOnly": True}
    )
    assert (unknown.status_code, unknown.json()["error"]) == (400, "unknown")
    assert 'unknown field "reduceOnly"' in unknown.json()["message"]
    none = running.call("GET", "/orders/historical/00000000-0000-4000-8000-000000000000")
    assert (none.status_code, none.json()["message"]) == (404, "order with this orderID was not found")
    both = running.call("GET", "/orders/historical/fills", order_ids="a", product_ids="BTC-USD")
    assert both.json()["message"] == "cannot pass order_ids with other filters"
    many = running.call("POST", "/orders/batch_cancel", body={"order_ids": ["x"] * 101})
    assert "limit is 100" in many.json()["message"]


def test_lists_are_paged_without_loss(running: Running) -> None:
    """Orders, fills, accounts and products come in pages whose union is the whole list, each once."""
    for _ in range(7):
        running.order("SOL-USD", "BUY", {"market_market_ioc": {"quote_size": "20"}})
    whole = [row["order_id"] for row in running.get("/orders/historical/batch")["orders"]]
    assert _paged(running, "/orders/historical/batch", "orders", "order_id", 3) == whole
    fills = [row["entry_id"] for row in running.get("/orders/historical/fills")["fills"]]
    assert _paged(running, "/orders/historical/fills", "fills", "entry_id", 3) == fills
    wallets = [row["uuid"] for row in running.get("/accounts", limit=250)["accounts"]]
    assert _paged(running, "/accounts", "accounts", "uuid", 5) == wallets
    offset = [row["product_id"] for row in running.get("/products", limit=4, offset=4)["products"]]
    assert [row["product_id"] for row in running.get("/products")["products"]][4:8] == offset


def _paged(running: Running, path: str, rows: str, name: str, limit: int) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = running.get(path, limit=limit, **({"cursor": cursor} if cursor else {}))
        found += [row[name] for row in page[rows]]
        cursor = page["cursor"]
        if not cursor:
            return found


def test_the_ledger_is_the_witness_of_every_request(running: Running) -> None:
    """Arrivals carry both clocks, the position before, and the outcome; refusals are listed as well."""
    running.order("LTC-USD", "BUY", {"market_market_ioc": {"quote_size": "20"}})
    running.order("LTC-USD", "SELL", {"market_market_ioc": {"base_size": "900000"}})
    accepted, refused = [row for row in running.ledger()["arrivals"] if row["product_id"] == "LTC-USD"]
    assert (accepted["outcome"], refused["outcome"]) == ("accepted", "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE")
    assert float(accepted["position_before"]) == 0 < float(refused["position_before"])
    assert abs(accepted["machine_time"] - time.time()) < 30


def test_the_rate_limit_answers_429_and_tells_what_is_left() -> None:
    """Five private requests a second, told in lower-case headers; the sixth is refused, public ones are not counted."""
    with exchange("--rate-limit", "5") as running:
        answers = [running.call("GET", "/accounts") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert answers[0].headers["x-ratelimit-remaining"] == "4"
        assert answers[5].json()["errors"][0]["id"] == "rate_limit_exceeded"
        assert running.call("GET", "/time", signed=False).status_code == 200
        running.until(lambda: running.call("GET", "/accounts").status_code == 200)


def test_an_ed25519_key_and_a_stream_without_client_id() -> None:
    """--key-type ed25519 hands out the 88-character secret; --no-client-id leaves the field out of every message."""
    with exchange("--key-type", "ed25519", "--no-client-id") as running:
        assert len(running.ready["api_secret"]) == 88
        with connected(running) as client:
            client.subscribe("ticker", "BTC-USD")
            assert set(client.next("ticker")) == {"channel", "timestamp", "sequence_num", "events"}


def test_no_file_of_the_client_is_imported() -> None:
    """The exchange shares no code with the client or the layers above it."""
    for file in Path(ROOT / "trader/exchange").glob("*.py"):
        text = file.read_text()
        for room in ("coinbase", "orders", "venue", "risk", "store", "strategy", "report", "config"):
            assert f"from trader.{room}" not in text, f"{file.name} imports {room}"
