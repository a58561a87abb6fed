"""The centre: an agency's federation gateway, its pages, its decisions and its log."""
