"""`python -m bot_host`."""

from bot_host.cli import main

main(prog_name="python -m bot_host")
