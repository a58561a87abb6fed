"""The trust protocol as an executable model, explored by the tests and held against the real agent.

`site` and `documents`, `sessions`, `promises`, `key_sets` and `asking` are its parts; `rules` can be switched off one
by one; `scenarios` says what is explored. Not modelled: cryptography, parsing, the content of narrowings (only their
order), Casbin, masks and limits, TURN, several sites under one touch, a relay that lies, load.
"""
