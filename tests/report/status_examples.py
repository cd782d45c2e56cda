"""Example statuses for the tests of trader/report: a healthy paper canary and a live one that lost its day's limit."""

from decimal import Decimal

import msgspec

from trader.orders.reason import Reason
from trader.report.status import (
    ActorStatus,
    DecisionStatus,
    FeedStatus,
    FlowStatus,
    GuardCount,
    MoneyStatus,
    OrderStatus,
    PositionStatus,
    RateStatus,
    StoreStatus,
    SystemStatus,
)
from trader.risk.holds import ACCOUNT, Hold, Level

NOW = 1_795_195_449.25
"""2026-11-20 17:24:09.25Z."""
SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD")


def healthy(**changes: object) -> SystemStatus:
    """Four symbols, one position, waiting for the trading window."""
    status = SystemStatus(
        utc_time=NOW,
        market_time=NOW,
        profile="canary",
        venue="coinbase",
        live=True,
        dry_run=False,
        mode=Level.NORMAL,
        mode_since=NOW - 11_510,
        holds=(),
        up_s=11_520.0,
        run_id="7f3c91",
        config_hash="9b1e" + "0" * 60,
        config_loaded_at=NOW - 11_520,
        symbols=SYMBOLS,
        money=_money(),
        rates=RateStatus(0, 6, 412, 5000, 0.04, 1.0, 44.2),
        positions=(_position(),),
        orders=(),
        decisions=tuple(_decision(symbol, index) for index, symbol in enumerate(SYMBOLS)),
        actors=tuple(_actor(name) for name in ("supervisor", "risk", "broker", *SYMBOLS)),
        feeds=FeedStatus(True, 0.3, True, 0.8, 0, 1, 41.5, 182.0, 0, 412),
        store=StoreStatus(1284, 2.0, 0.0, "ok", False, 3_100_000, 41_000_000_000),
        flow=FlowStatus(3376, 5, 4, 4, 0, 4, 212.0, Decimal("3.4"), 0),
        reasons={("BTC-USD", Reason.ENTRY_SENT): 4, ("ETH-USD", Reason.OPS_WINDOW_CLOSED): 3372},
        rejections={"filter_spread": 22, "entries_accepted": 4},
        guards={"daily_loss": GuardCount(1, 0)},
        places={"risk.max_daily_loss_usd": "config.toml:14", "filters.max_spread_bps": "config.toml:41"},
        dust="0.00000044 BTC (0.04 USD), left alone",
        nearest_miss="ETH-USD 14:52:10Z buy refused, SPREAD_TOO_WIDE 14 bp > 10 bp (config.toml:41)",
        window_opens_in_s=74_751.0,
    )
    return msgspec.structs.replace(status, **changes)


def reduce_only(**changes: object) -> SystemStatus:
    """The day's loss reached its limit."""
    hold = Hold(
        "daily_loss",
        Level.REDUCE_ONLY,
        ACCOUNT,
        Reason.DAILY_LOSS,
        "day loss 10.04 USD reached the limit 10.00",
        "risk",
        NOW - 1,
        NOW + 23_751,
    )
    money = msgspec.structs.replace(_money(), day_pnl_usd=Decimal("-10.04"))
    status = healthy(
        mode=Level.REDUCE_ONLY,
        mode_since=NOW - 1,
        holds=(hold,),
        money=money,
        last_action="cancelled 1 of 1 growing orders. BTC-USD +0.0021 kept.",
    )
    return msgspec.structs.replace(status, **changes)


def open_order(**changes: object) -> OrderStatus:
    """A resting exit, half filled."""
    order = OrderStatus(
        client_id="cb-81f2",
        symbol="BTC-USD",
        side="SELL",
        quantity=Decimal("0.0021"),
        filled=Decimal("0.001"),
        price=Decimal("91200.10"),
        state="OPEN",
        age_s=12.5,
    )
    return msgspec.structs.replace(order, **changes)


def _money() -> MoneyStatus:
    return MoneyStatus(
        equity_usd=Decimal("996.88"),
        day_pnl_usd=Decimal("-3.12"),
        day_price_usd=Decimal("-2.40"),
        day_fees_usd=Decimal("-0.61"),
        day_funding_usd=Decimal("-0.11"),
        day_loss_limit_usd=Decimal("10.00"),
        drawdown=Decimal("0.0031"),
        drawdown_limit=Decimal("0.02"),
        exposure_usd=Decimal("212.40"),
        exposure_limit_usd=Decimal("500.00"),
        leverage=Decimal("0.42"),
        leverage_limit=Decimal(1),
        realized_usd=Decimal("-2.00"),
        unrealized_usd=Decimal("-0.40"),
        fees_usd=Decimal("0.61"),
        funding_usd=Decimal("-0.11"),
    )


def _position() -> PositionStatus:
    return PositionStatus(
        symbol="BTC-USD",
        quantity=Decimal("0.0021"),
        entry_price=Decimal("91204.10"),
        mark=Decimal("91012.00"),
        mark_age_s=0.3,
        unrealized_usd=Decimal("-0.40"),
        protected_by="bot only (spot)",
        since=NOW - 10_382,
    )


def _decision(symbol: str, index: int) -> DecisionStatus:
    return DecisionStatus(symbol, "hold", Reason.OPS_WINDOW_CLOSED, "", 2.0, 3 - index, 841 + index)


def _actor(name: str) -> ActorStatus:
    trouble = "11:40Z socket closed, back in 1.8s" if name == "broker" else ""
    return ActorStatus(name, "ok", 0.3, 0, 14, 0.4, 0, 1 if trouble else 0, trouble, 0.9)
