"""The site's ring of recordings: segments, their index, holds against overwriting, and what is missing and why."""
