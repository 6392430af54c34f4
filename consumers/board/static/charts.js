// The score by day, over its bands, to point into. Without it the same chart stands there as a drawing.
"use strict";

(() => {
  const drawn = new Map();

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  const words = { healthy: "Healthy", watch: "Watch", at_risk: "At risk", critical: "Critical" };

  function shortDay(ms) {
    return new Date(ms).toLocaleDateString(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
  }

  function zones(floors) {
    return (plot) => {
      const { ctx, bbox } = plot;
      let top = 100;
      ctx.save();
      for (const [band, floor] of floors) {
        const upper = plot.valToPos(top, "y", true);
        const lower = plot.valToPos(floor, "y", true);
        ctx.fillStyle = colour("--zone-" + band.replace("_", "-"));
        ctx.fillRect(bbox.left, upper, bbox.width, lower - upper);
        ctx.fillStyle = colour("--" + band.replace("_", "-"));
        ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
        ctx.textBaseline = "top";
        ctx.fillText(words[band] ?? band, bbox.left + 8 * devicePixelRatio, upper + 5 * devicePixelRatio);
        top = floor;
      }
      ctx.restore();
    };
  }

  function draw(figure) {
    const points = JSON.parse(figure.dataset.points);
    const floors = JSON.parse(figure.dataset.floors);
    if (points.length < 2) return;
    const label = figure.querySelector("[aria-label]")?.getAttribute("aria-label") ?? "Score by day";
    drawn.get(figure)?.destroy();
    const host = document.createElement("div");
    host.setAttribute("role", "img");
    host.setAttribute("aria-label", label);
    figure.replaceChildren(host);
    const ink = colour("--ink");
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const readout = document.createElement("figcaption");
    const read = (at) => {
      const [day, score] = points[at ?? points.length - 1];
      readout.textContent = `${shortDay(Date.parse(day + "T00:00:00Z"))}: score ${score.toFixed(0)}`;
    };
    const plot = new uPlot({
      width: figure.clientWidth || 600,
      height: 230,
      cursor: { drag: { x: false, y: false }, points: { size: 8 } },
      legend: { show: false },
      scales: { x: { time: true }, y: { range: [0, 100] } },
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "Etc/UTC"),
      axes: [{ ...axis, values: (_, splits) => splits.map((ts) => shortDay(ts * 1e3)) }, { ...axis, size: 36, splits: () => [0, ...floors.map(([, floor]) => floor).filter((floor) => floor > 0).reverse(), 100] }],
      series: [
        {},
        { stroke: ink, width: 2, points: { size: 4 } },
      ],
      hooks: { drawClear: [zones(floors)], setCursor: [(u) => read(u.cursor.idx)] },
    }, [points.map(([day]) => Date.parse(day + "T00:00:00Z") / 1e3), points.map(([, score]) => score)], host);
    read(null);
    figure.append(readout);
    figure.dataset.drawn = "1";
    drawn.set(figure, plot);
  }

  function all() {
    for (const figure of document.querySelectorAll("[data-plot=score]")) {
      if (!figure.dataset.drawn || figure.querySelector("svg")) draw(figure);
    }
  }

  document.addEventListener("board:fresh", all);
  document.addEventListener("board:theme", () => document.querySelectorAll("[data-plot=score]").forEach(draw));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.querySelectorAll("[data-plot=score]").forEach(draw));
  addEventListener("resize", () => drawn.forEach((plot, figure) => plot.setSize({ width: figure.clientWidth, height: 230 })));
  all();
})();
