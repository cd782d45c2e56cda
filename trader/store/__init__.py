"""The event store: what happened, written before it matters."""
