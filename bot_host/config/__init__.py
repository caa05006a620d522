"""Floor 3: the configuration and the character files, read and checked."""
