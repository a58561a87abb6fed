"""Live viewing: sessions, grants, leases, tickets and the relay."""
