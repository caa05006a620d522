"""Bots without a host: the platform's library and the openai package, as their quick starts show them."""
