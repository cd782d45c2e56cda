"""What we are allowed to do. Imports market, orders and strategy."""
