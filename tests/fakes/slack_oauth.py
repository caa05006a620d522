"""An app of the fake Slack that is installed in several workspaces, by OAuth.

    async with AppSlack() as slack:
        one, two = slack.add_team("One"), slack.add_team("Two")
        url = await slack.consent(authorize_url, one)     # the person at Slack's page says yes
        await two.say(...)                                # as in any FakeSlack, through the app's one socket

Ids are counted in each workspace for itself: the same person and channel ids are in all of them. Sources:
https://docs.slack.dev/authentication/installing-with-oauth , …/using-token-rotation ,
https://docs.slack.dev/reference/methods/oauth.v2.access , https://docs.slack.dev/enterprise/organization-ready-apps
"""

import base64
import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web

from tests.fakes.slack import Call, FakeSlack
from tests.fakes.slack_methods import Refused
from tests.fakes.slack_socket import Envelope, SocketMode
from tests.fakes.slack_workspace import APP_ID, BOT_USER_ID, TEAM_ID, FakeChannel, Json

TOKEN_S = 43_200


class _Line:
    """A workspace's view of the app's socket: what goes through it says which workspace it is of."""

    def __init__(self, team: "Team") -> None:
        self._team = team

    def add(self, type: str, payload: Any, **more: Any) -> Envelope:
        return self._main.add(type, self._team.as_its_own(payload), **more)

    @property
    def _main(self) -> SocketMode:
        return self._team.app.socket_mode

    def __getattr__(self, name: str) -> Any:
        return getattr(self._main, name)


class Team(FakeSlack):
    """One workspace. It has no server of its own: `app` has it."""

    def __init__(self, app: "AppSlack", id: str, name: str, org: str = "") -> None:
        super().__init__()
        self.app, self.id, self.org = app, id, org
        self.workspace.name = name
        self.socket_mode = _Line(self)  # type: ignore[assignment]
        self.refused = ""
        """How its tokens are answered: `account_inactive`, `invalid_auth` …"""

    def as_its_own(self, value: Any) -> Any:
        """The same with this workspace's id in it."""
        told = json.loads(json.dumps(value).replace(TEAM_ID, self.id))
        if isinstance(told, dict) and self.org and "authorizations" in told:
            told["enterprise_id"] = self.org
            mark = {"enterprise_id": self.org, "is_enterprise_install": self.app.is_org_wide(self)}
            told["authorizations"] = [{**told["authorizations"][0], **mark}]
        return told

    def answer(self, call: Call) -> Json:
        """A call with one of its tokens."""
        self.base_url = self.methods.base_url = self.app.base_url
        self.calls.append(call)
        call.token, token = self.bot_token, call.token
        try:
            answer: Json = self.as_its_own(self._run(call))
        finally:
            call.token = token
        return answer

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        await self.app.wait_until(condition)

    def posts(self, *, channel: FakeChannel | None = None, thread_ts: str | None = None) -> list[Json]:
        return super().posts(channel=channel, thread_ts=thread_ts)

    async def uninstall(self, *, first: str = "tokens_revoked") -> list[Envelope]:
        """Somebody removes the app: both events come, in either order, and no token is good any more."""
        self.app.forget(self)
        tokens = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT_USER_ID]}}
        both = [tokens, {"type": "app_uninstalled"}]
        if first != "tokens_revoked":
            both.reverse()
        return [await self.emit(event) for event in both]


class AppSlack(FakeSlack):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.client_id, self.client_secret = "1111.2222", secrets.token_hex(16)
        self.redirect_urls: list[str] = []
        """That the app's settings have; empty: any."""
        self.rotates = False
        """Token rotation is on."""
        self.teams: dict[str, Team] = {}
        self.orgs: dict[str, str] = {}
        """Names by id."""
        self.granted: list[set[str]] = []
        """The scopes that were asked for, one set an installation."""
        self._codes: dict[str, tuple[str, str]] = {}
        self._tokens: dict[str, str] = {}
        """Whose each is: a workspace's id, or an organisation's."""
        self._expired: set[str] = set()
        self._gone: dict[str, str] = {}
        self._refresh: dict[str, str] = {}

    def add_team(self, name: str, *, org: str = "") -> Team:
        """A workspace, in an organisation or in none."""
        id = f"T0TEAM{len(self.teams) + 1:03d}"
        if org:
            self.orgs[org] = f"{org} Inc"
        self.teams[id] = Team(self, id, name, org)
        return self.teams[id]

    async def _flush(self) -> None:
        await super()._flush()
        for team in self.teams.values():
            await team._flush()

    # at Slack's page

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/oauth/v2/authorize", self._page)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Allow?</html>", content_type="text/html")

    def consent(self, url: str, place: "Team | str", *, error: str = "") -> str:
        """Somebody at the page of `url` says yes, for a workspace or an organisation: where they are sent."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{self.base_url}/oauth/v2/authorize?"), url
        assert asked["client_id"] == self.client_id
        back = asked["redirect_uri"]
        assert not self.redirect_urls or back in self.redirect_urls, back
        if error:
            return f"{back}?{urlencode({'error': error, 'state': asked['state']})}"
        code = secrets.token_hex(12)
        self._codes[code] = (place if isinstance(place, str) else place.id, back)
        self.granted.append(set(asked["scope"].split(",")))
        return f"{back}?{urlencode({'code': code, 'state': asked['state']})}"

    # tokens

    def tokens_of(self, id: str) -> list[str]:
        """All that are good, oldest first."""
        return [token for token, whose in self._tokens.items() if whose == id and token not in self._expired]

    def expire(self, id: str) -> None:
        """Twelve hours pass for its tokens."""
        self._expired |= set(self.tokens_of(id))

    def forget(self, team: Team) -> None:
        """Its tokens are good for nothing."""
        for token in self.tokens_of(team.id):
            self._gone[token] = "account_inactive"
        self._refresh = {refresh: id for refresh, id in self._refresh.items() if id != team.id}

    def is_org_wide(self, team: Team) -> bool:
        """Whether it has the app by its organisation only."""
        return not self.tokens_of(team.id) and bool(self.tokens_of(team.org))

    def _issue(self, id: str) -> Json:
        prefix = "xoxe.xoxb-" if self.rotates else "xoxb-"
        token = f"{prefix}{id}-{secrets.token_hex(12)}"
        self._tokens[token] = id
        issued: Json = {"access_token": token, "token_type": "bot"}
        if self.rotates:
            refresh = f"xoxe-1-{secrets.token_hex(16)}"
            self._refresh[refresh] = id
            issued |= {"refresh_token": refresh, "expires_in": TOKEN_S}
        return issued

    # methods

    def _run(self, call: Call) -> Json:
        if call.method == "oauth.v2.access":
            return self._access(call)
        whose = self._tokens.get(call.token)
        if whose is None:
            return super()._run(call)
        if call.token in self._gone:
            raise Refused(self._gone[call.token])
        if call.token in self._expired:
            raise Refused("token_expired")
        if call.method == "auth.revoke":
            self._gone[call.token] = "token_revoked"
            return {"ok": True, "revoked": True}
        if whose in self.orgs:
            return self._run_for_org(call, whose)
        team = self.teams[whose]
        if team.refused:
            raise Refused(team.refused)
        return team.answer(call)

    def _run_for_org(self, call: Call, org: str) -> Json:
        members = [team for team in self.teams.values() if team.org == org]
        if call.method == "auth.teams.list":
            return {"ok": True, "teams": [{"id": team.id, "name": team.workspace.name} for team in members]}
        if call.method == "auth.test":
            answer = members[0].answer(call)
            return {**answer, "team_id": org, "team": self.orgs[org], "enterprise_id": org,
                    "is_enterprise_install": True}  # fmt: skip
        team = self.teams.get(str(call.args.get("team_id", "")))
        if team is None or team.org != org:
            raise Refused("missing_argument")
        return team.answer(call)

    def _access(self, call: Call) -> Json:
        said = f"{self.client_id}:{self.client_secret}".encode()
        if call.token != f"Basic {base64.b64encode(said).decode()}":
            raise Refused("bad_client_secret")
        if call.args.get("grant_type") == "refresh_token":
            id = self._refresh.pop(str(call.args.get("refresh_token", "")), "")
            if not id:
                raise Refused("invalid_refresh_token")
            return {"ok": True, "app_id": APP_ID, **self._issue(id), **self._place(id)}
        id, back = self._codes.pop(str(call.args.get("code", "")), ("", ""))
        if not id:
            raise Refused("invalid_code")
        if call.args.get("redirect_uri") != back:
            raise Refused("bad_redirect_uri")
        scope = ",".join(sorted(self.granted[-1]))
        told = {"bot_user_id": BOT_USER_ID, "scope": scope, "authed_user": {"id": "U0INSTALL"}}
        return {"ok": True, "app_id": APP_ID, **told, **self._issue(id), **self._place(id)}

    def _place(self, id: str) -> Json:
        if id in self.orgs:
            enterprise = {"id": id, "name": self.orgs[id]}
            return {"team": None, "enterprise": enterprise, "is_enterprise_install": True}
        team = self.teams[id]
        enterprise = {"id": team.org, "name": self.orgs[team.org]} if team.org else None
        place = {"id": id, "name": team.workspace.name}
        return {"team": place, "enterprise": enterprise, "is_enterprise_install": False}
