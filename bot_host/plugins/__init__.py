"""The built-in plugins. They use `bot_host.plugin` like a stranger's would."""
