"""The embedded exchange: a Coinbase-compatible venue on loopback, its own process. Shares no code with the client."""
