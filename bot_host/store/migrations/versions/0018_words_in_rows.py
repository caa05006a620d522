"""On PostgreSQL the words of a memory in its row, by which searches are ranked."""

from alembic import op

revision = "0018"
down_revision = "0017"

_FUNCTION = r"""
CREATE OR REPLACE FUNCTION bot_host_words(said text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector(
        'simple'::regconfig,
        regexp_replace(
            regexp_replace(normalize(coalesce(said, ''), NFKD), '[\u0300-\u036f]', '', 'g'),
            '[!-/:-@\[-`{-~]+', ' ', 'g'
        )
    )
$$
"""


def upgrade() -> None:
    """A column that PostgreSQL keeps itself, and its index in place of the one of the text."""
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute("DROP INDEX IF EXISTS ix_memories_words")
    op.get_bind().exec_driver_sql(_FUNCTION)
    op.execute(
        "ALTER TABLE memories ADD COLUMN words tsvector "
        "GENERATED ALWAYS AS (bot_host_words(content ->> 'text')) STORED"
    )
    op.execute("CREATE INDEX ix_memories_words ON memories USING gin (words)")
