"""lenspact-verify: checks logs and evidence packages offline, on the standard library and cryptography alone."""
