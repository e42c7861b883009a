import json
import subprocess

from csi2pc.engine.provenance import environment, git_state


def test_everything_is_json_and_names_the_versions():
    found = json.loads(json.dumps(environment(), allow_nan=False))
    assert found["torch"] and found["cores"] >= 1 and found["processor"] is not None


def test_the_commit_and_whether_anything_changed_since(tmp_path):
    assert git_state(tmp_path) == {"commit": None, "changed": None}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "file").write_text("one")
    for command in (["init", "-q"], ["add", "file"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    clean = git_state(tmp_path)
    assert len(clean["commit"]) == 40 and clean["changed"] is False
    (tmp_path / "file").write_text("two")
    assert git_state(tmp_path)["changed"] is True
    inside = tmp_path / "site-packages"
    inside.mkdir()
    assert git_state(inside) == {"commit": None, "changed": None}
