"""The supervisor: starts the children, watches them, restarts them within their budgets, holds the mode, stops the system.

It is the only actor that holds references to others, and the owner of the table of holds. It never blocks: what takes time is
checked again on the next tick. When it can no longer be trusted itself, the main thread takes the cold path (`system.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import pykka
from loguru import logger

from actors.base import SupervisedActor, Surroundings
from actors.child import Child, ChildSpec, ChildState, report_of, vitals_of
from actors.messages import (
    AllCancelled,
    CancelAll,
    Died,
    Escalate,
    Kill,
    PeerRestarted,
    Quiesced,
    Ready,
    RestartSymbol,
    Resume,
    SetMode,
    Shutdown,
    StopChild,
    SupervisorMessage,
    Tick,
)
from actors.modes import HoldKeeper, Modes
from actors.policy import Role, SystemBudget, Verdict, after_death, after_hang
from actors.reports import SupervisorReport
from actors.shutdown import Ending, ShutdownSteps
from trader.market.clock import Now
from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level

RECOVERY_DEADLINE_S = 30.0
PAUSE_S = 2.0
CANCEL_AGAIN_S = 2.0


class Supervisor(SupervisedActor):
    """See the module docstring. Made by `system.py` (live) or by the stage."""

    def __init__(
        self,
        name: str,
        incarnation: int,
        surroundings: Surroundings,
        specs: Sequence[ChildSpec],
        keeper: HoldKeeper,
        ending: Ending,
        hang_s: float,
    ) -> None:
        super().__init__(name, incarnation, surroundings)
        self.children = {spec.name: Child(spec) for spec in specs}
        self.modes = Modes(keeper, surroundings)
        self._ending = ending
        self._hang_s = hang_s
        self._system_budget = SystemBudget(sum(spec.role is Role.SYMBOL for spec in specs))
        self._shutdown: ShutdownSteps | None = None
        self._ended = False
        self._cancelling = 0
        self._asked_cancel = 0.0
        self._last_tick = 0.0

    def prepare(self) -> None:
        """Read the holds that outlived the last process, then start risk and the broker; symbols follow when risk is ready."""
        self.modes.load(self.now, Hold("starting", Level.STARTING, ACCOUNT, Reason.NOT_RECONCILED, "reconciling"))

    def handle(self, message: SupervisorMessage) -> None:
        """Handle one message."""
        match message:
            case Tick():
                self._on_tick(message.now)
            case Died():
                self._on_died(message)
            case Ready():
                self._on_ready(message)
            case Escalate():
                self.place(message.hold)
            case Resume():
                self._on_resume(message)
            case Kill():
                self._on_kill(message)
            case RestartSymbol():
                self._on_restart(message)
            case Shutdown():
                self._begin_shutdown(message.by)
            case Quiesced():
                if self._shutdown:
                    self._shutdown.on_quiesced(message)
            case AllCancelled():
                self._on_all_cancelled(message)
            case _:
                assert_never(message)

    # --- the clock ---------------------------------------------------------------------------------------------------------

    def _on_tick(self, now: Now) -> None:
        paused = self._last_tick > 0 and now.machine_time - self._last_tick > PAUSE_S
        self._last_tick, self.now = now.machine_time, now
        if self._ended:
            return
        self._adopt(self.holds.expire(now), by="the clock")
        if paused:
            logger.warning("the process was paused: nothing older is judged on this tick")
        else:
            self._watch()
        self._start_due()
        tick, mode = Tick(now), SetMode(self.holds, now)
        for child in self.children.values():
            address = self.addresses[child.spec.name]
            if child.is_running:
                address.tell(mode)
                address.tell(tick)
        if self._cancelling and now.machine_time - self._asked_cancel >= CANCEL_AGAIN_S:
            self._asked_cancel = now.machine_time
            self.addresses.broker.tell(CancelAll(self._cancelling))
        if self._shutdown:
            self._continue_shutdown()
        self._publish()

    def _watch(self) -> None:
        """Judge every running child by its thread, its current handler and its queue (S6, S12, S13)."""
        for child in self.children.values():
            vitals = child.vitals
            if not child.is_running or vitals is None:
                continue
            busy_since = vitals.busy_since
            if child.loop_ended:
                self._died(child, "its thread ended without a word")
            elif busy_since is not None and self.now.machine_time - busy_since > self._hang_s:
                self._hung(child, f"in {vitals.message} for {self.now.machine_time - busy_since:.1f} s")
            elif vitals.mailbox.overflowed:
                self._hung(child, f"{vitals.mailbox.depth} messages waiting")
            elif (
                child.state is ChildState.STARTING
                and child.spec.role is not Role.SYMBOL
                and self.now.machine_time - child.started_at > RECOVERY_DEADLINE_S
            ):
                self._halt(f"{child.spec.name} did not recover within {RECOVERY_DEADLINE_S:g} s")

    def _start_due(self) -> None:
        """Start every child whose time has come, whose peers are there, and whose predecessor's thread has ended (S7)."""
        if self._ended:
            return
        for child in self.children.values():
            if child.state is not ChildState.WAITING or self._shutdown or self.now.machine_time < child.restart_at:
                continue
            if child.spec.role is Role.SYMBOL and self.now.machine_time - child.restart_at > self._hang_s:
                child.abandoned = True
            if not child.loop_ended:
                self.surroundings.wake_clock()
                continue
            if child.incarnation == 0 and any(
                self.children[peer].state is not ChildState.OK for peer in child.spec.depends_on
            ):
                continue
            self._start(child)

    def _start(self, child: Child) -> None:
        name = child.spec.name
        child.incarnation += 1
        child.state, child.abandoned, child.started_at = ChildState.STARTING, False, self.now.machine_time
        try:
            ref = child.spec.make(child.incarnation)
        except Exception as error:  # noqa: BLE001 - __init__ runs in our thread; its failure is the child's death (S19)
            child.ref, child.vitals = None, None
            self._died(child, f"could not be made: {error!r}")
            return
        child.ref, child.vitals = ref, vitals_of(ref)
        self.addresses[name].tell(SetMode(self.holds, self.now))
        if child.incarnation > 1:
            logger.info("{} is back as incarnation {}", name, child.incarnation)
        self._tell_dependants(child)

    def _tell_dependants(self, child: Child) -> None:
        if child.incarnation == 1:
            return
        for other in self.children.values():
            if other.is_running and other is not child:
                self.addresses[other.spec.name].tell(PeerRestarted(child.spec.name, child.incarnation))

    # --- failures ----------------------------------------------------------------------------------------------------------

    def _on_died(self, notice: Died) -> None:
        child = self.children.get(notice.name)
        if child is None or notice.incarnation != child.incarnation or not child.is_running:
            return
        logger.error("{}#{} crashed on {}: {}", notice.name, notice.incarnation, notice.message, notice.cause)
        logger.debug("{}", notice.detail)
        self.surroundings.board.publish(f"crash:{notice.name}", notice, self.now.machine_time)
        self._died(child, notice.cause)

    def _died(self, child: Child, cause: str) -> None:
        """Everything a death leads to, however it was noticed."""
        name = child.spec.name
        self.addresses[name].unbind()
        if child.ref is not None:
            child.ref.actor_stopped.set()
            pykka.ActorRegistry.unregister(child.ref)
        child.trouble = cause
        if self._shutdown:
            child.state = ChildState.STOPPED
            return
        was_recovering = child.state is ChildState.STARTING
        child.state = ChildState.WAITING
        if child.incarnation == 1 and was_recovering and child.spec.role is not Role.SYMBOL:
            self._halt(f"{name} could not start: {cause}")
            return
        decision = after_death(child.spec.role, child.budget, self._system_budget, cause, self.now.machine_time)
        if decision.verdict is Verdict.RESTART:
            child.restarts += 1
            child.restart_at = self.now.machine_time + decision.delay_s
            self._start_due()
        elif decision.verdict is Verdict.QUARANTINE:
            self._quarantine(child, f"{decision.why}; last: {cause}")
        else:
            self._halt(f"{name}: {decision.why}; last: {cause}")

    def _hung(self, child: Child, why: str) -> None:
        """A symbol is abandoned and counted as a crash; risk and broker must not get a sibling (S12)."""
        logger.error("{}#{} hangs: {}", child.spec.name, child.incarnation, why)
        self.surroundings.board.publish("hang", (child.spec.name, why), self.now.machine_time)
        if after_hang(child.spec.role) is Verdict.RESTART:
            child.abandoned = True
            self._died(child, f"hung {why}")
        else:
            self._halt(f"{child.spec.name} hangs: {why}")

    def _quarantine(self, child: Child, why: str) -> None:
        name = child.spec.name
        child.state = ChildState.QUARANTINED
        logger.error("{} is quarantined: {}", name, why)
        for level, scope in ((Level.HALTED, name), (Level.REDUCE_ONLY, ACCOUNT)):
            self.place(Hold(f"quarantine:{name}", level, scope, Reason.QUARANTINED, why, "supervisor"))

    def _halt(self, why: str) -> None:
        """HALTED because something that may trade cannot be trusted: the main thread cancels through the cold path and ends."""
        if self._ended:
            return
        self._ended = True
        logger.critical("HALTED: {}", why)
        self.place(Hold("system", Level.HALTED, ACCOUNT, Reason.MODE_HALTED, why, "supervisor"))
        self._publish()
        self._ending.cold(why)

    # --- modes -------------------------------------------------------------------------------------------------------------

    def place(self, hold: Hold) -> None:
        """Add a hold. One that cannot be kept on disk is announced all the same, and the system ends through the cold path."""
        self.modes.place(hold, self.now)
        self._judge_saving()

    def _judge_saving(self) -> None:
        unsaved = self.modes.unsaved
        if unsaved and not self._ended:
            self._halt(f"the holds cannot be saved: {unsaved}")

    @property
    def holds(self) -> HoldTable:
        """Return the holds in force."""
        return self.modes.table

    def _adopt(self, table: HoldTable, by: str) -> None:
        self.modes.adopt(table, by, self.now)
        self._judge_saving()

    def _on_ready(self, ready: Ready) -> None:
        child = self.children.get(ready.name)
        if child is None or child.incarnation != ready.incarnation or child.state is not ChildState.STARTING:
            return
        child.state = ChildState.OK
        if child.spec.role is Role.RISK and self.holds.has("starting"):
            self._adopt(self.holds.lift("starting", ACCOUNT), by="reconciliation")
        self._start_due()

    def _on_resume(self, message: Resume) -> None:
        risk = self.surroundings.board.read("risk")
        own = self.children["risk"].incarnation
        if risk is None or not risk[0].reconciled_clean or risk[0].incarnation != own:
            logger.warning("resume refused: the last reconciliation is not clean")
            return
        self._adopt(self.holds.resume(message.cause), by=message.by)
        for child in self.children.values():
            if child.state is ChildState.QUARANTINED and not self.holds.has(f"quarantine:{child.spec.name}"):
                self._revive(child, message.by)

    def _on_restart(self, message: RestartSymbol) -> None:
        """Let a symbol end after its current message and start anew; its positions and orders are risk's and stay."""
        child = self.children.get(message.symbol)
        if child is None or child.spec.role is not Role.SYMBOL or self._shutdown or self._ended:
            return
        if child.is_running:
            address = self.addresses[message.symbol]
            address.tell(StopChild())
            address.unbind()
        if child.state is not ChildState.QUARANTINED or not self.holds.has(f"quarantine:{message.symbol}"):
            self._revive(child, message.by)

    def _revive(self, child: Child, by: str) -> None:
        logger.info("{} starts anew, asked by {}", child.spec.name, by)
        child.state, child.restart_at = ChildState.WAITING, self.now.machine_time
        self._start_due()

    def _on_kill(self, message: Kill) -> None:
        self.place(Hold("kill", Level.HALTED, ACCOUNT, Reason.KILL_SWITCH, message.text, message.by))
        self._cancelling += 1
        self._asked_cancel = self.now.machine_time
        self.addresses.broker.tell(CancelAll(self._cancelling))

    def _on_all_cancelled(self, message: AllCancelled) -> None:
        if message.request_id == self._cancelling and message.remaining == 0:
            logger.info("the venue confirms: no order is open")
            self._cancelling = 0

    # --- stopping ----------------------------------------------------------------------------------------------------------

    def _begin_shutdown(self, by: str) -> None:
        if self._shutdown or self._ended:
            return
        logger.info("stopping on {}: cancelling our open orders", by)
        self._shutdown = ShutdownSteps(self.now.machine_time)
        self.modes.table = self.holds.place(
            Hold("stopping", Level.HALTED, ACCOUNT, Reason.MODE_HALTED, f"stopping on {by}", by)
        )
        self.modes.announce(self.now)

    def _continue_shutdown(self) -> None:
        steps = self._shutdown
        assert steps is not None
        for role in steps.to_stop(self.now.machine_time, self._roles_running()):
            for child in self.children.values():
                if child.spec.role is role and child.is_running:
                    self.addresses[child.spec.name].tell(StopChild())
                    child.state = ChildState.STOPPED
        if steps.finished(self.now.machine_time, self._roles_running()):
            self._ended = True
            self._publish()
            self._ending.stopped(steps.confirmed, steps.text)

    def _roles_running(self) -> frozenset[Role]:
        return frozenset(
            child.spec.role for child in self.children.values() if child.is_running or not child.loop_ended
        )

    def _publish(self) -> None:
        self.publish(
            SupervisorReport(
                holds=self.holds,
                children=tuple(report_of(child, self.now.machine_time) for child in self.children.values()),
                stopping=self._shutdown is not None,
                mode_since=self.modes.mode_since,
                mode_by=self.modes.mode_by,
            )
        )
