/* Tables that sort by any column, and rows of clouds that turn together. Without this script the page can be read. */
"use strict";

/** The raw value of a cell: a number, NaN for a missing number, or text. */
function cellValue(cell) {
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  return cell.classList.contains("number") ? NaN : cell.textContent;
}

/** Sort by a column; missing values stay at the end whichever way, and equal rows keep their order. */
function sortTable(table, column, ascending) {
  const body = table.tBodies[0], sign = ascending ? 1 : -1;
  const rows = [...body.rows].map((row) => [cellValue(row.cells[column]), row]);
  rows.sort(([a], [b]) => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", {numeric: true}));
  });
  body.append(...rows.map(([, row]) => row));
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      sortTable(table, column, ascending);
    });
  });
}

/** One camera for the canvases of a group; the first cloud, the target, can be shown behind the others. */
function makeViews(group, stored) {
  const canvases = [...group.querySelectorAll("canvas")];
  if (!canvases.length) return;
  const clouds = canvases.map(({dataset}) => ({points: decodePoints(stored[dataset.cloud]), colour: dataset.colour}));
  const camera = new Camera();
  camera.fit(CloudView.box([clouds[0].points]));
  const views = canvases.map((canvas) => new CloudView(canvas, {camera}));
  const behind = document.createElement("input");
  behind.type = "checkbox";
  behind.checked = true;
  const show = () => views.forEach((view, i) => {
    view.setClouds(i && behind.checked ? [{...clouds[0], colour: "--c-behind"}, clouds[i]] : [clouds[i]]);
  });
  behind.addEventListener("change", show);
  show();
  const label = document.createElement("label"), reset = document.createElement("button");
  const hint = document.createElement("span"), controls = document.createElement("div");
  label.append(behind, " target behind");
  reset.textContent = "reset";
  reset.type = "button";
  reset.addEventListener("click", () => camera.reset());
  hint.textContent = "drag or arrow keys turn, wheel or + and - zoom, shift-drag moves";
  controls.className = "controls";
  controls.append(label, reset, hint);
  group.querySelector("h3").after(controls);
}

{
  document.querySelectorAll("table.sortable").forEach(makeSortable);
  const stored = JSON.parse(document.getElementById("clouds").textContent);
  document.querySelectorAll(".views").forEach((group) => makeViews(group, stored));
}
