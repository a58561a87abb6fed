"""A folder for the path of processes that are counted."""
