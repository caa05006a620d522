"""Floor 1: the nouns of the design."""
