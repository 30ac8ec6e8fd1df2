"use strict";
// Maps of images on a canvas: thousands of points stay quick. What can be done with the mouse can be done with keys.
const data = JSON.parse(document.getElementById("map-data").textContent);
const find = (id) => document.getElementById(id);
const canvas = find("map"), tip = find("map-tip"), legend = find("map-legend");
const choices = { model: find("map-model"), kind: find("map-kind"), group: find("map-group") };
const pen = canvas.getContext("2d");
const MARGIN = 14, REACH = 18;  // pixels: around the map, and from the pointer to a point
let only = null, current = null;  // the group shown alone, the image pointed at

const model = () => data.models[choices.model.value];
const points = () => model().maps[choices.kind.value];
const group = () => model().groups[choices.group.value];
const colour = (number) => number < 0 ? data.noise : data.colours[number % data.colours.length];
const nameOf = (one, number) => number < 0 ? "noise" : one.names[number];
const marker = (number) => data.markers[Math.max(0, Math.floor(number / data.colours.length)) % data.markers.length];

const OUTLINES = {  // corners on the unit circle; "o" is round
  "^": [[0, -1.25], [1.1, .75], [-1.1, .75]], "v": [[0, 1.25], [1.1, -.75], [-1.1, -.75]],
  "s": [[-.8, -.8], [.8, -.8], [.8, .8], [-.8, .8]], "D": [[0, -1.1], [1.1, 0], [0, 1.1], [-1.1, 0]],
  "P": [[-.35, -1], [.35, -1], [.35, -.35], [1, -.35], [1, .35], [.35, .35], [.35, 1], [-.35, 1], [-.35, .35], [-1, .35], [-1, -.35], [-.35, -.35]],
  "X": [[-.5, -1], [0, -.5], [.5, -1], [1, -.5], [.5, 0], [1, .5], [.5, 1], [0, .5], [-.5, 1], [-1, .5], [-.5, 0], [-1, -.5]],
};

function trace(x, y, size, kind) {
  pen.beginPath();
  if (kind === "o") pen.arc(x, y, size, 0, 7);
  else OUTLINES[kind].forEach(([dx, dy], corner) => pen[corner ? "lineTo" : "moveTo"](x + dx * size, y + dy * size));
  pen.closePath();
}

function place(index) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight], side = Math.min(width, height) - 2 * MARGIN;
  const [x, y] = points()[index];
  return [width / 2 + (x - .5) * side, height / 2 - (y - .5) * side];
}

function draw() {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const size = points().length > 3000 ? 2 : points().length > 1000 ? 3 : 4.5;
  group().of.forEach((number, index) => {
    pen.globalAlpha = only === null || only === number ? .85 : .07;
    pen.fillStyle = colour(number);
    trace(...place(index), size, marker(number));
    pen.fill();
  });
  pen.globalAlpha = 1;
  if (current === null) return;
  pen.lineWidth = 2;
  pen.strokeStyle = "#000000";
  trace(...place(current), size + 3, "o");
  pen.stroke();
}

function nearest(x, y) {
  let best = null, least = REACH ** 2;
  group().of.forEach((number, index) => {
    if (only !== null && only !== number) return;
    const [px, py] = place(index), distance = (px - x) ** 2 + (py - y) ** 2;
    if (distance < least) [best, least] = [index, distance];
  });
  return best;
}

function show(index) {
  current = index;
  tip.hidden = index === null;
  draw();
  if (index === null) return;
  const [x, y] = place(index), first = model().groups[0], number = group().of[index];
  tip.replaceChildren();
  if (data.thumbnails[index]) {
    const picture = document.createElement("img");
    picture.src = "data:image/jpeg;base64," + data.thumbnails[index];
    picture.alt = "";
    tip.append(picture);
  }
  const lines = [nameOf(first, first.of[index]), nameOf(group(), number), data.names[index]];
  [...new Set(lines)].forEach((line, row) => {
    const text = document.createElement(row ? "div" : "strong");
    text.textContent = line;
    tip.append(text);
  });
  const width = canvas.clientWidth;
  tip.style.left = `${Math.max(0, Math.min(x + 14, width - tip.offsetWidth))}px`;
  tip.style.top = `${y + 14 + tip.offsetHeight > canvas.clientHeight ? Math.max(0, y - 14 - tip.offsetHeight) : y + 14}px`;
}

function sample(number) {
  const shape = marker(number), svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "-1.4 -1.4 2.8 2.8");
  const part = document.createElementNS(svg.namespaceURI, shape === "o" ? "circle" : "polygon");
  if (shape === "o") part.setAttribute("r", "1");
  else part.setAttribute("points", OUTLINES[shape].map((corner) => corner.join()).join(" "));
  part.setAttribute("fill", colour(number));
  svg.append(part);
  return svg;
}

function list() {
  only = null;
  const counts = new Map();
  group().of.forEach((number) => counts.set(number, (counts.get(number) || 0) + 1));
  legend.replaceChildren(...[...counts.keys()].sort((a, b) => (a < 0) - (b < 0) || a - b).map((number) => {
    const entry = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.append(sample(number), `${nameOf(group(), number)} (${counts.get(number)})`);
    button.addEventListener("click", () => {
      only = only === number ? null : number;
      legend.querySelectorAll("button").forEach((other) => other.setAttribute("aria-pressed", String(other === button && only !== null)));
      show(null);
    });
    entry.append(button);
    return entry;
  }));
}

function fill(select, names, kept) {
  select.replaceChildren(...names.map(([value, text]) => new Option(text, value)));
  if (names.some(([value]) => String(value) === kept)) select.value = kept;
  select.closest("label").hidden = names.length < 2;
}

function choose() {
  fill(choices.kind, Object.keys(model().maps).map((name) => [name, name]), choices.kind.value || "UMAP");
  fill(choices.group, model().groups.map((one, number) => [number, one.title]), choices.group.value);
  list();
  show(null);
}

function pointAt(event) {  // a picture made anew for each pixel of a movement would flicker
  const index = nearest(event.offsetX, event.offsetY);
  if (index !== current) show(index);
}

function step(by) {
  const shown = group().of.map((number, index) => [number, index]).filter(([number]) => only === null || only === number);
  const at = shown.findIndex(([, index]) => index === current);
  const next = at < 0 ? (by > 0 ? 0 : shown.length - 1) : (at + by + shown.length) % shown.length;
  show(shown[next][1]);
}

fill(choices.model, data.models.map((one, number) => [number, one.model]), "0");
choices.model.addEventListener("change", choose);
choices.kind.addEventListener("change", () => show(null));
choices.group.addEventListener("change", () => { list(); show(null); });
canvas.addEventListener("pointermove", pointAt);
canvas.addEventListener("pointerdown", pointAt);
canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") show(null); });
canvas.addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") show(null);
  if (!by) return;
  event.preventDefault();
  step(by);
});
new ResizeObserver(() => draw()).observe(canvas);
choose();
