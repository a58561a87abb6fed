"""The Casbin enforcer: the last word on every release. The only importer of casbin."""

import casbin  # noqa: F401
