"""The terminal connector."""
