"""Alembic's environment: runs on the connection it is handed, one transaction for all steps."""

from alembic import context

from gateway.app.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7301146)")  # two gateways never migrate at once
    context.run_migrations()
