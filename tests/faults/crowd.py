"""Many rooms at once on one platform: who says what where, and what the bot said there."""

from collections import Counter
from typing import Any

from tests.journeys.seats import DiscordSeat, Seat, SlackSeat, TelegramSeat

REPEAT = "↻ "
"""How a message begins of which Telegram may have a copy."""


class Crowd:
    """People in private rooms with the bot."""

    def __init__(self, seat: Seat, rooms: int) -> None:
        self.seat = seat
        self.said: list[list[str]] = [[] for _ in range(rooms)]
        self._people: list[Any] = []
        self._rooms: list[Any] = []
        for number in range(rooms):
            name = f"person{number}"
            if isinstance(seat, TelegramSeat):
                self._people.append(seat.fake.world.user(name, username=name))
                self._rooms.append(seat.fake.world.private(self._people[-1]))
            elif isinstance(seat, DiscordSeat):
                self._people.append(seat.fake.add_user(name))
                self._rooms.append(seat.fake.dm(self._people[-1]))
            elif isinstance(seat, SlackSeat):
                self._people.append(seat.fake.add_user(name))
                self._rooms.append(seat.fake.add_im(self._people[-1]))

    async def say(self, room: int, text: str) -> None:
        """The person of a room writes."""
        self.said[room].append(text)
        where, who = self._rooms[room], self._people[room]
        if isinstance(self.seat, DiscordSeat):
            self.seat.fake.say(where, who, text)
        elif isinstance(self.seat, TelegramSeat | SlackSeat):
            await self.seat.fake.say(where, who, text)

    def replies(self) -> list[list[str]]:
        """What the bot said in each room, in order."""
        found: list[list[str]] = [[] for _ in self._rooms]
        places = {room.id: number for number, room in enumerate(self._rooms)}
        if isinstance(self.seat, TelegramSeat):
            for message in self.seat.fake.sent:
                if message.chat_id in places:
                    found[places[message.chat_id]].append(message.text)
        elif isinstance(self.seat, DiscordSeat):
            for sent in self.seat.fake.sent:
                if sent["channel_id"] in places:
                    found[places[sent["channel_id"]]].append(str(sent["content"]))
        elif isinstance(self.seat, SlackSeat):
            for post in self.seat.fake.posts():
                if post["channel"] in places:
                    found[places[post["channel"]]].append(str(post["text"]))
        return found

    def answered(self) -> int:
        """How many messages have an answer."""
        return sum(len({reply.removeprefix(REPEAT) for reply in room}) for room in self.replies())

    def repeats(self) -> int:
        """Answers that came twice. Each message must have its answer, in the order of the room.

        A second copy, or a late first one, must say what it is.
        """
        doubles = 0
        for said, replies in zip(self.said, self.replies(), strict=True):
            bare = [reply.removeprefix(REPEAT) for reply in replies]
            assert list(dict.fromkeys(bare)) == [f"echo: {text}" for text in said], replies
            twice = [text for text, count in Counter(bare).items() if count > 1]
            for text in twice:
                assert sorted(reply for reply in replies if reply.endswith(text)) == [text, REPEAT + text]
            doubles += len(twice)
        return doubles
