"""The only folder that knows Coinbase: authentication, wire shapes, REST and feeds."""
