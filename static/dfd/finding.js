// The finding's timeline follows the recording, and a click anywhere on it seeks.
import { colour, player, seek } from "./player.js";

const PLOT_HEIGHT = 150;
const LINES = ["--dfd-line", "--dfd-fake", "--dfd-real", "--dfd-open", "--dfd-warn"];

document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-seek]");
  if (place) seek(Number(place.dataset.seek));
});

function moveHeatMaps() {
  const slider = document.querySelector("[data-opacity]");
  if (!slider) return;
  const show = () => document.querySelectorAll(".faces").forEach((faces) => {
    faces.style.setProperty("--dfd-heat", slider.value / 100);
  });
  slider.addEventListener("input", show);
  show();
}

function movePlayhead() {
  const lanes = document.querySelector("[data-lanes]");
  if (!lanes || !player) return;
  const duration = Number(lanes.dataset.duration);
  const heads = lanes.querySelectorAll("[data-playhead]");
  player.addEventListener("timeupdate", () => {
    const at = `${Math.min(100, (player.currentTime / duration) * 100)}%`;
    heads.forEach((head) => { head.setAttribute("x1", at); head.setAttribute("x2", at); });
  });
}

function drawCurves() {
  const data = document.getElementById("curves");
  if (!data || !window.uPlot) return;
  const curves = JSON.parse(data.textContent);
  const drawn = new Map();
  // A closed <details> has no width to draw in, so its curves wait until it opens.
  const draw = () => document.querySelectorAll("[data-curve]").forEach((box) => {
    if (!box.clientWidth) return;
    if (drawn.has(box)) drawn.get(box).setSize({ width: box.clientWidth, height: PLOT_HEIGHT });
    else drawn.set(box, drawCurve(box, curves[Number(box.dataset.curve)]));
  });
  document.querySelectorAll("details").forEach((details) => details.addEventListener("toggle", draw));
  window.addEventListener("resize", draw);
  draw();
}

function drawCurve(box, curve) {
  const aligned = window.uPlot.join(curve.series.map((series) => [series.x, series.y]));
  const axis = {
    stroke: colour("--tblr-secondary"),
    grid: { stroke: colour("--tblr-border-color"), width: 1 },
    ticks: { stroke: colour("--tblr-border-color"), width: 1 },
  };
  const lines = curve.series.map((series, index) => ({
    label: series.name,
    stroke: colour(LINES[index % LINES.length]),
    value: shown,
    width: 2,
    spanGaps: true,
    points: { show: series.x.length < 80, size: 5 },
  }));
  const plot = new window.uPlot({
    width: box.clientWidth,
    height: PLOT_HEIGHT,
    scales: { x: { time: false, ...range(curve) } },
    axes: [{ ...axis, label: curve.x_unit, labelSize: 18, size: 34 }, { ...axis, size: 46 }],
    series: [{ label: curve.x_unit, value: shown }, ...lines],
    cursor: { drag: { x: false, y: false } },
  }, aligned, box);
  if (curve.seeks) followPlayer(plot);
  return plot;
}

// At rest there is nothing to read, and the style sheet hides what would stand before it.
function shown(_plot, value) {
  return value == null ? "" : String(Number(value.toPrecision(4)));
}

// Curves over time share the recording's length, so that they stand under one another.
function range(curve) {
  const duration = Number(document.querySelector("[data-lanes]")?.dataset.duration);
  return curve.seeks && duration ? { range: [0, duration] } : {};
}

function followPlayer(plot) {
  plot.over.addEventListener("click", () => {
    if (plot.cursor.left >= 0) seek(plot.posToVal(plot.cursor.left, "x"));
  });
  if (!player) return;
  player.addEventListener("timeupdate", () => {
    plot.setCursor({ left: plot.valToPos(player.currentTime, "x"), top: 0 }, false);
  });
}

moveHeatMaps();
movePlayhead();
drawCurves();
