"""The trust protocol as an executable model, explored by the tests and held against the real agent and gateway.

`site` and `documents`, `sessions`, `promises`, `key_sets`, `asking`, `looks` and `viewing` are its parts, and
`gateway_asks` is what the gateway keeps; `rules` can be switched off one by one; `scenarios` says what is explored. Not
modelled: cryptography, parsing, the content of narrowings (only their order), Casbin, masks and limits, TURN, several
sites under one touch, a relay that lies, load.
"""
