"""Alembic's folder: `env.py` and one file a migration in `versions`, written by hand."""
