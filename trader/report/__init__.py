"""What people and machines read: screens, health, metrics, alerts."""
