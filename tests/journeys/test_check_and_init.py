"""`check` finds each fault and says what to do; `init` writes a set-up that works, from a wheel."""

import asyncio
import json
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.openai import ApiError, FakeOpenAI
from tests.journeys.harness import bot_host, clean_environment
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, PLATFORMS, SlackSeat

ROOT = Path(__file__).parent.parent.parent


async def check(folder: Path, env: dict[str, str] | None = None, *options: str) -> tuple[int, str]:
    """Exit code and output of `check`."""
    async with bot_host("check", "--config", "config.toml", *options, cwd=folder, env=env) as host:
        code = await host.end()
        return code, f"{host.text}\n{host.all_log}"


async def test_all_well(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS) as p:
        code, text = await check(tmp_path, p.env)
        assert code == 0, text
        assert "All that is switched on works." in text
        for name in ("database", "agent Eliza", "telegram", "discord", "slack"):
            assert f"ok  {name}" in text
        assert "connectors.telegram.token = *** (environment TELEGRAM_BOT_TOKEN)" in text
        for secret in (*p.env.values(), p.model.key):
            if secret and len(secret) > 20 and "/" not in secret:
                assert secret not in text


async def test_the_slack_app_is_compared_with_its_manifest(tmp_path: Path) -> None:
    async with party(tmp_path, "slack") as p:
        seat = p.seats[0]
        assert isinstance(seat, SlackSeat)
        async with p.command("slack-manifest", "--json") as run:
            assert await run.end() == 0
            seat.fake.app.manifest = json.loads(run.text)
        config = tmp_path / "config.toml"
        table = f'[connectors.slack]\nconfig_token = "{seat.fake.app.config_token}"'
        config.write_text(config.read_text("utf-8").replace("[connectors.slack]", table), encoding="utf-8")
        code, text = await check(tmp_path, p.env)
        assert code == 0, text
        assert "ok  slack manifest: the app is as the manifest says" in text
        assert seat.fake.app.config_token not in text


def _model_gone(p: Party) -> None:
    p.model.fail(ApiError(401, "Incorrect API key provided: sk-fake****cdef"), times=10)


def _unknown_model(p: Party) -> None:
    text = (p.folder / "config.toml").read_text(encoding="utf-8")
    (p.folder / "config.toml").write_text(text.replace("fake-large", "fake-lareg"), encoding="utf-8")


def _no_server(p: Party) -> None:
    text = (p.folder / "config.toml").read_text(encoding="utf-8")
    (p.folder / "config.toml").write_text(
        text.replace(p.model.url, "http://127.0.0.1:9/v1"), encoding="utf-8"
    )


def _tokens(**wrong: str) -> Callable[[Party], None]:
    return lambda p: p.env.update(wrong)


def _broken_database(p: Party) -> None:
    (p.folder / "data").mkdir()
    (p.folder / "data" / "bot_host.db").write_bytes(b"this is not a database" * 100)


def _database_is_a_folder(p: Party) -> None:
    (p.folder / "data" / "bot_host.db").mkdir(parents=True)


def _data_dir_is_a_file(p: Party) -> None:
    (p.folder / "data").write_text("mine", encoding="utf-8")


def _unknown_agent(p: Party) -> None:
    text = (p.folder / "config.toml").read_text(encoding="utf-8")
    text = text.replace("[connectors.discord]", '[connectors.discord]\nagent = "Bob"')
    (p.folder / "config.toml").write_text(text, encoding="utf-8")


def _agents_table(line: str) -> Callable[[Party], None]:
    def write(p: Party) -> None:
        path = p.folder / "config.toml"
        path.write_text(f"[[agents]]\n{line}\n" + path.read_text(encoding="utf-8"), encoding="utf-8")

    return write


def _character_names_a_plugin(p: Party) -> None:
    (p.folder / "ada.toml").write_text('name = "Ada"\nplugins = ["offlin"]\n', encoding="utf-8")
    _agents_table('character = "ada.toml"')(p)


def _anothers_database(p: Party) -> None:
    (p.folder / "data").mkdir()
    with sqlite3.connect(p.folder / "data" / "bot_host.db") as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    database.close()


def _newer_database(p: Party) -> None:
    (p.folder / "data").mkdir()
    with sqlite3.connect(p.folder / "data" / "bot_host.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999_the_future')")
    database.close()


FAULTS: dict[str, tuple[Callable[[Party], None], str, str]] = {
    "model key refused": (_model_gone, "BAD model", "api_key"),
    "model not known": (_unknown_model, "BAD model", "fake-large"),
    "model server unreachable": (_no_server, "BAD model", "base_url"),
    "discord token": (
        _tokens(DISCORD_BOT_TOKEN="wrong.discord.token-0123456789"),
        "BAD discord",
        "Reset Token",
    ),
    "telegram token": (
        _tokens(TELEGRAM_BOT_TOKEN="123456789:wrong-token-wrong-token"),
        "BAD telegram",
        "@BotFather",
    ),
    "telegram token of another shape": (
        _tokens(TELEGRAM_BOT_TOKEN="hello"),
        "BAD telegram",
        "@BotFather",
    ),
    "slack bot token": (
        _tokens(SLACK_BOT_TOKEN="xoxb-000000000000-wrong"),
        "BAD slack",
        "OAuth & Permissions",
    ),
    "slack app token": (_tokens(SLACK_APP_TOKEN="xapp-1-A0-0-wrong"), "BAD slack", "Basic Information"),
    "half of slack": (_tokens(SLACK_APP_TOKEN=""), "BAD slack", "SLACK_APP_TOKEN"),
}


TO_BE_MENDED: dict[str, tuple[Callable[[Party], None], str, str]] = {
    "not a database": (_broken_database, "BAD database", "not a SQLite database"),
    "another program's database": (_anothers_database, "BAD database", "holds another program's tables"),
    "a newer version's database": (_newer_database, "BAD database", "newer version of Bot Host"),
    "the database is a folder": (_database_is_a_folder, "BAD database", "is a folder; name a file in it"),
    "data_dir is a file": (_data_dir_is_a_file, "BAD database", "data is a file; name a folder"),
    "an agent that nobody knows": (
        _unknown_agent,
        "BAD discord",
        'config.toml: connectors.discord.agent: found "Bob", expected the name of an agent: Eliza',
    ),
    "no such plugin": (
        _agents_table('plugins = ["basic"]'),
        "BAD characters",
        'config.toml: agents[1].plugins: basic: there is no such plugin (did you mean "basics"?)',
    ),
    "a character's plugin": (
        _character_names_a_plugin,
        "BAD characters",
        "ada.toml: plugins: offlin: there is no such plugin",
    ),
}


@pytest.mark.parametrize("fault", TO_BE_MENDED)
async def test_what_the_config_has_wrong_ends_check_and_host_with_2(fault: str, tmp_path: Path) -> None:
    make, named, words = TO_BE_MENDED[fault]
    async with party(tmp_path, "discord") as p:
        make(p)
        code, text = await check(tmp_path, p.env)
        assert code == 2, text
        assert words in text.partition(named)[2]
        async with bot_host("--config", "config.toml", cwd=tmp_path, env=p.env) as host:
            assert await host.end() == 2
            assert words in host.all_log
            assert "Traceback" not in host.all_log


async def test_what_passes_by_itself_ends_check_and_host_with_1(tmp_path: Path) -> None:
    """A supervisor may start the host again: nothing is to be mended in the configuration."""
    async with party(tmp_path, "telegram") as p:
        async with p.host() as host:
            assert await host.stop() == 0
        with sqlite3.connect(tmp_path / "data" / "bot_host.db") as database:
            # Not WAL: a writer keeps readers out, too.
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute("BEGIN EXCLUSIVE")
            code, text = await check(tmp_path, p.env)
            assert code == 1, text
            assert "is locked by another process" in text.partition("BAD database: ")[2]
            async with bot_host("--config", "config.toml", cwd=tmp_path, env=p.env) as host:
                assert await host.end() == 1
                assert "is locked by another process" in host.all_log
        database.close()


async def test_check_only_looks_at_a_database(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[connectors.terminal]\nenabled = true\n", encoding="utf-8")
    code, text = await check(tmp_path)
    assert code == 0, text
    assert "ok  database: there is no database" in text
    assert "the host makes it at its first start" in text
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
    file = tmp_path / "data" / "bot_host.db"
    file.parent.mkdir()
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('0001')")
    database.close()
    before = file.read_bytes()
    code, text = await check(tmp_path)
    assert code == 0, text
    assert f"ok  database: the database {file} is of an older version of Bot Host" in text
    assert "start the host once to upgrade it" in text
    assert file.read_bytes() == before


async def test_a_bad_database_is_one_fault_also_when_check_compares(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        _newer_database(p)
        for options in ((), ("--live",)):
            code, text = await check(tmp_path, p.env, *options)
            assert code == 2, text
            assert "newer version of Bot Host" in text.partition("BAD database: ")[2]
            assert "1 to be mended." in text
        assert "ok  telegram live: not compared: the database cannot be read" in text


async def test_two_tables_of_one_account_are_found_and_lines_name_their_table(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [token] = p.seats[0].tokens().values()
        table = p.seats[0].config().replace("[connectors.telegram]", "[[connectors.telegram]]")
        table += f'token = "{token}"\n'
        terminal = "[[connectors.terminal]]\nenabled = true\n"
        (tmp_path / "config.toml").write_text(2 * table + 2 * terminal, encoding="utf-8")
        code, text = await check(tmp_path, p.env)
        assert code == 2
        assert "ok  telegram[1]: logged in as" in text
        assert "ok  telegram[2] privacy: " in text
        assert "BAD telegram[2]: the same account as telegram[1]" in text
        assert "BAD terminal[2]: the same account as terminal[1]" in text
        assert "2 to be mended." in text


async def test_the_port_of_the_running_host_is_no_fault_and_that_of_another_program_is(
    tmp_path: Path,
) -> None:
    async with party(tmp_path, "telegram") as p:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            p.env["API_PORT"] = str(port)
            code, text = await check(tmp_path, p.env)
            assert code == 1, text
            assert f"BAD web: web.port: {port} at 127.0.0.1 is in use, perhaps by another" in text
        async with p.host() as host:
            for options in ((), ("--live",)):
                code, text = await check(tmp_path, p.env, *options)
                assert code == 0, text
                words = f"is in use, by the running host (process {host.process.pid})"
                assert f"ok  web: port {port} at 127.0.0.1 {words}" in text
            assert await host.stop() == 0


async def test_check_shows_what_is_not_a_default_and_all_when_asked(tmp_path: Path) -> None:
    config = '[web]\nhost = "127.0.0.1"\n[host]\nlog_level = "debug"\n[connectors.terminal]\nenabled = true\n'
    (tmp_path / "config.toml").write_text(config, encoding="utf-8")
    code, text = await check(tmp_path)
    assert code == 0, text
    values = text.partition("\n\n")[0].splitlines()
    assert values[:3] == [
        'host.log_level = "debug" (config.toml)',
        "web.port = 0 (environment API_PORT)",
        "connectors.terminal.enabled = true (config.toml)",
    ]
    [rest] = values[3:]
    number, _, words = rest.partition(" ")
    assert words == "further values are defaults; --all shows them"
    code, text = await check(tmp_path, None, "--all")
    shown = text.partition("\n\n")[0].splitlines()
    assert len(shown) == int(number) + 3
    assert 'web.host = "127.0.0.1" (config.toml)' in shown


async def test_the_start_log_says_once_how_to_reach_the_bot(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram", "discord") as p, p.host() as host:
        await host.wait_log("telegram on: connected as", "https://t.me/fake_bot")
        await host.wait_log("discord on: connected as", "https://discord.com/oauth2/authorize?client_id=")
        assert host.all_log.count("connected as") == 2


async def test_data_and_log_are_for_their_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[connectors.terminal]\nenabled = true\n", encoding="utf-8")
    async with bot_host("--config", "config.toml", cwd=tmp_path) as host:
        host.end_of_input()
        assert await host.end() == 0, host.all_log
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_gives_exit_code_1_and_its_advice(fault: str, tmp_path: Path) -> None:
    make, named, advice = FAULTS[fault]
    async with party(tmp_path, *PLATFORMS) as p:
        make(p)
        code, text = await check(tmp_path, p.env)
        assert code == 1, text
        assert named in text
        assert advice in text.partition(named)[2]
        assert "Traceback" not in text
        assert "to be mended." in text


BAD_CONFIGS = {
    "unknown key": ('[host]\nlog_levl = "info"\n', "log_levl", 'did you mean "log_level"'),
    "wrong type": ("[agents]\nmax_steps = 1\n", "agents", "config.toml"),
    "wrong value": ('[[agents]]\nbusy_mode = "fast"\n', "busy_mode", '"queue"'),
    "unknown connector": ("[connectors.discrod]\n", "discrod", 'did you mean "discord"'),
    "broken toml": ("[host\n", "config.toml:1:6", "not TOML"),
    "no character": ('[[agents]]\ncharacter = "nobody.toml"\n', "nobody.toml", "no such file"),
    "open to the world": ('[web]\nhost = "0.0.0.0"\n', "web.token", "loopback"),
    "postgresql": ('[database]\nurl = "postgresql://a:secretword@h"\n', "database.url", "host and database"),
}


@pytest.mark.parametrize("fault", BAD_CONFIGS)
async def test_a_configuration_to_be_mended_is_named_and_nothing_starts(fault: str, tmp_path: Path) -> None:
    text, *named = BAD_CONFIGS[fault]
    (tmp_path / "config.toml").write_text(text + "[connectors.terminal]\nenabled = true\n", encoding="utf-8")
    async with bot_host("--config", "config.toml", cwd=tmp_path) as host:
        assert await host.end() == 2
        for part in named:
            assert part in host.all_log
        assert "secretword" not in host.all_log
        assert "Traceback" not in host.all_log
    assert not (tmp_path / "data").exists()
    code, _ = await check(tmp_path)
    assert code == 2


async def test_a_missing_config_file_says_how_to_make_one(tmp_path: Path) -> None:
    async with bot_host("--config", "nowhere.toml", cwd=tmp_path) as host:
        assert await host.end() == 2
        assert "nowhere.toml" in host.all_log
        assert "init" in host.all_log


async def test_a_wrong_character_names_file_key_expected_and_found(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"name": "X", "bio": 7, "messageExample": []}', encoding="utf-8")
    config = '[[agents]]\ncharacter = "bad.json"\n[connectors.terminal]\nenabled = true\n'
    (tmp_path / "config.toml").write_text(config, encoding="utf-8")
    async with bot_host("--config", "config.toml", cwd=tmp_path) as host:
        assert await host.end() == 2
        for part in ("bad.json", "bio", "expected", "7", "messageExamples"):
            assert part in host.all_log
    code, text = await check(tmp_path)
    assert code == 2
    assert "messageExamples" in text


@pytest.mark.slow
async def test_init_from_an_installed_wheel_then_check_then_a_reply(tmp_path: Path) -> None:
    """In a fresh virtual environment that has the wheel and sees this one's libraries."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    await asyncio.to_thread(subprocess.run, build, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    home = tmp_path / "venv"
    await asyncio.to_thread(venv.create, home, with_pip=False)
    python = home / "bin" / "python"
    site = next((home / "lib").glob("python3*/site-packages"))
    (site / "borrowed.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("site-packages")), encoding="utf-8"
    )
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--quiet"]
    install += ["--no-index", "--ignore-installed", str(wheel)]
    await asyncio.to_thread(subprocess.run, install, check=True, capture_output=True)
    folder = tmp_path / "bot"
    folder.mkdir()

    async def run(*arguments: str, stdin: bytes = b"") -> tuple[int | None, str, str]:
        process = await asyncio.create_subprocess_exec(
            str(python),
            *arguments,
            cwd=folder,
            env={key: value for key, value in clean_environment().items() if key != "PYTHONPATH"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(stdin), 60)
        return process.returncode, out.decode(), err.decode()

    code, out, err = await run(
        "-c", "import bot_host, connectors; print(bot_host.__file__, connectors.__file__)"
    )
    assert out.count(str(site)) == 2, out + err
    code, out, err = await run("-m", "bot_host", "init")
    assert code == 0, err
    assert out.endswith(f"\nNow: {python} -m bot_host --config config.toml\n")
    names = {".env", ".gitignore", "config.toml", "characters"}
    assert {path.name for path in folder.iterdir()} == names
    assert (folder / ".env").stat().st_mode & 0o077 == 0
    code, out, err = await run("-m", "bot_host", "init")
    assert code == 2
    assert "config.toml" in err
    text = (folder / "config.toml").read_text(encoding="utf-8")
    before, _, terminal = text.partition("[connectors.terminal]")
    terminal = terminal.replace('enabled = "auto"', "enabled = true")
    (folder / "config.toml").write_text(f"{before}[connectors.terminal]{terminal}", encoding="utf-8")
    code, out, err = await run("-m", "bot_host", "check", "--config", "config.toml")
    assert code == 0, out + err
    code, out, err = await run("-m", "bot_host", "--config", "config.toml", stdin=b"I am Ada\n")
    assert code == 0, err
    assert out.strip()


async def test_init_in_a_folder_with_a_space_gives_a_command_that_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "my bot"
    folder.mkdir()
    (folder / ".gitignore").write_text("node_modules\n", encoding="utf-8")
    async with bot_host("init", str(folder), cwd=tmp_path) as init:
        assert await init.end() == 0
    assert "kept" in init.text
    assert ".gitignore, which was there already" in init.text
    command = shlex.split(init.text.partition("Now: ")[2])
    assert command == [sys.executable, "-m", "bot_host", "--config", str(folder / "config.toml")]
    async with bot_host("init", str(folder), cwd=tmp_path) as again:
        assert await again.end() == 2
    assert "nothing was written" in again.all_log
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "node_modules\n"


async def test_the_readme_s_server_of_ones_own_passes_check(tmp_path: Path) -> None:
    """It has the one model that is named, and no key."""
    [table] = re.findall(
        r"```toml\n(\[models\.openai\].*?)```", (ROOT / "README.md").read_text("utf-8"), re.S
    )
    [name] = re.findall(r'large = "(.*)"', table)
    async with FakeOpenAI(key=None, models=(name,)) as model:
        table = re.sub(r'base_url = ".*"', f'base_url = "{model.url}"', table)
        (tmp_path / "config.toml").write_text(
            f"{table}[connectors.terminal]\nenabled = true\n", encoding="utf-8"
        )
        code, text = await check(tmp_path)
        assert code == 0, text
        assert "BAD" not in text


async def test_a_model_of_ones_own_is_streamed_from(tmp_path: Path) -> None:
    async with FakeOpenAI(key=None) as model:
        (tmp_path / "config.toml").write_text("[connectors.terminal]\nenabled = true\n", encoding="utf-8")
        model.any_model = True
        env = clean_environment(OPENAI_BASE_URL=model.url)
        async with bot_host("--config", "config.toml", cwd=tmp_path, env=env) as host:
            await host.say("hello model")
            await host.wait_out("echo: hello model")
            host.end_of_input()
            assert await host.end() == 0


async def test_settings_that_keep_it_silent_are_told_by_check_and_at_the_start(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        p.seats[0].fake.bot.sees_all = False  # type: ignore[attr-defined]
        p.write_config('mention_only = false\nallow = ["-100987"]\ndm_policy = "off"\n')
        code, text = await check(tmp_path, p.env)
        assert code == 1
        assert "BAD telegram privacy: mention_only = false, but privacy mode is on" in text
        assert text.count("telegram privacy:") == 1
        assert "BAD telegram allow: no room matches the allow list: the bot is not in -100987" in text
        assert "ok  telegram direct messages: nobody may write directly, those in allow neither" in text
        assert 'dm_policy = "off" in [connectors.telegram] (config.toml line ' in text
        async with p.host() as host:
            for words in ("privacy mode is on", "the bot is not in -100987", "nobody may write directly"):
                line = await host.wait_log(words)
                assert " warning " in line
            assert await host.stop() == 0
            assert "/setprivacy, Disable" in host.all_log


async def test_live_compares_with_what_was_really_received(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS) as p:
        code, text = await check(tmp_path, p.env, "--live")
        assert code == 0, text
        assert "ok  host live: no host is running: nothing comes in now" in text
        for name in PLATFORMS:
            assert f"ok  {name} live: nothing was received from this account yet" in text
        stranger = p.seats[0].ada.id  # type: ignore[attr-defined]
        async with p.host() as host:
            for seat in p.seats:
                await seat.say(DM, "hello")
                await seat.wait_reply(DM)
            code, text = await check(tmp_path, p.env, "--live")
            assert code == 0, text
            assert "ok  host live: a host is running" in text
            assert "ok  discord live servers: in 1 servers" in text
            assert "ok  discord live channels: no message was received from a server's channel" in text
            assert "ok  slack live channels: 1 direct messages were received, and none from a channel" in text
            assert text.count("in shared rooms 0, of these not addressed to the agent 0") == 3
            assert await host.stop() == 0
        p.write_config()
        name = p.seats[0].name
        config = (tmp_path / "config.toml").read_text(encoding="utf-8")
        denying = config.replace(f"[connectors.{name}]\n", f'[connectors.{name}]\ndeny = ["{stranger}"]\n')
        (tmp_path / "config.toml").write_text(denying, encoding="utf-8")
        async with p.host() as host:
            await p.seats[0].say(DM, "hello?")
            while f"{name} live refused: denied: " not in text:
                code, text = await check(tmp_path, p.env, "--live")
            assert await host.stop() == 0


async def test_live_notices_the_token_of_another_bot(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p, p.host() as host:
        [seat] = p.seats
        await seat.say(DM, "hello")
        await seat.wait_reply(DM)
        token = "987654321:AAother-token-of-another-bot-000000"
        seat.fake.add_bot(token, username="other_bot")  # type: ignore[attr-defined]
        env = p.env | {"TELEGRAM_BOT_TOKEN": token}
        _, text = await check(tmp_path, env, "--live")
        assert "live account: the token is of telegram:987654321, and the host ran last as Fake Bot" in text
        assert await host.stop() == 0
