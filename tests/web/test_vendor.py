"""What we ship of others is exactly what the manifest names."""

import hashlib
import json
from pathlib import Path

from gateway.web.static import ROOT

VENDOR = ROOT / "vendor"


def _manifest() -> list[dict]:
    return json.loads((VENDOR / "manifest.json").read_text())


def test_every_vendored_file_has_the_digest_of_the_manifest():
    """Files and manifest agree, both ways."""
    listed = {name: digest for entry in _manifest() for name, digest in entry["files"].items()}
    found = {
        p.relative_to(VENDOR).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in VENDOR.rglob("*")
        if p.is_file() and p.name != "manifest.json"
    }

    assert found == listed


def test_every_vendored_package_states_version_licence_and_source():
    """Nobody has to guess where a file came from."""
    for entry in _manifest():
        assert {"name", "version", "licence", "source", "files"} == set(entry)
        assert any(Path(name).name.startswith("LICENSE") for name in entry["files"])


def test_every_vendored_package_is_used():
    """What no page and no script of ours names is not shipped."""
    ours = [*(ROOT / "js").glob("*.js"), *(ROOT.parent / "templates").rglob("*.html")]
    source = "".join(path.read_text() for path in ours)

    unused = [entry["name"] for entry in _manifest() if not any(f"vendor/{name}" in source for name in entry["files"])]
    assert unused == []
