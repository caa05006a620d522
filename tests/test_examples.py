"""The examples are installed and run as a reader would."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "examples" / "plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example plugin installed, entry points and all."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(target), str(PLUGIN)], check=True, capture_output=True)
    return target


def _run(installed: Path, *command: str, stdin: str = "", cwd: Path = ROOT) -> str:
    paths = os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(
        [sys.executable, *command],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_plugins_own_tests_pass(installed: Path) -> None:
    out = _run(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(PLUGIN / "tests"))
    assert "3 passed" in out


@pytest.mark.slow
def test_a_host_loads_it_by_name(installed: Path, tmp_path: Path) -> None:
    config = '[web]\nenabled = false\n[[agents]]\nplugins = ["dice"]\n[connectors.terminal]\nenabled = true\n'
    (tmp_path / "config.toml").write_text(config, encoding="utf-8")
    out = _run(installed, "-m", "bot_host", "--config", "config.toml", stdin="hello\n", cwd=tmp_path)
    assert "terminal on" in out
    code = "from bot_host.runtime.plugins import known_plugins; print(known_plugins())"
    assert "'dice'" in _run(installed, "-c", code)
