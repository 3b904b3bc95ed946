"""What people ask of the history: one question a file, each the same on SQLite and on PostgreSQL.

A question takes a connection of `reports.database.Reader`, which ends it when it takes too long.
"""
