"""What one device goes through: loading, first boot, checks, and what its operator asks of it."""
