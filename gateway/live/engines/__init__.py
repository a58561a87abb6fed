"""Media servers of others, as engines of ours."""
