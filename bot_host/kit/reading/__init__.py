"""Documents as fragments: what they are, what stands in them, and where to cut. Knows nothing of agents."""
