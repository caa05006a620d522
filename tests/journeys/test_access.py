"""Roles, permissions and other bots on Discord: real command, real library."""

from pathlib import Path

from tests.fakes.discord import FakeDiscord
from tests.fakes.openai import FakeOpenAI
from tests.journeys.party import Party, party
from tests.journeys.seats import GROUP, DiscordSeat


def discord_of(p: Party) -> tuple[DiscordSeat, FakeDiscord, FakeOpenAI]:
    [seat] = p.seats
    assert isinstance(seat, DiscordSeat)
    return seat, seat.fake, p.model


async def test_roles_let_people_in_and_say_which_actions_they_may_use(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p:
        seat, fake, model = discord_of(p)
        guild = seat.channels[GROUP].guild
        assert guild is not None
        staff, guest = fake.add_role(guild, "staff"), fake.add_role(guild, "guest")
        bob, cy = fake.add_user("bob"), fake.add_user("cy")
        fake.member(guild, seat.ada).roles.append(staff.id)
        fake.member(guild, bob).roles.append(guest.id)
        p.write_config(
            f'allow = ["role:{staff.id}", "role:{guest.id}"]\nroles = {{ "{staff.id}" = "admin" }}\n'
            "[[agents]]\n[agents.permissions.actions]\n"
            'follow_room = "admin"\nMUTE_ROOM = "nobody"\nFOLOW = "owner"\n'
        )
        async with p.host() as host:
            await host.wait_log("no action is called FOLOW")
            # Nobody with a role that is let in.
            fake.say(seat.channels[GROUP], cy, f"{seat.mention} hello?")
            # A guest is answered, without what is for admins.
            fake.say(seat.channels[GROUP], bob, f"{seat.mention} follow this room")
            await seat.wait_reply(GROUP)
            assert not {"FOLLOW_ROOM", "MUTE_ROOM"} & set(model.chats[-1].tool_names)
            # Even a model that asks for it all the same gets nothing done.
            model.call_tool("FOLLOW_ROOM", {})
            fake.say(seat.channels[GROUP], bob, f"{seat.mention} follow it, I say")
            await seat.wait_reply(GROUP, 2)
            assert "FOLLOW_ROOM needs the role ADMIN" in str(model.chats[-1].messages)
            model.call_tool("FOLLOW_ROOM", {})
            await seat.say(GROUP, "follow this room", mention=True)
            await seat.wait_reply(GROUP, 3)
            assert "FOLLOW_ROOM" in model.chats[-1].tool_names
            assert "needs the role" not in str(model.chats[-1].messages[-1])
            assert len(model.chats) == 5
            assert await host.stop() == 0


async def test_other_bots_are_answered_until_they_go_round_in_circles(tmp_path: Path) -> None:
    async with party(tmp_path, "discord", extra="") as p:
        seat, fake, model = discord_of(p)
        p.write_config('bots = "mentions"\nbots_limit = 2\n')
        async with p.host() as host:
            fake.say(seat.channels[GROUP], seat.grumpy, "among ourselves")
            for number in range(1, 4):
                await seat.other_bot_says(f"round {number}")
                if number < 3:
                    await seat.wait_reply(GROUP, number)
            await host.wait_log("bots in this room had 2 answers within 5 minutes")
            await seat.say(GROUP, "and I?", mention=True)
            assert (await seat.wait_reply(GROUP, 3)).endswith("and I?")
            assert len(model.chats) == 3
            assert await host.stop() == 0
