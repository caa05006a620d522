"""Alembic's way in. Runs only by `bot_host.store.upgrade`, on a connection that it is handed."""

from alembic import context

# The caller's transaction holds all migrations: it commits them, or none.
context.configure(
    connection=context.config.attributes["connection"], transactional_ddl=True, render_as_batch=True
)
context.run_migrations()
