"""One program at a time works on an agent's folder, and a package without its extra says what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

from partner_agent import cli
from partner_agent.one_agent import InUseError, only_agent

ROOT = Path(__file__).parents[2]


def test_a_second_agent_is_refused_and_the_next_is_not(tmp_path: Path):
    """While one holds the folder another is told so in one sentence; afterwards the folder is free."""
    with only_agent(tmp_path), pytest.raises(InUseError, match="running, or being paired"), only_agent(tmp_path):
        pass
    with only_agent(tmp_path):
        pass


@pytest.mark.parametrize("command", ["enrol", "run"])
def test_pairing_and_running_refuse_beside_another(tmp_path: Path, capsys, monkeypatch, command: str):
    """Neither lays a key aside nor opens the store: a sentence, and status 1."""
    monkeypatch.setenv("LENSPACT_AGENT_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LENSPACT_AGENT_GATEWAY", "https://gw.example")
    with only_agent(tmp_path):
        assert cli.main([command]) == 1

    assert "Stop that one first." in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["agent.lock"]


def test_a_bare_install_says_what_to_install(tmp_path: Path):
    """Without the packages of the extra the command ends with one sentence and no traceback."""
    (tmp_path / "httpx.py").write_text("raise ModuleNotFoundError(\"No module named 'httpx'\", name='httpx')\n")
    code = "import sys; from partner_agent.start import main; sys.exit(main())"
    environ = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=False)

    assert done.returncode == 1
    assert done.stderr == (
        "The agent needs packages that are not installed here (httpx is missing). "
        "Install it with what it needs: pip install 'lenspact[agent]'\n"
    )
