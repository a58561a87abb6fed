"""What every capability stands on: errors, principal, database, bus, keys."""
