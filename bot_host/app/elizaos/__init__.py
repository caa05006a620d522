"""What an elizaOS database holds, taken over."""
