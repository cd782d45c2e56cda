"""The event store: what the system knows durably. Rooms below it (market to risk) never import it."""
