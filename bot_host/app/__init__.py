"""Floor 7: the composition root. Configuration to host, signals, exit codes, the self-check."""
