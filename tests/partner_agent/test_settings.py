"""Settings: unknown keys are errors, variables go over the file, secrets do not show."""

from pathlib import Path

import pytest

from partner_agent.settings import Secret, SettingsError, load, password_of


def _file(folder: Path, text: str) -> Path:
    path = folder / "agent.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        'gatewai = "https://gw.example"',
        "page_port = true",
        '[[cameras]]\nname = "a"',
        '[[cameras]]\nname = "a"\nurl = "rtsp://x/1"\nport = 5',
        '[[cameras]]\nname = "a"\nurl = "rtsp://x/1"\n[[cameras]]\nname = "a"\nurl = "rtsp://x/2"',
        '[[cameras]]\nname = "a"\nurl = "rtsp://x/1"\ntransport = "multicast"',
        'allow_networks = ["home"]',
        "not toml",
    ],
)
def test_a_setting_that_is_not_understood_is_an_error(tmp_path: Path, text: str):
    """Nothing is ignored: a misspelt limit would be no limit."""
    with pytest.raises(SettingsError):
        load(_file(tmp_path, text), {})


def test_an_unknown_variable_is_an_error():
    """The same for the environment."""
    with pytest.raises(SettingsError, match="LENSPACT_AGENT_HOLD"):
        load(None, {"LENSPACT_AGENT_HOLD": "0"})


def test_variables_go_over_the_file(tmp_path: Path):
    """What is set for one run wins."""
    path = _file(tmp_path, "hold_s = 60\npage_port = 1")

    settings = load(
        path, {"LENSPACT_AGENT_HOLD_S": "0", "LENSPACT_AGENT_ALLOW_NETWORKS": '["10.0.0.0/8"]', "HOME": "x"}
    )

    assert (settings.hold_s, settings.page_port, settings.allow_networks) == (0, 1, ("10.0.0.0/8",))


def test_a_cameras_password_does_not_show(tmp_path: Path):
    """Not in a repr, and so not in a log or an error."""
    path = _file(tmp_path, '[[cameras]]\nname = "a"\nurl = "rtsp://x/1"\npassword = "hunter2"')
    settings = load(path, {})

    assert "hunter2" not in repr(settings)
    assert password_of(settings.cameras[0]) == "hunter2"
    assert "x" not in repr(Secret("x"))


def test_a_password_can_come_from_a_file(tmp_path: Path):
    """For systems that keep secrets in files."""
    (tmp_path / "pw").write_text("hunter2\n")
    text = f'[[cameras]]\nname = "a"\nurl = "rtsp://x/1"\npassword_file = "{tmp_path / "pw"}"'

    assert password_of(load(_file(tmp_path, text), {}).cameras[0]) == "hunter2"
