"""Who is asking: people, sessions, sign-in and agency users."""
