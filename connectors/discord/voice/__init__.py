"""Discord's voice channels: joining on request, and saying answers aloud. Only with `voice = true`."""
