"""Floor 7: from a config file to a host."""
