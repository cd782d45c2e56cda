"""Strategies for research. The live loop imports none of them unless the configuration names one; see registry.py."""

__experimental__ = True
