"""The site: the agent that runs beside the owner's cameras and enforces the owner's own policy."""
