"""Voice at the fake Discord: a voice gateway, and a UDP port that takes sound.

    async with FakeDiscord() as fake, VoiceServer(fake) as voice:
        fake.sit(guild, channel, ada)
        ...  # the bot joins
        await fake.wait_until(lambda: voice.heard, "sound")

https://docs.discord.com/developers/topics/voice-connections. Connections are TLS, as Discord's are: the
client library trusts `loopback.pem` for as long as the tests run. Calls are not end-to-end encrypted
(protocol version 0), but who cannot do that is refused, as Discord does since March 2026.
"""

import asyncio
import json
import secrets
import ssl
import struct
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast

import aiohttp.connector
import nacl.exceptions
import nacl.secret
from aiohttp import WSMsgType, web

from tests.fakes.discord_model import Json

if TYPE_CHECKING:
    from tests.fakes.discord import FakeDiscord

PEM: Final = Path(__file__).with_name("loopback.pem")
MODE: Final = "aead_xchacha20_poly1305_rtpsize"
SILENCE: Final = b"\xf8\xff\xfe"
"""What is sent five times at the end, so that nobody's decoder goes on by itself."""


class _Sink(asyncio.DatagramProtocol):
    def __init__(self, server: "VoiceServer") -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        assert self._transport is not None
        if len(data) == 74 and data[:4] == struct.pack(">HH", 1, 70):
            head = struct.pack(">HHI", 2, 70, self._server.ssrc)
            address = str(addr[0]).encode().ljust(64, b"\0")
            self._transport.sendto(head + address + struct.pack(">H", addr[1]), addr)
        else:
            self._server.take(data)


class VoiceServer:
    """A voice gateway of version 8 with its UDP port."""

    def __init__(self, fake: "FakeDiscord") -> None:
        self._fake = fake
        self.token = secrets.token_hex(8)
        self.ssrc = 4711
        self.endpoint = ""
        self.identifies: list[Json] = []
        self.resumes: list[Json] = []
        self.speaking: list[int] = []
        """The flags that the bot sent: 1 speaks, 0 is silent."""
        self.packets: list[bytes] = []
        """What came as sound, decrypted: Opus."""
        self.stamps: list[tuple[int, int]] = []
        """Sequence number and timestamp of each."""
        self.bad_packets = 0
        self.connections: list[web.WebSocketResponse] = []
        self._key = secrets.token_bytes(32)
        self._runner: web.AppRunner | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self._udp_port = 0
        self._seq = 0

    async def __aenter__(self) -> Self:
        trusted = aiohttp.connector._SSL_CONTEXT_VERIFIED
        assert trusted is not None
        trusted.load_verify_locations(PEM)
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Sink(self), local_addr=("127.0.0.1", 0))
        self._udp_port = self._udp.get_extra_info("sockname")[1]
        app = web.Application()
        app.router.add_get("/", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=1.0)
        await self._runner.setup()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(PEM)
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        assert site._server is not None
        self.endpoint = f"127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
        self._fake.voice = self
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._fake.voice = None
        await self.drop(1001)
        if self._runner is not None:
            await self._runner.cleanup()
        if self._udp is not None:
            self._udp.close()

    async def drop(self, code: int) -> None:
        """Close all connections with a code."""
        for ws in list(self.connections):
            await ws.close(code=code)

    @property
    def heard(self) -> list[list[bytes]]:
        """What was said, one after the other: five frames of silence end each."""
        said: list[list[bytes]] = []
        current: list[bytes] = []
        quiet = 0
        for packet in self.packets:
            if packet == SILENCE:
                quiet += 1
                if quiet == 5 and current:
                    said.append(current)
                    current = []
            else:
                quiet = 0
                current.append(packet)
        return said

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.connections.append(ws)
        try:
            if request.query.get("v") != "8":
                await ws.close(code=4012, message=b"Unknown protocol")
                return ws
            await ws.send_json({"op": 8, "d": {"v": 8, "heartbeat_interval": 41250.0}})
            async for frame in ws:
                if frame.type is WSMsgType.TEXT:
                    payload = json.loads(frame.data)
                    await self._frame(ws, payload["op"], payload["d"])
                    self._fake.changed()
        finally:
            self.connections.remove(ws)
            self._fake.changed()
        return ws

    async def _send(self, ws: web.WebSocketResponse, op: int, data: Json) -> None:
        self._seq += 1
        await ws.send_json({"op": op, "d": data, "seq": self._seq})

    async def _frame(self, ws: web.WebSocketResponse, op: int, data: Json) -> None:
        if op == 0:
            await self._identify(ws, data)
        elif op == 1:
            chosen = data["data"]
            if data["protocol"] != "udp" or chosen["mode"] != MODE or chosen["address"] != "127.0.0.1":
                await ws.close(code=4016, message=b"Unknown encryption mode")
                return
            description = {"mode": MODE, "secret_key": list(self._key), "dave_protocol_version": 0}
            await self._send(ws, 4, description)
        elif op == 3:
            await ws.send_json({"op": 6, "d": {"t": data["t"]}})
        elif op == 5:
            self.speaking.append(int(data["speaking"]))
        elif op == 7:
            self.resumes.append(data)
            await self._send(ws, 9, {})
        else:
            await ws.close(code=4001, message=b"Unknown opcode")

    async def _identify(self, ws: web.WebSocketResponse, data: Json) -> None:
        self.identifies.append(data)
        if data["token"] != self.token or data["user_id"] != self._fake.bot.id:
            await ws.close(code=4004, message=b"Authentication failed.")
        elif data["server_id"] not in self._fake.guilds or not data["session_id"]:
            await ws.close(code=4006, message=b"Session is no longer valid.")
        elif not data.get("max_dave_protocol_version"):
            await ws.close(code=4017, message=b"E2EE/DAVE protocol required")
        else:
            modes = ["aead_aes256_gcm_rtpsize", MODE]
            await self._send(
                ws, 2, {"ssrc": self.ssrc, "ip": "127.0.0.1", "port": self._udp_port, "modes": modes}
            )

    def take(self, data: bytes) -> None:
        """A datagram that should be sound: RTP, encrypted with the header as additional data."""
        header, cipher, counter = data[:12], data[12:-4], data[-4:]
        try:
            if header[:2] != b"\x80\x78" or struct.unpack_from(">I", header, 8)[0] != self.ssrc:
                raise ValueError
            packet = nacl.secret.Aead(self._key).decrypt(cipher, header, counter + bytes(20))
        except (ValueError, nacl.exceptions.CryptoError):
            self.bad_packets += 1
        else:
            self.packets.append(packet)
            self.stamps.append(struct.unpack_from(">HI", header, 2))
        self._fake.changed()
