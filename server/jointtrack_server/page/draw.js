// Turns the server's marks into lines of a canvas: what is drawn, and where, is the server's.

// Of pixel (0, 0): the marks count from there, a canvas from the pixel's corner.
const PIXEL_CENTRE = [0.5, 0.5];

export function drawMarks(context, marks) {
  context.save();
  context.translate(...PIXEL_CENTRE);
  for (const mark of marks) {
    if (mark.lines) shade(context, mark);
    else if (mark.area) fill(context, mark);
    else stroke(context, mark.line, mark.width, mark.colour);
  }
  context.restore();
}

function stroke(context, points, width, colour) {
  if (points.length === 2) {
    dot(context, points, width, colour);
    return;
  }
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke(path(points));
}

// Canvases draw nothing for a line that goes nowhere.
function dot(context, [x, y], width, colour) {
  const disc = new Path2D();
  disc.arc(x, y, width / 2, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill(disc);
}

function fill(context, { area, colour, opacity }) {
  context.globalAlpha = opacity;
  context.fillStyle = colour;
  context.fill(path(area));
  context.globalAlpha = 1;
}

let layer = null;

// Lines that cross must not be darker there: they are drawn apart, then laid over as one.
function shade(context, { lines, colour, opacity }) {
  const { width, height } = context.canvas;
  layer ??= document.createElement("canvas");
  if (layer.width !== width || layer.height !== height) Object.assign(layer, { width, height });
  const apart = layer.getContext("2d");
  apart.resetTransform();
  apart.clearRect(0, 0, width, height);
  apart.translate(...PIXEL_CENTRE);
  for (const one of lines) stroke(apart, one.line, one.width, colour);
  context.globalAlpha = opacity;
  context.drawImage(layer, -PIXEL_CENTRE[0], -PIXEL_CENTRE[1]);
  context.globalAlpha = 1;
}

function path(points) {
  const made = new Path2D();
  made.moveTo(points[0], points[1]);
  for (let index = 2; index < points.length; index += 2) made.lineTo(points[index], points[index + 1]);
  return made;
}
