"""The order of the rooms: imports go down, siblings never meet, heavy packages stay where they belong."""

import ast
import subprocess
import sys

import pytest

#: A part may import itself and parts of a lower rank.
RANK = {
    "types": 0,
    "errors": 0,
    "progress": 0,
    "csi": 1,
    "ops": 1,
    "data": 2,
    "models": 2,
    "losses": 2,
    "sim": 3,
    "evaluation": 4,
    "config": 5,
    "checkpoint": 5,
    "engine": 6,
    "cli": 7,
    "__main__": 8,
}
FOUNDATION = {name for name, rank in RANK.items() if rank == 0}


def imports(path, package):
    """(line, part of csi2pc or foreign package) for every import of a file, also those inside functions."""
    inside = path.relative_to(package).parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == len(inside):
            for part in [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]:
                yield node.lineno, f"csi2pc.{part}"
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name


@pytest.fixture(scope="module")
def everything(project_root):
    package = project_root / "csi2pc"
    found = []
    for path in sorted(package.rglob("*.py")):
        part = path.relative_to(package).parts[0].removesuffix(".py")
        where = path.relative_to(project_root).as_posix()
        found += [(where, part, line, name) for line, name in imports(path, package)]
    assert len({where for where, *_ in found}) > 20
    return found


def test_every_room_has_its_rank(everything):
    assert {part for _, part, *_ in everything} - {"__init__"} <= set(RANK)


def test_imports_go_down_and_siblings_never_meet(everything):
    wrong = []
    for where, part, line, name in everything:
        other = name.removeprefix("csi2pc.").split(".")[0]
        if not name.startswith("csi2pc.") or other not in RANK or other == part:
            continue
        both_foundation = {part, other} <= FOUNDATION
        if RANK[other] >= RANK[part] and not both_foundation:
            wrong.append(f"{where}:{line}: {part} imports {other}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("package", "rooms"),
    [("matplotlib", {"evaluation"}), ("lightning_fabric", {"engine"}), ("jsonargparse", {"config"})],
)
def test_heavy_packages_stay_in_their_room(everything, package, rooms):
    users = {part for _, part, _, name in everything if name.split(".")[0] == package}
    assert users <= rooms


def test_reading_csi_needs_no_torch(everything):
    assert not [where for where, part, _, name in everything if part == "csi" and name.split(".")[0] == "torch"]


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("csi2pc.losses", {"scipy", "matplotlib", "lightning_fabric", "h5py", "PIL"}),
        ("csi2pc.csi", {"torch", "matplotlib"}),
        ("csi2pc.cli", {"torch", "matplotlib", "lightning_fabric"}),
    ],
)
def test_importing_a_room_does_not_pull_in_heavy_packages(module, absent):
    code = f"import sys, {module}; print(' '.join(sorted({absent!r} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
