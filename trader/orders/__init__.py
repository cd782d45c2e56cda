"""What we have asked for and what we own. Imports market only."""
