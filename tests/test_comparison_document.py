"""docs/comparison.md holds what its per-frame rows say."""

from __future__ import annotations

import re
import runpy

import pytest

NUMBER = re.compile(r"[-+]?\d+\.\d+")


@pytest.fixture(scope="module")
def maker(project_root):
    return runpy.run_path(str(project_root / "docs" / "make_comparison.py"))


def test_the_document_is_what_the_rows_say(maker):
    """Another processor may round the last digit otherwise."""
    text = maker["DOCUMENT"].read_text(encoding="utf-8")
    found = text.split(maker["BEGIN"])[1].split(maker["END"])[0].strip()
    expected = maker["generated"](maker["summarised"]()).strip()
    assert NUMBER.sub("0", found) == NUMBER.sub("0", expected)
    for one, other in zip(NUMBER.findall(found), NUMBER.findall(expected), strict=True):
        assert float(one) == pytest.approx(float(other), abs=1.5 * 10.0 ** -len(one.partition(".")[2]))
