"""What the documents promise is there: linked files exist, and named commands are commands."""

import re
from pathlib import Path

import pytest

from csi2pc.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("datasets/*/README.md")])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path):
    text = path.read_text(encoding="utf-8")
    assert "@@" not in text
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}, which is not there"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_named_command_is_one(path):
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    named = re.findall(r"csi2pc (\w+)", " ".join([*blocks, *re.findall(r"`(csi2pc [^`]+)`", text)]))
    assert set(named) <= set(COMMANDS)
    for script in re.findall(r"python ([\w/]+\.py)", text):
        assert (ROOT / script).exists(), f"{path.name} runs {script}, which is not there"
