"""Floor 0: tools that know nothing of agents, platforms or messages."""
