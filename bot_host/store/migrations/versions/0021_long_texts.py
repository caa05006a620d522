"""Texts of any length, on PostgreSQL: only so many of their words are indexed as it can take."""

from alembic import op

from bot_host.store.postgres_schema import WORDS_FUNCTION

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """The function anew. What is indexed was short enough, and so is indexed as before."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(WORDS_FUNCTION.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
