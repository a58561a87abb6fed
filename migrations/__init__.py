"""The database schema's history. Expand, then contract; each step works with the code before it."""
