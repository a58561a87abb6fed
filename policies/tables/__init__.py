"""Decision tables of the packs: who gets in, and above all who must not. Read by the tests."""
