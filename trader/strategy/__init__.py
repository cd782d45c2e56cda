"""What we would like to do. Imports market and orders."""
