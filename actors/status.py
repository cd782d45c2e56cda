"""Collects the actors' last reports into the one SystemStatus, and writes what people and machines read from it.

Runs on the main thread, reads only what is already published, so it answers while any actor hangs. Only `actors/system.py` uses it.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors.address import SUPERVISOR
from actors.child import ChildState
from actors.clock import MarketClock
from actors.connection import Connection
from actors.hot_reload import FileState
from actors.provenance import commit, lock_hash, version
from actors.reports import BrokerReport, RiskReport, SupervisorReport, SymbolReport
from actors.status_parts import (
    feeds_of,
    flow_of,
    guards,
    known,
    money_of,
    orders_of,
    positions_of,
    rejections_of,
    rss_mib,
    waited_ms,
)
from trader.config import Settings
from trader.exit_code import MEANING, ExitCode
from trader.market.instrument import Instrument
from trader.orders.reason import Reason
from trader.report.banner import banner, paper_fees
from trader.report.cycle import EVERY_S, cycle_metrics
from trader.report.files import write_status_files
from trader.report.reasons import EXPLANATIONS
from trader.report.screen import render_screen
from trader.report.status import (
    ActorStatus,
    AlertStatus,
    DecisionStatus,
    RateStatus,
    Seconds,
    StoreStatus,
    SystemStatus,
    Unknown,
)
from trader.report.words import clock as clock_text
from trader.risk.holds import ACCOUNT, HoldTable, Level
from trader.store.events import EventName, Payload
from trader.store.log import EventStore

if TYPE_CHECKING:
    from actors.live import LiveSurroundings

FILES_EVERY_S = 1.0
RATE_OVER_S = 10.0
SENT = frozenset({Reason.ENTRY_SENT, Reason.EXIT_SENT})


class StatusWriter:
    """See the module docstring. `vitals` are added as actors start; machine times are monotonic seconds."""

    def __init__(
        self,
        settings: Settings,
        surroundings: LiveSurroundings,
        clock: MarketClock,
        store: EventStore,
        folder: Path,
        connection: Connection,
        *,
        dry_run: bool,
        attached: bool = False,
    ) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._clock = clock
        self._store = store
        self._folder = folder
        self._connection = connection
        self._dry_run = dry_run
        self._attached = attached
        self._started = clock.now()
        self._loaded_at = time.time()
        self._next_dump = self._started.machine_time + settings.status_interval_s
        self._next_files = 0.0
        self._next_cycle = 0.0
        self._files_broken = ""
        self._counted = 0, self._started.machine_time
        self.on_status: Callable[[SystemStatus], None] | None = None
        self.alert_state: Callable[[], AlertStatus] = AlertStatus
        self.config_state: Callable[[], FileState] = FileState

    def use(self, settings: Settings) -> None:
        """Show other settings from now on: the configuration has changed while running."""
        if settings.config_hash != self._settings.config_hash:
            self._settings, self._loaded_at = settings, time.time()

    def renew(self) -> None:
        """Have the files written at the next tick; main thread."""
        self._next_files = 0.0

    # --- when ------------------------------------------------------------------------------------------------------------

    def on_tick(self, machine_time: float) -> str:
        """Write the files each second, the cycle's metrics each minute and the screen each interval. Returns ""."""
        if machine_time >= self._next_files:
            self._next_files = machine_time + FILES_EVERY_S
            status = self.collect()
            if self.on_status is not None:
                self.on_status(status)
            self._write_files(status)
            if machine_time >= self._next_cycle:
                self._next_cycle = machine_time + EVERY_S
                self._surroundings.events.write(EventName.CYCLE_METRICS, cycle_metrics(status), self._clock.now())
        if machine_time >= self._next_dump:
            self._next_dump = machine_time + self._settings.status_interval_s
            self.dump("")
        return ""

    def dump(self, why: str, code: ExitCode | None = None) -> None:
        """Print the screen on stdout; `code` closes the last one of a run."""
        status = self.collect("" if code is None else MEANING[code])
        if code is not None:
            self._surroundings.events.write(EventName.CYCLE_METRICS, cycle_metrics(status), self._clock.now())
            self._write_files(status)
        text = render_screen(status)
        ending = f"EXIT     {int(code)}\n" if code is not None else ""
        self._say(f"\n{text.rstrip()}\n{ending}")

    def banner(self, instruments: Mapping[str, Instrument], holds: HoldTable) -> None:
        """Say at the start what this run is: venue, money, fees, mode, window, and where each value came from."""
        text = banner(
            self._settings,
            instruments,
            holds,
            venue_url=self._connection.rest_url,
            dry_run=self._dry_run,
            attached=self._attached,
        )
        self._say(text + "\n")

    def _say(self, text: str) -> None:
        """Write to stdout; when its reader has gone, say so once and write to nobody: trading and the exit code are unaffected."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            logger.warning("nobody reads stdout any more ({}); see run.py status", error)

    def start_facts(self) -> Payload:
        """Return what the start event records."""
        return {
            "version": version(),
            "commit": commit(),
            "lock_hash": lock_hash(),
            "run_id": self._surroundings.run_id,
            "pid": os.getpid(),
            "venue": self._connection.rest_url,
            "profile": self._settings.profile,
            "symbols": list(self._settings.symbols),
            "dry_run": self._dry_run,
            "paper_fees": paper_fees(self._settings) if self._settings.is_paper and not self._attached else "",
        }

    def _write_files(self, status: SystemStatus) -> None:
        try:
            write_status_files(self._folder, status)
            self._files_broken = ""
        except OSError as error:
            if not self._files_broken:
                logger.error("status files cannot be written ({}); trading goes on", error)
            self._files_broken = str(error)

    # --- what --------------------------------------------------------------------------------------------------------------

    def _read(self, name: str, kind: type[Any]) -> tuple[Any, float] | tuple[None, None]:
        found = self._surroundings.board.read(name)
        return found if found is not None and isinstance(found[0], kind) else (None, None)

    def collect(self, ended: str = "") -> SystemStatus:
        """Put the last reports together as one instant; `ended` says how the run ended. A stop is no mode: its hold is left out."""
        now = self._clock.now()
        supervisor, _ = self._read(SUPERVISOR, SupervisorReport)
        risk, _ = self._read("risk", RiskReport)
        broker, _ = self._read("broker", BrokerReport)
        settings = self._settings
        holds: HoldTable = supervisor.holds.lift("stopping", ACCOUNT) if supervisor else HoldTable()
        mode = holds.mode() if supervisor else Level.STARTING
        reasons = {(symbol, reason): count for symbol, reason, count in risk.reasons} if risk else {}
        window = settings.trading_window
        children = supervisor.children if supervisor else ()
        quarantined = {child.name for child in children if child.state == ChildState.QUARANTINED}
        return SystemStatus(
            utc_time=time.time(),
            market_time=now.market_time,
            profile=settings.profile,
            venue=self._connection.rest_url,
            live=not settings.is_paper,
            dry_run=self._dry_run,
            mode=mode,
            mode_since=(supervisor.mode_since if supervisor else 0.0) or self._started.market_time,
            mode_by=supervisor.mode_by if supervisor else "",
            pid=os.getpid(),
            config_waiting=self.config_state().waiting,
            config_refused=self.config_state().refused,
            holds=holds.holds,
            up_s=now.machine_time - self._started.machine_time,
            run_id=self._surroundings.run_id,
            config_hash=settings.config_hash,
            config_loaded_at=self._loaded_at,
            symbols=settings.symbols,
            money=money_of(risk),
            rates=self._rates(risk, broker),
            positions=positions_of(risk, now.machine_time, quarantined),
            orders=orders_of(risk, now.machine_time),
            decisions=self._decisions(risk, now.market_time, reasons),
            actors=self._actors(supervisor, now.machine_time),
            feeds=feeds_of(broker, now.machine_time, self._messages_per_s(broker, now.machine_time)),
            guards=guards(risk),
            nearest_miss=self._nearest_miss(risk),
            store=self._store_status(),
            alerts=self.alert_state(),
            flow=flow_of(risk),
            reasons=reasons,
            rejections=rejections_of(reasons),
            places={path: source.place for path, source in settings.sources.items() if source.place},
            unknown_orders=risk.unknown if risk else 0,
            window_opens_in_s=window.opens_in_s(now.market_time) if window else 0.0,
            reconciled=bool(risk and risk.reconciled_clean),
            stopping=bool(supervisor and supervisor.stopping),
            ended=ended,
            error=self._files_broken or (risk.trouble if risk else ""),
        )

    def _rates(self, risk: RiskReport | None, broker: BrokerReport | None) -> RateStatus:
        return RateStatus(
            orders_last_minute=risk.orders_last_minute if risk else 0,
            orders_per_minute_limit=self._settings.risk.max_orders_per_minute,
            requests_last_hour=broker.calls if broker else 0,
            requests_per_hour_limit=self._settings.rest.hourly_budget,
            clock_skew_s=known(self._clock.skew_s, "a recorded market"),
            rss_mib=rss_mib(),
        )

    def _decisions(
        self, risk: RiskReport | None, market_time: float, reasons: Mapping[tuple[str, Reason], int]
    ) -> tuple[DecisionStatus, ...]:
        rows = []
        outcomes = {outcome.symbol: outcome for outcome in risk.outcomes} if risk else {}
        for symbol in self._surroundings.addresses.symbols:
            report, _ = self._read(symbol, SymbolReport)
            last = report.last if report else None
            outcome = outcomes.get(symbol)
            if outcome is not None and (last is None or outcome.market_time >= last.market_time):
                last = outcome
            counts = {reason: count for (name, reason), count in reasons.items() if name == symbol}
            sent = sum(count for reason, count in counts.items() if reason in SENT)
            rows.append(
                DecisionStatus(
                    symbol=symbol,
                    action=last.action if last else "hold",
                    reason=last.reason if last else Reason.WARMING_UP,
                    detail=last.text if last else "no bar has closed yet",
                    mark=report.mark if report and report.mark is not None else Unknown("no quote yet"),
                    age_s=max(market_time - last.market_time, 0.0) if last else Unknown("no decision yet"),
                    sent=sent,
                    skipped=sum(counts.values()) - sent,
                )
            )
        return tuple(rows)

    def _actors(self, supervisor: SupervisorReport | None, machine_time: float) -> tuple[ActorStatus, ...]:
        rows = [self._actor(SUPERVISOR, "ok", 0, "", 1, machine_time)]
        children = supervisor.children if supervisor else ()
        rows += [self._actor(c.name, c.state, c.restarts, c.trouble, c.incarnation, machine_time) for c in children]
        return tuple(rows)

    def _actor(
        self, name: str, state: str, restarts: int, trouble: str, incarnation: int, machine_time: float
    ) -> ActorStatus:
        found = self._surroundings.board.read(name)
        vitals = self._surroundings.vitals.get(name)
        busy_since = vitals.busy_since if vitals else None
        if busy_since is not None and machine_time - busy_since > 1.0 and vitals is not None:
            state, trouble = "busy", f"in {vitals.message} for {machine_time - busy_since:.1f} s"
        return ActorStatus(
            name=name,
            state=state,
            beat_age_s=machine_time - found[1] if found else Unknown("no report yet"),
            queue=vitals.mailbox.depth if vitals else 0,
            queue_max=vitals.mailbox.high_water if vitals else 0,
            slowest_ms=vitals.slowest_s * 1000 if vitals else 0.0,
            restarts_1h=restarts,
            restarts_24h=restarts,
            trouble=trouble,
            inbox_age_p99_ms=waited_ms(vitals.mailbox.age_p99_s if vitals else None),
            incarnation=incarnation,
        )

    def _nearest_miss(self, risk: RiskReport | None) -> str:
        """Return the refusal that came nearest to its limit, of all symbols and of risk, with the limit's place in the file."""
        found = [risk.nearest] if risk and risk.nearest else []
        for symbol in self._surroundings.addresses.symbols:
            report, _ = self._read(symbol, SymbolReport)
            if report is not None and report.nearest is not None:
                found.append(report.nearest)
        if not found:
            return ""
        near = min(found, key=lambda miss: miss.excess)
        key = EXPLANATIONS[near.reason].config_key
        place = f" ({self._settings.where(key)})" if key in self._settings.sources else ""
        return f"{near.symbol} {clock_text(near.market_time)} {near.reason}: {near.text}{place}"

    def _messages_per_s(self, broker: BrokerReport | None, machine_time: float) -> Seconds:
        """Return the feed's messages a second since the look before the last, at least a second ago."""
        if broker is None:
            return Unknown("no broker yet")
        items, at = self._counted
        if broker.items < items:
            items, at = 0, self._started.machine_time
        rate = (broker.items - items) / (machine_time - at) if machine_time > at else 0.0
        if machine_time - at >= RATE_OVER_S:
            self._counted = broker.items, machine_time
        return rate

    def _store_status(self) -> StoreStatus:
        health = self._store.health
        return StoreStatus(
            events=health.records,
            last_age_s=known(health.last_commit_age, "nothing written yet"),
            pending_age_s=health.oldest_pending_age_s,
            verdict=f"failed: {health.failed}" if health.failed else "ok",
            failed=bool(health.failed),
            size_bytes=health.bytes,
            disk_free_bytes=shutil.disk_usage(self._folder).free,
        )
