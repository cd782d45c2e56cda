"""The ground floor: what we know of the market. Imports nothing else of this project."""
