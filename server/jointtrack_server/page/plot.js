// A running plot of one measurement: left and right over the last seconds, with the normal range.

import { element } from "./dom.js";

const SHOWN_S = 10;
const MARGIN = { left: 38, right: 8, top: 8, bottom: 18 };
const MIN_SPAN_DEG = 30;

export class Plot {
  constructor(spec, sides) {
    this.spec = spec;
    this.sides = sides;
    this.points = [];
    this.now = element("span", {});
    this.canvas = element("canvas", { role: "img", "aria-label": `${spec.title} over time` });
    this.node = element("div", { class: "plot", "data-measurement": spec.name }, element("h2", {}, spec.title, this.now), this.canvas);
  }

  add(seconds, value) {
    this.points.push({ seconds, value });
    while (this.points.length && this.points[0].seconds < seconds - SHOWN_S) this.points.shift();
    const shown = (side) => (value?.[side] == null ? "–" : `${Math.round(value[side])}°`);
    this.now.textContent = this.sides.map((side) => `${side} ${shown(side)}`).join("  ");
    this.draw();
  }

  draw() {
    const scale = devicePixelRatio || 1;
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    const context = this.canvas.getContext("2d");
    context.scale(scale, scale);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const axes = this.axes(width, height);
    this.drawGrid(context, axes, colour);
    for (const side of this.sides) this.drawSide(context, axes, side, colour(side));
  }

  axes(width, height) {
    const values = this.points.flatMap(({ value }) => this.sides.map((side) => value?.[side])).filter((one) => one != null);
    let low = Math.min(0, ...values), high = Math.max(low + MIN_SPAN_DEG, ...values);
    const step = [10, 20, 30, 45, 90].find((one) => (high - low) / one <= 5) ?? 90;
    low = Math.floor(low / step) * step;
    high = Math.ceil(high / step) * step;
    const end = Math.max(SHOWN_S, this.points.at(-1)?.seconds ?? 0);
    const inside = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
    return {
      low, high, step, end, width, height,
      x: (seconds) => MARGIN.left + (inside.width * (seconds - end + SHOWN_S)) / SHOWN_S,
      y: (degrees) => MARGIN.top + (inside.height * (high - degrees)) / (high - low),
    };
  }

  drawGrid(context, { low, high, step, end, width, height, x, y }, colour) {
    const { min, max } = this.spec.normal;
    const top = y(Math.min(max, high)), bottom = y(Math.max(min, low));
    context.fillStyle = colour("band");
    if (bottom > top) context.fillRect(MARGIN.left, top, width - MARGIN.left - MARGIN.right, bottom - top);
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = colour("quiet");
    context.strokeStyle = colour("line");
    context.lineWidth = 1;
    for (let degrees = low; degrees <= high; degrees += step) {
      context.beginPath();
      context.moveTo(MARGIN.left, y(degrees));
      context.lineTo(width - MARGIN.right, y(degrees));
      context.stroke();
      context.fillText(`${degrees}°`, 4, y(degrees) + 4);
    }
    for (let seconds = Math.ceil((end - SHOWN_S) / 2) * 2; seconds <= end; seconds += 2) {
      context.fillText(`${seconds} s`, x(seconds) - 8, height - 5);
    }
  }

  drawSide(context, { x, y }, side, colour) {
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.lineJoin = "round";
    context.setLineDash(side === "right" ? [6, 3] : []);
    context.beginPath();
    let isDown = false;
    for (const { seconds, value } of this.points) {
      const degrees = value?.[side];
      if (degrees == null) isDown = false;
      else {
        if (isDown) context.lineTo(x(seconds), y(degrees));
        else context.moveTo(x(seconds), y(degrees));
        isDown = true;
      }
    }
    context.stroke();
    context.setLineDash([]);
  }
}
