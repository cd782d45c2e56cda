"""Thin shells around `trader/`: who owns what, who tells whom, and what happens when one of them dies."""
