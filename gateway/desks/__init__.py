"""Pages that join capabilities, one module per kind of person who works here."""
