"""The web server's sockets. They belong to the process, as signals do; `bot_host.web` serves on them."""

import asyncio
import errno
import socket
from typing import Final, Protocol

from bot_host.config.schema import Loaded, WebConfig
from bot_host.host import BotHost
from bot_host.types.errors import ConfigError

BACKLOG: Final = 128
NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""This machine lacks an address of a name: `localhost` is ::1, too, where IPv6 may be off."""


class PortInUse(ConfigError):
    """Another program, or another host, listens there."""


class Web(Protocol):
    """A web server as the process runs it."""

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""

    async def start(self) -> None:
        """Answer requests."""

    def drain(self) -> None:
        """The host is stopping: not ready, and no new messages."""

    async def stop(self) -> None:
        """Finish what is under way, close the sockets. Idempotent."""


class MakeWeb(Protocol):
    """Makes the web server; loads what it needs only then."""

    def __call__(
        self, host: BotHost, config: WebConfig, sockets: list[socket.socket], *, loaded: Loaded | None = None
    ) -> Web:
        """On sockets that listen; they are its own from here on."""


def keeps_running(config: WebConfig) -> bool:
    """Whether the web server is reason enough for the process to run: somebody gave it a token.

    Without one it accompanies what else is on, and ends with it.
    """
    return config.enabled and bool(config.token)


def reached_at(config: WebConfig, own: str = "") -> str:
    """Where platforms reach the web server, without a slash at the end.

    `own`: its address, once it has one.
    """
    return config.public_url or own or own_address(config, config.port)


def own_address(config: WebConfig, port: int) -> str:
    """Where it answers on this machine, without a slash at the end."""
    name = config.host.strip().strip("[]")
    return f"http://{f'[{name}]' if ':' in name else name or '0.0.0.0'}:{port}"


async def listen(config: WebConfig) -> list[socket.socket]:
    """Sockets that listen at `web.host` and `web.port`, all on one port. Raises ConfigError."""
    name = config.host.strip().strip("[]")
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(
            name or None, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise ConfigError(
            f'web.host: "{config.host}" is no address of this machine ({error.strerror}); '
            'the default is "127.0.0.1"'
        ) from None
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            port = sockets[0].getsockname()[1] if sockets else config.port
            try:
                sockets.append(_listening(family, kind, protocol, (address[0], port, *address[2:])))
            except OSError as error:
                if error.errno not in NOT_HERE:
                    raise
                missing = error
        if not sockets and missing is not None:
            raise missing
    except OSError as error:
        close_all(sockets)
        fault = PortInUse if error.errno == errno.EADDRINUSE else ConfigError
        raise fault(_advice(config, error)) from None
    return sockets


def _listening(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, kind, protocol)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # IPv4 has a socket of its own.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def close_all(sockets: list[socket.socket]) -> None:
    """Close them."""
    for each in sockets:
        each.close()


def _advice(config: WebConfig, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"web.port: {config.port} at {config.host} is in use, perhaps by another Bot Host; stop that "
            "program, or set web.port (API_PORT) to another one, 0 for any free one, or web.enabled = false"
        )
    if error.errno == errno.EACCES:
        return f"web.port: this user may not listen on {config.port}; set web.port to one from 1024 on"
    if error.errno in NOT_HERE:
        return f'web.host: "{config.host}" is no address of this machine; the default is "127.0.0.1"'
    return f"web.port: cannot listen on {config.port} at {config.host}: {error.strerror}"
