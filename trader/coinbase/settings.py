"""What the Coinbase room is told by config.toml: REST pacing and retries, and the feed's reconnects, as frozen records.

Built by trader/config; read by trader/coinbase and the broker actor. `_s` is seconds of the machine's clock.
"""

import msgspec


class RestSettings(msgspec.Struct, frozen=True, gc=False):
    """Request rates, retries and time-outs of the REST client; `[rest]`. Retries never resend an order POST."""

    rate_limit_per_minute: int = 100
    enable_throttle: bool = True
    hourly_budget: int = 10_000
    enable_keep_alive: bool = True
    max_retries: int = 3
    retry_delay_s: float = 1.0
    jitter_factor: float = 0.1
    connect_timeout_s: float = 3.0


class FeedSettings(msgspec.Struct, frozen=True, gc=False):
    """Whether market data streams, and the back-off between connections; `[feed]`."""

    streaming: bool = True
    reconnect_base_s: float = 1.0
    reconnect_cap_s: float = 60.0
