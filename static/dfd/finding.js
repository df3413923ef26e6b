// The finding's timeline follows the recording, and a click anywhere on it seeks.
import { colour, player, seek } from "./player.js";

const PLOT_HEIGHT = 150;
const LINES = ["--tblr-primary", "--dfd-fake", "--dfd-real", "--dfd-open", "--dfd-warn"];

document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-seek]");
  if (place) seek(Number(place.dataset.seek));
});

function moveHeatMaps() {
  const slider = document.querySelector("[data-opacity]");
  if (!slider) return;
  const faces = document.querySelector(".faces");
  const show = () => faces.style.setProperty("--dfd-heat", slider.value / 100);
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
  const plots = JSON.parse(data.textContent).map((curve, index) =>
    drawCurve(document.querySelector(`[data-curve="${index}"]`), curve));
  window.addEventListener("resize", () => plots.forEach(({ plot, box }) =>
    plot.setSize({ width: box.clientWidth, height: PLOT_HEIGHT })));
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
    width: 2,
    spanGaps: true,
    points: { show: series.x.length < 80, size: 5 },
  }));
  const plot = new window.uPlot({
    width: box.clientWidth,
    height: PLOT_HEIGHT,
    scales: { x: { time: false } },
    axes: [{ ...axis, label: curve.x_unit, labelSize: 18, size: 34 }, { ...axis, size: 46 }],
    series: [{ label: curve.x_unit }, ...lines],
    cursor: { drag: { x: false, y: false } },
  }, aligned, box);
  if (curve.seeks) followPlayer(plot);
  return { plot, box };
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
