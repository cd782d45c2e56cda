"""`python -m trader.exchange`: the exchange alone."""

from trader.exchange.server import main

raise SystemExit(main())
