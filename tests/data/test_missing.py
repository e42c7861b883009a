from __future__ import annotations

from csi2pc.data.missing import missing


def test_a_relative_path_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert missing("nowhere") == f"nowhere does not exist (looked in {tmp_path})"
    assert missing("data/nowhere") == f"data/nowhere does not exist (looked in {tmp_path / 'data'})"
    assert missing(tmp_path / "nowhere") == f"{tmp_path / 'nowhere'} does not exist"
