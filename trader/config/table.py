"""Every configuration key with its kind, default, range, safe direction and meaning; only trader/config imports this.

A row is: path, kind, default, range or choices, safer direction, when a change applies; the line below is the meaning.
The upper end of a range is a hard ceiling of the product: no file, flag or environment variable can pass it. Tighter
ceilings of single profiles stand in `rules.py`. A range ending in `,0` also takes 0, which switches the limit off.
"""

from decimal import Decimal

from trader.config.key import Key, Kind, Safer, Value

_ROWS = """
venue                                choice     coinbase         coinbase|paper              -         start
    Where orders go; live trading also needs credentials and --live.
symbols                              symbols    BTC-USD,ETH-USD  -                           -         start
    What is traded; a perpetual becomes its spot pair while derivatives are gated.
start_mode                           choice     normal           normal|reduce_only          -         start
    The mode after a clean start; reduce_only manages exits and opens nothing.
trading_window                       window     -                -                           narrower  now
    Hours of the UTC day in which entries are allowed; exits never wait for it.
log_level                            choice     INFO             DEBUG|INFO|WARNING|ERROR    -         now
    The lowest level of log records on the console and in the file.
status_interval_s                    seconds    30               1..86400                    -         now
    Time between two status screens on the console.

strategy.name   choice   ma_cross   ma_cross|rsi_reversion|donchian|multi_timeframe|market_regime|*.py   -   start
    Which strategy decides.
strategy.bar_seconds                 count      5                1..86400                    -         start
    Length of a bar of the market's clock; entries are decided on closed bars.
strategy.short_ma_period             count      5                2..50                       -         start
    Closed bars in the fast moving average; below the slow one. Presets: 3 in a volatile market, 5 trending, 10 ranging.
strategy.long_ma_period              count      20               10..200                     -         start
    Closed bars in the slow moving average; above the fast one. Presets: 10 in a volatile market, 20 trending, 50 ranging.
strategy.epsilon_bps                 number     1                0..100                      -         now
    The averages must differ by this much before a cross counts.
strategy.confirmation_bars           count      0                0..20                       -         now
    Closed bars a cross must last before it counts.
strategy.require_rsi_confirmation    switch     false            -                           on        now
    Refuse a long above rsi_overbought and a short below rsi_oversold; an unknown RSI refuses both.
strategy.rsi_period                  count      14               2..100                      -         start
    Closed bars over which the RSI is smoothed.
strategy.rsi_overbought              number     70               50..100                     lower     now
    RSI above which no long is opened.
strategy.rsi_oversold                number     30               0..50                       higher    now
    RSI below which no short is opened.
strategy.trailing_stop_pct           fraction   0.01             0.005..0.05                 lower     now
    Exit when the mark falls this far from its best since entry.
strategy.enable_shorts               switch     false            -                           off       now
    Allow short entries on derivatives; never on spot.
strategy.max_adds                    count      1                1..10                       lower     now
    Entries per side including the first; 1 means no pyramiding.
strategy.disable_new_entries         switch     false            -                           on        now
    Refuse every entry and keep managing exits.
strategy.cooldown_s                  seconds    0                0..86400                    higher    now
    Rest after an order of the same symbol before the next entry.

filters.max_spread_bps               number     10               0.1..500                    lower     now
    Entries only while the spread is at most this.
filters.min_depth_l1_usd             number     50000            0..1000000000               higher    now
    Entries only with this much at the best level of the side that would be taken.
filters.min_depth_l10_usd            number     200000           0..1000000000               higher    now
    Entries only with this much in the ten best levels.
filters.min_volume_1m_usd            number     100000           0..1000000000               higher    now
    Entries only when this much traded in the last minute.

sizing.method                        choice     fraction  fraction|fixed|full_leverage|kelly|volatility_target - now
    How large an entry wants to be; every method is cut down to the tightest cap.
sizing.position_fraction             fraction   0.05             0.001..1                    lower     now
    Part of equity, times target_leverage, for one entry of method fraction.
sizing.target_leverage               number     2                1..5                        lower     now
    Leverage aimed at; lowered to the caps with a note, never refused for it. Presets: 1 testing, 2 conservative, 3 aggressive.
sizing.fixed_base                    quantity   -                0.00000001..1000000         lower     now
    Base quantity of one entry of method fixed.

risk.kill_switch_enabled             switch     false            -                           on        now
    Refuse every order except an operator's flatten, and cancel what is open.
risk.reduce_only_mode                switch     false            -                           on        now
    Refuse every order that would open or grow a position.
risk.force_exit_on_reduce_only       switch     false            -                           on        now
    Close positions when the whole account becomes reduce-only.
risk.leverage_max_global             number     5                1..10                       lower     now
    Leverage cap of the account; the lowest of all caps counts.
risk.leverage_max                    number     3                1..10                       lower     now
    Leverage cap of the profile.
risk.leverage_max_per_symbol         per_symbol -                1..10                       lower     now
    Leverage cap of single symbols.
risk.max_position_usd                number     5000             1..1000000                  lower     now
    Largest position of one symbol, open and reserved orders counted.
risk.max_position_base               per_symbol -                0.00000001..1000000         lower     now
    Largest position of single symbols in base units; the tighter of this and the USD cap counts.
risk.max_position_pct_per_symbol     fraction   0.20             0.001..1                    lower     now
    Largest part of equity in one symbol.
risk.max_exposure_pct                fraction   0.80             0.001..1                    lower     now
    Largest part of equity in all positions together.
risk.max_order_notional_usd          number     5000             1..1000000                  lower     now
    Largest single order.
risk.notional_caps_usd               per_symbol -                1..1000000                  lower     now
    Largest position of single symbols in USD.
risk.max_daily_loss_pct              fraction   0.05             0.001..0.20                 lower     now
    Reduce-only when the UTC day's loss reaches this part of the day's opening equity.
risk.max_daily_loss_usd              number     0                0.01..10000,0               lower     now
    Reduce-only when the UTC day's loss reaches this; the first of the two limits counts.
risk.max_drawdown_pct                fraction   0.10             0.001..0.50                 lower     now
    Reduce-only when equity falls this far from its peak.
risk.entry_liquidation_buffer_pct    fraction   0.20             0.01..1                     higher    now
    Entries only while the mark would be this far from liquidation.
risk.min_liquidation_buffer_pct      fraction   0.15             0.01..1                     higher    now
    A symbol nearer to liquidation than this becomes reduce-only.
risk.entry_slippage_bps              number     15               0.1..500                    lower     now
    Entries only when walking the book costs at most this.
risk.slippage_guard_bps              number     50               0.1..500                    lower     now
    No order that is not an exit may cost more than this in the book.
risk.price_collar_pct                fraction   0.01             0.0005..0.10                lower     now
    Orders are priced at most this far from risk's own mark.
risk.max_open_orders_per_symbol      count      4                1..20                       lower     now
    Open, reserved and unknown orders of one symbol.
risk.max_open_orders                 count      40               1..200                      lower     now
    Open, reserved and unknown orders together.
risk.order_max_age_s                 seconds    120              5..86400                    lower     now
    A resting entry ends after this.
risk.max_orders_per_minute           count      30               1..300                      lower     now
    Orders approved within 60 s; exits and cancels have their own budget.
risk.repeat_limit                    count      5                1..60                       lower     now
    Orders of the same symbol and side within 60 s.
risk.duplicate_window_s              seconds    5                0..300                      higher    now
    The same order again within this is refused.
risk.consecutive_losses              count      3                1..20                       lower     now
    Reduce-only after this many losing exits in a row.
risk.error_rate_pct                  fraction   0.50             0.05..1                     lower     now
    Halt when more than this part of recent venue calls failed.
risk.error_rate_min_samples          count      10               5..1000                     lower     now
    Calls needed before the error rate is believed.
risk.stale_mark_s                    seconds    30               1..300                      lower     now
    A symbol whose mark is older becomes reduce-only.
risk.feed_dead_s                     seconds    3                1..60                       lower     now
    Entries are refused without a heartbeat for this long.
risk.user_feed_dead_s                seconds    10               1..300                      lower     now
    With a position open, the account is reduce-only without the user feed for this long.
risk.volatility.sample_seconds       seconds    60               1..86400                    -         start
    Time between two samples of volatility on the market's clock.
risk.volatility.window               count      30               5..1000                     -         start
    Samples in the volatility estimate.
risk.volatility.warn                 number     0.8              0.01..100                   lower     now
    Annualized volatility (0.8 is 80 %) that raises a warning.
risk.volatility.reduce_only          number     1.2              0.01..100                   lower     now
    Annualized volatility that makes a symbol reduce-only.
risk.volatility.halt                 number     2.0              0.01..100                   lower     now
    Annualized volatility that pauses a symbol altogether.
risk.volatility.cooldown_s           seconds    1800             0..86400                    higher    now
    How long a volatility hold lasts after the last reading above its threshold.
risk.max_correlation                 fraction   0.9              0.1..1                      lower     now
    No entry in a symbol that moves this closely with an open position.
risk.first_live_orders_at_minimum    count      0                0..100                      higher    start
    How many first live orders go out at the venue's minimum size.

execution.order_type                 choice     market           market|limit                -         now
    Kind of entry orders; a market order still has a highest price.
execution.time_in_force              choice     IOC              IOC|GTC                     -         now
    How long an order may rest; GTC needs order_type limit.
execution.post_only                  switch     false            -                           -         now
    Refuse to take liquidity; needs order_type limit and time_in_force GTC.
execution.preview                    switch     false            -                           on        now
    Ask the venue to preview each order first.
execution.approval_ttl_s             seconds    2                0.1..5                      lower     start
    How long an approval may be used.
execution.post_deadline_s            seconds    10               1..30                       lower     start
    Total time allowed for one order POST.
execution.visibility_delay_s         seconds    5                1..60                       higher    start
    Time after which a placed order must be visible at the venue.

rest.rate_limit_per_minute           count      100              10..600                     lower     start
    REST requests within a minute.
rest.enable_throttle                 switch     true             -                           on        start
    Wait for the rate limits instead of running into the venue's.
rest.hourly_budget                   count      10000            100..36000                  lower     start
    REST requests within an hour.
rest.enable_keep_alive               switch     true             -                           -         start
    Keep connections open between requests.
rest.max_retries                     count      3                0..10                       -         start
    Further tries of a request that may be repeated; an order POST never is.
rest.retry_delay_s                   seconds    1.0              0..60                       -         start
    Wait before the first retry; doubled for each further one.
rest.jitter_factor                   ratio      0.1              0..1                        -         start
    Spread of the retry delays.
rest.connect_timeout_s               seconds    3                0.1..30                     -         start
    Time allowed to open a connection.

feed.streaming                       switch     true             -                           -         start
    Stream market data; off means polling.
feed.reconnect_base_s                seconds    1                0.05..60                    -         start
    Wait before the first reconnect; doubled for each further one.
feed.reconnect_cap_s                 seconds    60               1..600                      -         start
    Longest wait between two reconnects.

reconcile.interval_s                 seconds    30               5..3600                     lower     start
    Time between two comparisons of our books with the venue's.

supervision.symbol_budget.restarts   count      3                0..20                       lower     start
    Restarts of one symbol within its window before it is quarantined.
supervision.symbol_budget.window_s   seconds    300              10..86400                   higher    start
    The window of the symbols' restart budget.
supervision.broker_budget.restarts   count      3                0..20                       lower     start
    Restarts of the broker within its window before the system halts.
supervision.broker_budget.window_s   seconds    600              10..86400                   higher    start
    The window of the broker's restart budget.
supervision.risk_budget.restarts     count      2                0..20                       lower     start
    Restarts of risk within its window before the system halts.
supervision.risk_budget.window_s     seconds    600              10..86400                   higher    start
    The window of risk's restart budget.
supervision.hang_s                   seconds    5                1..60                       lower     start
    Time in one handler after which an actor counts as hung.

paper.equity_usd                     number     10000            1..1000000000               -         start
    Starting equity of the paper account; only in a paper table.
paper.maker_fee                      fraction   0.005            0..0.1                      -         start
    Fee of resting orders on the embedded exchange; only in a paper table.
paper.taker_fee                      fraction   0.009            0..0.1                      -         start
    Fee of taking orders on the embedded exchange; only in a paper table.
"""


def _default(kind: Kind, text: str) -> Value:
    if kind is Kind.SWITCH:
        return text == "true"
    if kind is Kind.COUNT:
        return int(text)
    if kind in (Kind.NUMBER, Kind.FRACTION):
        return Decimal(text)
    if kind in (Kind.SECONDS, Kind.RATIO):
        return float(text)
    if kind is Kind.SYMBOLS:
        return tuple(text.split(","))
    if kind is Kind.PER_SYMBOL:
        return {}
    return None if text == "-" else text


def _key(row: str, doc: str) -> Key:
    path, kind_text, default, allowed, safer, applies = row.split()
    kind = Kind(kind_text)
    bounds, _, zero = allowed.partition(",")
    low, dots, high = bounds.partition("..")
    assert applies in ("now", "start"), row
    return Key(
        path=path,
        kind=kind,
        default=_default(kind, default),
        low=Decimal(low) if dots else None,
        high=Decimal(high) if dots else None,
        choices=tuple(allowed.split("|")) if kind is Kind.CHOICE else (),
        safer=Safer(safer),
        zero_is_off=zero == "0",
        at_once=applies == "now",
        doc=doc.strip(),
    )


def _read(rows: str) -> dict[str, Key]:
    lines = [line for line in rows.splitlines() if line]
    keys = [_key(row, doc) for row, doc in zip(lines[::2], lines[1::2], strict=True)]
    table = {key.path: key for key in keys}
    assert len(table) == len(keys), "a key stands in the table twice"
    return table


KEYS = _read(_ROWS)
"""Path -> key, in the order in which files and explanations list them."""

TABLES = frozenset(path.rpartition(".")[0] for path in KEYS if "." in path) | {"risk", "supervision"}
"""The dotted names of tables: "strategy", "risk.volatility"."""

PAPER_LEAVES = {key.leaf: path for path, key in KEYS.items() if path.startswith("paper.")}
"""Names that stand directly in a paper table -> their path."""
