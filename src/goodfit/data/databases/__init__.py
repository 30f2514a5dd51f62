"""Rows of a query to PostgreSQL, SQLite or DuckDB as frames: streamed, and without a way to change anything there."""

from goodfit.data.databases.reading import Query, batches, check_url, read

__all__ = ["Query", "batches", "check_url", "read"]
