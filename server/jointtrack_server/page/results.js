// Shows what POST /detect answered.

import { byId, element, svg } from "./dom.js";
import { reason, warning } from "./words.js";

const SIDES = ["left", "right"];

export function showAnswer(answer, specs, wantedSide) {
  const sides = wantedSide === "both" ? SIDES : [wantedSide];
  byId("answer").replaceChildren(...answer.measurements.map((one) => card(one, specs.get(one.name), sides)));
}

function card(one, spec, sides) {
  const notes = one.warnings.map((code) => element("li", {}, warning(code)));
  return element(
    "article",
    { class: "card", "data-measurement": one.name },
    element("h2", {}, one.title),
    element("img", { src: one.image.data, alt: described(one, sides), width: one.image.width, height: one.image.height }),
    element("dl", { class: "values" }, ...sides.map((side) => value(one, side, spec))),
    range(one, sides),
    element("small", {}, `0° is ${spec.zero}; positive is ${spec.positive}. Normal ${one.normal.min}° to ${one.normal.max}° (${one.normal.source}).`),
    notes.length ? element("ul", { class: "notes" }, ...notes) : null,
  );
}

function value(one, side, spec) {
  const degrees = one.value[side];
  const shown = degrees === null
    ? element("dd", {}, "–", element("small", {}, one.reasons[side] ? reason(one.reasons[side]) : "not measurable"))
    : element("dd", {}, `${degrees}°`, element("small", {}, standing(degrees, one.normal, spec)));
  return element("div", { class: side }, element("dt", {}, side), shown);
}

function standing(degrees, normal, spec) {
  if (spec.kind === "direction" && degrees < 0) return "to the other side";
  if (degrees < normal.min) return "below the normal range";
  return degrees > normal.max ? "above the normal range" : "within the normal range";
}

function described(one, sides) {
  const values = sides.map((side) => `${side} ${one.value[side] === null ? "not measurable" : `${one.value[side]} degrees`}`);
  return `${one.title}, drawn in: ${values.join(", ")}`;
}

// A scale with the normal range; the left value is a disc above it, the right one a square below.
function range(one, sides) {
  const values = sides.map((side) => one.value[side]).filter((degrees) => degrees !== null);
  const low = Math.min(0, one.normal.min, ...values);
  const high = Math.max(one.normal.max, ...values);
  const x = (degrees) => 8 + (284 * (degrees - low)) / (high - low || 1);
  const marks = sides.filter((side) => one.value[side] !== null).map((side) => {
    const at = x(one.value[side]);
    return side === "left"
      ? svg("circle", { class: side, cx: at, cy: 9, r: 5 })
      : svg("rect", { class: side, x: at - 5, y: 20, width: 10, height: 10 });
  });
  return svg(
    "svg",
    { class: "range", viewBox: "0 0 300 44", "aria-hidden": "true" },
    svg("line", { class: "track", x1: x(low), x2: x(high), y1: 15, y2: 15 }),
    svg("line", { class: "normal", x1: x(one.normal.min), x2: x(one.normal.max), y1: 15, y2: 15 }),
    svg("text", { x: x(one.normal.min), y: 42, "text-anchor": "middle" }, `${one.normal.min}°`),
    svg("text", { x: x(one.normal.max), y: 42, "text-anchor": "middle" }, `${one.normal.max}°`),
    ...marks,
  );
}
