"""Fixtures shared by all tests. Everything is seeded; real recordings are found, never copied."""

from __future__ import annotations

import os
from pathlib import Path

# Libraries read it when they are loaded. Files are tested side by side: threads within them would wait for each other
# at every barrier, and the suite take twice as long on two cores.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from browser import chromium

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def project_root() -> Path:
    return PROJECT


def _folder(variable: str, default: str, what: str) -> Path:
    path = Path(os.environ.get(variable, PROJECT / default))
    if not path.is_dir():
        pytest.skip(f"{what} not found at {path}; set {variable} to its folder")
    return path


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real recordings (CSI2PC_TEST_DATA), or skip."""
    return _folder("CSI2PC_TEST_DATA", "../shared/data", "real recordings")


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of values computed by official code (CSI2PC_TEST_REFERENCE), or skip."""
    return _folder("CSI2PC_TEST_REFERENCE", "../shared/reference", "reference values")


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One headless Chromium for all tests of pages, or skip."""
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first: two processes then end at about the same time."""
    items.sort(key=lambda item: item.path.name != "test_configs.py")
