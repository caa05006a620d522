"""What the fake Slack knows of the app itself: its manifest, as somebody has pasted it."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from tests.fakes.slack_workspace import APP_ID, Json, Refused


class AppSettings:
    """The app's settings, behind a configuration token.

    https://docs.slack.dev/app-manifests/configuring-apps-with-app-manifests
    """

    def __init__(self) -> None:
        self.config_token = f"xoxe.xoxp-1-{secrets.token_hex(24)}"
        self.manifest: Mapping[str, Any] = {}

    def export(self, token: str, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/apps.manifest.export"""
        if token != self.config_token:
            raise Refused("invalid_auth" if token.startswith("xoxe.") else "not_allowed_token_type")
        if args.get("app_id") != APP_ID:
            raise Refused("invalid_app_id")
        return {"ok": True, "manifest": json.loads(json.dumps(self.manifest))}
