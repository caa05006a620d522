"""How statements are written and values turned for asyncpg."""

import json
from typing import Final

from sqlalchemy.dialects.postgresql import asyncpg

from bot_host.types.columns import encode_json

DIALECT: Final = asyncpg.dialect(  # type: ignore[no-untyped-call]
    json_serializer=encode_json, json_deserializer=json.loads
)
