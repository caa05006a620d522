"""Imports go down only (docs/architecture.md). Typing imports and imports inside functions count too."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS: dict[str, int] = {
    "bot_host.kit": 0,
    "bot_host.types": 1,
    "bot_host.contracts": 2,
    "bot_host.plugin": 2,
    "bot_host.connector": 2,
    "bot_host.config": 3,
    "bot_host.store": 3,
    "bot_host.plugins": 3,
    "bot_host.runtime": 4,
    "bot_host.pipeline": 5,
    "bot_host.host": 6,
    "bot_host.app": 7,
    "bot_host.testing": 7,
    "bot_host.web": 8,
    "bot_host.cli": 9,
    "bot_host.__main__": 10,
}
SURFACES = {"bot_host.plugin", "bot_host.connector"}
BELOW_SURFACES = ("bot_host.kit", "bot_host.types", "bot_host.contracts")


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str) -> str | None:
    """The longest known prefix: `bot_host.store` for `bot_host.store.inbox`."""
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        prefix = ".".join(parts[:length])
        if prefix in FLOORS:
            return prefix
    return None


def _own_imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name for name in found if name.split(".")[0] in ("bot_host", "connectors")}


def _faults(path: Path) -> list[str]:
    module = _module(path)
    imports = _own_imports(path)
    if module == "bot_host":
        return []
    if module.startswith("connectors"):
        mine = ".".join(module.split(".")[:2])
        return [
            f"{module} imports {name}"
            for name in imports
            if not (name == "bot_host" or name.startswith(("bot_host.connector", mine)))
            and name not in ("connectors", "bot_host")
        ]
    room = _room(module)
    assert room is not None, f"{module} stands on no floor: name it in this test and in docs/architecture.md"
    faults = []
    for name in imports:
        if name.startswith("connectors"):
            faults.append(f"{module} imports {name}: connectors come in by entry points")
            continue
        other = _room(name)
        if other is None or other == room:
            if name == "bot_host":
                faults.append(f"{module} imports the package itself")
            continue
        if room in SURFACES and other not in BELOW_SURFACES:
            faults.append(f"{module} is a surface and imports {name}")
        elif room == "bot_host.plugins" and other != "bot_host.plugin":
            faults.append(f"{module} imports {name}: built-in plugins use bot_host.plugin like a stranger's")
        elif FLOORS[other] > FLOORS[room] or (FLOORS[other] == FLOORS[room] and room not in SURFACES):
            faults.append(f"{module} (floor {FLOORS[room]}) imports {name} (floor {FLOORS[other]})")
    return faults


SOURCES = sorted([*ROOT.glob("bot_host/**/*.py"), *ROOT.glob("connectors/**/*.py")])


def test_imports_go_down_only() -> None:
    faults = [fault for path in SOURCES for fault in _faults(path)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("bot_host/kit/x.py", "from bot_host.types.ids import UUID"),
        ("bot_host/store/x.py", "from bot_host.config.load import load"),
        ("bot_host/runtime/x.py", "def f():\n    import bot_host.host.lanes"),
        ("bot_host/host/x.py", "import connectors.discord"),
        ("bot_host/host/x.py", "from bot_host import BotHost"),
        ("bot_host/plugins/x.py", "from bot_host.types.ids import UUID"),
        ("connectors/x/y.py", "from bot_host.host import BotHost"),
        ("connectors/x/y.py", "from connectors.discord import client"),
    ],
)
def test_the_test_sees_a_wrong_import(
    where: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / where
    path.parent.mkdir(parents=True)
    path.write_text(line, encoding="utf-8")
    monkeypatch.setattr("tests.test_floors.ROOT", tmp_path)
    assert _faults(path)
