"""The page as a reader opens it: in a browser, from disk."""

from __future__ import annotations

import numpy as np
import pytest
from browser import console_errors, ink
from report_case import HOSTILE, make_comparison, make_run

from csi2pc.engine.comparison_record import report_comparison
from csi2pc.engine.report import report
from csi2pc.engine.run_record import report_run
from csi2pc.errors import DataError


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Reports of a run and of a comparison."""
    folder = tmp_path_factory.mktemp("reports")
    run = make_run(folder / "run", np.random.default_rng(0), done=2)
    comparison = make_comparison(folder / "losses", np.random.default_rng(0), failed=True)
    for name, (page, _) in {"run": report_run(run), "comparison": report_comparison(comparison)}.items():
        page.write(folder / f"{name}.html")
    return folder


@pytest.fixture
def opened(browser, pages, request):
    browser.get((pages / f"{request.param}.html").as_uri())
    return browser


both = pytest.mark.parametrize("opened", ["run", "comparison"], indirect=True)


@both
def test_it_opens_from_disk_without_an_error_or_a_connection(opened):
    assert console_errors(opened) == []
    entries = opened.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert entries == []
    wide = "return document.documentElement.scrollWidth <= innerWidth"
    assert opened.execute_script(wide)


@both
def test_text_of_the_folder_stays_text(opened):
    assert opened.find_elements("tag name", "img") == []
    assert HOSTILE in opened.find_element("tag name", "main").text
    assert opened.title.startswith(("Run", "Comparison"))


@pytest.mark.parametrize("opened", ["run"], indirect=True)
def test_a_table_sorts_by_raw_value_by_pointer_and_by_key(opened):
    table = opened.find_element("id", "table-by-action")
    heads = table.find_elements("css selector", "th")
    values = "return [...arguments[0].tBodies[0].rows].map((row) => row.cells[arguments[1]].textContent)"
    heads[3].find_element("tag name", "button").click()
    ascending = opened.execute_script(values, table, 3)
    numbers = [float(text.split()[0]) for text in ascending]
    assert numbers == sorted(numbers) and heads[3].get_attribute("aria-sort") == "ascending"
    heads[3].find_element("tag name", "button").send_keys("\n")
    assert opened.execute_script(values, table, 3) == ascending[::-1]
    assert heads[3].get_attribute("aria-sort") == "descending"
    heads[0].find_element("tag name", "button").click()
    assert heads[3].get_attribute("aria-sort") == "none"
    assert opened.execute_script(values, table, 0)[-1] == "A02"


@both
def test_one_camera_turns_all_views_of_a_frame(opened):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.support.ui import WebDriverWait

    group, other = opened.find_elements("class name", "views")[:2]
    views = group.find_elements("tag name", "canvas")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", views[0])
    far = other.find_element("tag name", "canvas")

    def drawn(_=None):
        return all(int(view.get_attribute("data-drawn") or 0) for view in [*views, far])

    WebDriverWait(opened, 10).until(drawn)
    start = [ink(opened, view) for view in views]
    untouched = ink(opened, far)
    ActionChains(opened).drag_and_drop_by_offset(views[0], 70, 20).perform()
    WebDriverWait(opened, 10).until(lambda _: all(ink(opened, v) != s for v, s in zip(views, start, strict=True)))
    assert ink(opened, far) == untouched
    turned = ink(opened, views[1])
    views[1].send_keys("\ue014")  # arrow to the right
    WebDriverWait(opened, 10).until(lambda _: ink(opened, views[1]) != turned)
    group.find_element("tag name", "button").click()
    WebDriverWait(opened, 10).until(lambda _: [ink(opened, view) for view in views] == start)
    assert console_errors(opened) == []


def test_files_beside_the_page_and_none_of_an_earlier_report(tmp_path, rng):
    folder = make_run(tmp_path / "run", rng, evaluated=False)
    report(folder)
    (folder / "report" / "tables").mkdir(parents=True)
    (folder / "report" / "tables" / "scores.csv").write_text("of an earlier report")
    assert report(folder) == folder / "report.html"
    names = sorted(path.name for path in (folder / "report").rglob("*") if path.is_file())
    assert names == [f"learning-{what}.{kind}" for what in ("chamfer_l1", "total") for kind in ("pdf", "png")]
    out = tmp_path / "elsewhere" / "mine.html"
    assert report(folder, out) == out and (out.parent / "mine" / "figures").is_dir()


def test_files_of_someone_else_are_not_replaced(tmp_path, rng):
    folder = make_run(tmp_path / "run", rng, evaluated=False)
    own = tmp_path / "paper" / "tables" / "scores.tex"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    for page in (None, "<p>my own page</p>"):
        if page is not None:
            (tmp_path / "paper.html").write_text(page)
        with pytest.raises(DataError, match=r"holds files, and no report stands at .*paper\.html: move them away"):
            report(folder, tmp_path / "paper.html")
        assert own.read_text() == "mine" and [*(tmp_path / "paper").rglob("*")] == [own.parent, own]
    own.unlink()
    own.parent.rmdir()
    for _ in range(2):  # into an empty folder, and over the first report
        assert (report(folder, tmp_path / "paper.html").parent / "paper" / "figures").is_dir()


def test_a_variant_whose_name_is_no_text_is_drawn(tmp_path):
    folder = make_comparison(tmp_path / "losses", np.random.default_rng(0), variants=("apml", "odd"), seeds=(0,))
    for name in ("comparison.json", "runs.json", "learning_rates.json"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace('"odd"', '"a\\ud800"'))
    page = report(folder).read_text()
    assert "a\ufffd" in page and (folder / "report" / "figures" / "frames-data.png").is_file()


def test_what_is_neither_a_run_nor_a_comparison_is_refused(tmp_path, rng):
    with pytest.raises(DataError, match=r"holds config\.yaml, or of a comparison, which holds compare\.yaml"):
        report(tmp_path)
    with pytest.raises(DataError, match="let its name end in .html"):
        report(make_run(tmp_path / "run", rng, evaluated=False), tmp_path / "page.pdf")


@pytest.mark.parametrize("link", ["report", "report/tables", "report/figures"])
def test_nothing_is_written_or_removed_through_a_link(tmp_path, rng, link):
    folder, elsewhere = make_run(tmp_path / "run", rng, evaluated=False), tmp_path / "elsewhere"
    (elsewhere / "tables").mkdir(parents=True)
    kept = [elsewhere / "kept.csv", elsewhere / "tables" / "kept.csv"]
    for file in kept:
        file.write_text("mine")
    (folder / link).parent.mkdir(exist_ok=True)
    (folder / link).symlink_to(elsewhere)
    with pytest.raises(DataError, match="never through a link"):
        report(folder)
    assert all(file.read_text() == "mine" for file in kept)


def test_a_page_carries_no_file_from_elsewhere(tmp_path, rng):
    folder = make_run(tmp_path / "run", rng, evaluated=False)
    (folder / "config.yaml").rename(tmp_path / "other.yaml")
    (folder / "config.yaml").symlink_to(tmp_path / "other.yaml")
    with pytest.raises(DataError, match=r"config\.yaml must lie in its folder"):
        report(folder)
