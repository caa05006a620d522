"""The discord connector."""
