"""What can be decided without a mailbox: market, orders, strategy, risk, and the adapters around them."""
