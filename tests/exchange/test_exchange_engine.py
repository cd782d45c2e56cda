"""Orders at the exchange: lifecycles, holds, fees and refusals, on scripted markets."""

from __future__ import annotations

from decimal import Decimal

from exchange_world import ORIGIN, ScriptedPath, World
from hypothesis import HealthCheck, given, settings, strategies as st

from trader.exchange.records import Order, Status
from trader.exchange.stamps import iso

BTC = "BTC-USD"
FLAT = ("BTC-USD", ScriptedPath((0.0, 20_000.0)))


def _top(world: World, *, bid: bool) -> Decimal:
    ladder = world.exchange.market(BTC).ladder
    best = ladder.half(is_bid=bid).best()
    assert best is not None
    return world.listings[BTC].price_of(best)


def test_a_market_buy_by_money_spends_fee_and_value_within_its_amount() -> None:
    """Quote size includes the fee; what is not spent comes back; base arrives in full."""
    world = World(FLAT)
    order = world.order(world.placed(BTC, "BUY", "market_market_ioc", quote_size="100"))
    assert order.status is Status.FILLED
    assert order.fees == (order.filled_value * Decimal("0.009")).quantize(Decimal("1e-16"))
    assert Decimal("99.99999") < order.filled_value + order.fees <= 100
    available, held = world.money("USD")
    assert (available, held) == (10_000 - order.filled_value - order.fees, 0)
    assert world.money("BTC") == (order.filled_size, 0)


def test_a_resting_buy_holds_its_worst_cost_and_gives_it_back_when_cancelled() -> None:
    """Price times size plus taker fee is held; a cancel is queued first and done at the next tick."""
    world = World(FLAT)
    order = world.placed(BTC, "BUY", "limit_limit_gtc", base_size="0.1", limit_price="19000.00", post_only=True)
    assert world.money("USD") == (10_000 - Decimal("1917.1"), Decimal("1917.1"))
    assert world.exchange.cancel(order.order_id, world.now) == "UNKNOWN_CANCEL_FAILURE_REASON"
    assert world.order(order).status is Status.CANCEL_QUEUED
    world.run(1)
    assert world.order(order).status is Status.CANCELLED
    assert world.money("USD") == (10_000, 0)
    assert world.exchange.cancel(order.order_id, world.now) == "INVALID_CANCEL_REQUEST"
    assert world.exchange.cancel("nobody", world.now) == "UNKNOWN_CANCEL_ORDER"


def test_a_maker_is_filled_at_its_own_price_when_the_market_crosses_it() -> None:
    """The book falls through a resting bid: filled at the limit, maker fee, the difference of the hold released."""
    world = World(("BTC-USD", ScriptedPath((0.0, 20_000.0), (5.0, 19_900.0))))
    order = world.placed(BTC, "BUY", "limit_limit_gtc", base_size="0.1", limit_price="19950.00", post_only=True)
    world.run(4)
    assert world.order(order).status is Status.OPEN
    world.run(2)
    filled = world.order(order)
    assert (filled.status, filled.average_price, filled.fees) == (Status.FILLED, Decimal(19_950), Decimal("9.975"))
    assert world.money("USD") == (10_000 - Decimal(1995) - Decimal("9.975"), 0)


def test_an_order_at_the_touch_waits_for_the_queue_ahead_of_it() -> None:
    """Prints at its price first serve who was there before; only then does it fill, in parts."""
    world = World(("BTC-USD", ScriptedPath((0.0, 20_000.0), volume_per_s=0.8)))
    bid = _top(world, bid=True)
    order = world.placed(BTC, "BUY", "limit_limit_gtc", base_size="0.3", limit_price=str(bid), post_only=True)
    queue = world.order(order).queue_ahead
    assert queue > 0
    sold, seen = Decimal(0), set()
    for _ in range(200):
        world.run(1)
        trades = [trade for trade in world.exchange.market(BTC).trades if trade.time == world.now]
        sold += sum((trade.size for trade in trades if trade.maker_side == "BUY" and trade.price == bid), Decimal(0))
        now = world.order(order)
        assert now.filled_size <= max(Decimal(0), sold - min(queue, sold) + queue)
        seen.add(now.status)
        if now.status is Status.FILLED:
            break
    assert world.order(order).status is Status.FILLED
    assert all(fill.is_maker and fill.price == bid for fill in world.exchange.ledger.fills)


def test_an_ioc_beyond_the_book_fills_what_is_there_and_cancels_the_rest() -> None:
    """Immediate-or-cancel at a tight limit takes one level and ends CANCELLED with its partial fill kept."""
    world = World(FLAT, money={"USD": "10000000"})
    ask = _top(world, bid=False)
    size = world.exchange.market(BTC).ladder.asks.size_at(int(ask * 100))
    order = world.placed(BTC, "BUY", "sor_limit_ioc", base_size=str(size + 1), limit_price=str(ask))
    after = world.order(order)
    assert (after.status, after.filled_size) == (Status.CANCELLED, size)
    assert world.money("USD")[1] == 0


def test_fill_or_kill_is_all_or_nothing() -> None:
    """More than the level holds: nothing; as much as it holds: everything."""
    world = World(FLAT, money={"USD": "10000000"})
    ask = _top(world, bid=False)
    size = world.exchange.market(BTC).ladder.asks.size_at(int(ask * 100))
    killed = world.order(world.placed(BTC, "BUY", "limit_limit_fok", base_size=str(size + 1), limit_price=str(ask)))
    assert (killed.status, killed.filled_size) == (Status.CANCELLED, 0)
    filled = world.order(world.placed(BTC, "BUY", "limit_limit_fok", base_size=str(size), limit_price=str(ask)))
    assert (filled.status, filled.filled_size) == (Status.FILLED, size)


def test_a_gtd_order_expires_on_the_market_clock() -> None:
    """At its end time the order is EXPIRED and its hold is free."""
    world = World(FLAT)
    ends = iso(ORIGIN + 10)
    order = world.placed(BTC, "BUY", "limit_limit_gtd", base_size="0.1", limit_price="19000.00", end_time=ends)
    world.run(9)
    assert world.order(order).status is Status.OPEN
    world.run(1)
    after = world.order(order)
    assert (after.status, after.cancel_message) == (Status.EXPIRED, "Order expired")
    assert world.money("USD") == (10_000, 0)


def test_a_repeated_client_id_returns_the_first_order_and_creates_nothing() -> None:
    """The ledger shows both arrivals, one order, and the second as a duplicate."""
    world = World(FLAT)
    first = world.placed(BTC, "BUY", "limit_limit_gtc", base_size="0.1", limit_price="19000.00", client_id="same")
    second = world.placed(BTC, "BUY", "limit_limit_gtc", base_size="0.2", limit_price="18000.00", client_id="same")
    assert second.order_id == first.order_id
    assert len(world.exchange.orders) == 1
    assert [arrival.outcome for arrival in world.exchange.ledger.arrivals] == ["accepted", "duplicate"]
    world.exchange.duplicate_is_error = True
    reason = world.refused(BTC, "BUY", "limit_limit_gtc", base_size="0.2", limit_price="18000.00", client_id="same")
    assert reason == "DUPLICATE_CLIENT_ORDER_ID"


def test_a_stop_waits_for_the_last_trade_and_then_works_as_a_limit() -> None:
    """A stop sell fires when a print reaches it, sells at its limit or better, and never before."""
    world = World(("BTC-USD", ScriptedPath((0.0, 20_000.0), (10.0, 19_890.0), volume_per_s=0.5)))
    world.placed(BTC, "BUY", "market_market_ioc", base_size="0.1")
    order = world.placed(
        BTC, "SELL", "stop_limit_stop_limit_gtc", base_size="0.1", limit_price="19800.00", stop_price="19900.00",
        stop_direction="STOP_DIRECTION_STOP_DOWN",
    )  # fmt: skip
    world.run(9)
    assert world.order(order).trigger == "STOP_PENDING"
    world.run(3)
    after = world.order(order)
    assert (after.status, after.trigger) == (Status.FILLED, "STOP_TRIGGERED")
    assert after.average_price >= 19_800


def test_a_bracket_takes_profit_or_stops_whichever_comes_first() -> None:
    """Attached to an entry, the child rests as a sell at the target; when the stop prints it sells through the book."""
    for target, expected in ((20_100.0, Decimal(20_100)), (19_800.0, None)):
        world = World(("BTC-USD", ScriptedPath((0.0, 20_000.0), (10.0, target + 5), volume_per_s=0.5)))
        attached = {"trigger_bracket_gtc": {"limit_price": "20100.00", "stop_trigger_price": "19900.00"}}
        parent = world.placed(BTC, "BUY", "sor_limit_ioc", base_size="0.1", limit_price="20050.00", attached=attached)
        child = world.exchange.orders[world.order(parent).attached_order_id]
        assert (child.status, child.originating_order_id) == (Status.OPEN, parent.order_id)
        world.run(14)
        after = world.order(child)
        assert after.status is Status.FILLED
        assert after.average_price == expected if expected else after.average_price < 19_900


def test_own_orders_never_trade_with_each_other() -> None:
    """A sell that would meet the own resting buy cancels the older order instead."""
    world = World(FLAT)
    world.placed(BTC, "BUY", "market_market_ioc", base_size="0.2")
    bid = _top(world, bid=True)
    resting = world.placed(BTC, "BUY", "limit_limit_gtc", base_size="0.1", limit_price=str(bid))
    world.placed(BTC, "SELL", "sor_limit_ioc", base_size="0.1", limit_price=str(bid - 50))
    assert (world.order(resting).status, world.order(resting).cancel_message) == (
        Status.CANCELLED,
        "Self trade prevention",
    )


_ACTION = st.one_of(
    st.tuples(st.just("market"), st.sampled_from(["BUY", "SELL"]), st.integers(1, 4000)),
    st.tuples(st.just("limit"), st.sampled_from(["BUY", "SELL"]), st.integers(-300, 300)),
    st.tuples(st.just("ioc"), st.sampled_from(["BUY", "SELL"]), st.integers(-100, 100)),
    st.tuples(st.just("quote"), st.just("BUY"), st.integers(1, 3000)),
    st.tuples(st.just("cancel"), st.just(""), st.integers(0, 20)),
    st.tuples(st.just("edit"), st.just(""), st.integers(0, 20)),
    st.tuples(st.just("run"), st.just(""), st.integers(1, 5)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_ACTION, min_size=1, max_size=40), st.lists(st.integers(19_800, 20_200), min_size=1, max_size=30))
def test_no_money_is_made_or_lost_whatever_is_asked(actions: list[tuple[str, str, int]], prices: list[int]) -> None:
    """After any session wallets equal the opening money plus the fills, holds equal those of live orders, and nothing
    is negative.
    """
    path = ScriptedPath(
        *((float(at * 3), float(price)) for at, price in enumerate([20_000, *prices])), volume_per_s=2.0
    )
    world = World(("BTC-USD", path), money={"USD": "10000", "BTC": "0.5"})
    for action, side, number in actions:
        _act(world, action, side, number)
    ledger = world.exchange.ledger
    spent = sum((fill.value * (1 if fill.side == "BUY" else -1) + fill.commission for fill in ledger.fills), Decimal(0))
    gained = sum((fill.size * (1 if fill.side == "BUY" else -1) for fill in ledger.fills), Decimal(0))
    usd, btc = world.exchange.accounts.wallet("USD"), world.exchange.accounts.wallet("BTC")
    assert usd.total == 10_000 - spent
    assert btc.total == Decimal("0.5") + gained
    assert usd.hold == sum((order.hold for order in ledger.live() if order.is_buy), Decimal(0))
    assert btc.hold == sum((order.hold for order in ledger.live() if not order.is_buy), Decimal(0))
    assert min(usd.available, usd.hold, btc.available, btc.hold) >= 0
    for order in ledger.orders.values():
        _agrees_with_its_fills(world, order)


def _act(world: World, action: str, side: str, number: int) -> None:
    ids = list(world.exchange.orders)
    price = f"{20_000 + number:.2f}"
    if action == "run":
        world.run(number)
    elif action == "market":
        world.place(BTC, side, "market_market_ioc", base_size=f"{number / 10_000:.4f}")
    elif action == "quote":
        world.place(BTC, side, "market_market_ioc", quote_size=str(number))
    elif action in {"limit", "ioc"}:
        name = "limit_limit_gtc" if action == "limit" else "sor_limit_ioc"
        world.place(BTC, side, name, base_size="0.05", limit_price=price)
    elif ids and action == "cancel":
        world.exchange.cancel(ids[number % len(ids)], world.now)
    elif ids:
        world.exchange.edit(ids[number % len(ids)], Decimal(19_900 + number), Decimal("0.07"), world.now)


def _agrees_with_its_fills(world: World, order: Order) -> None:
    fills = [fill for fill in world.exchange.ledger.fills if fill.order_id == order.order_id]
    assert order.filled_size == sum((fill.size for fill in fills), Decimal(0))
    assert order.filled_value == sum((fill.value for fill in fills), Decimal(0))
    assert order.fees == sum((fill.commission for fill in fills), Decimal(0))
    assert order.fill_count == len(fills)
    if order.limit_price is not None and not order.edits:
        assert all(
            fill.price <= order.limit_price if order.is_buy else fill.price >= order.limit_price for fill in fills
        )
    assert order.base_size is None or order.filled_size <= order.base_size
    assert order.hold == 0 or not order.status.is_final
