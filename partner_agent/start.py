"""What `lenspact-agent` runs first: says in one sentence what is missing when only the package itself was installed."""

import sys

MISSING = (
    "The agent needs packages that are not installed here ({name} is missing). "
    "Install it with what it needs: pip install 'lenspact[agent]'"
)


def main() -> int:
    """Run the command; 1 and a sentence where a package of the extra `agent` is missing."""
    try:
        from partner_agent.cli import main as run  # noqa: PLC0415  (what it imports may be missing)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "partner_agent":
            raise  # a fault of ours, and no missing package
        sys.stderr.write(MISSING.format(name=error.name) + "\n")
        return 1
    return run()
