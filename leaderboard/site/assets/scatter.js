// The front page: the shown rows as points, quality against what it costs, with the best for the least.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const COSTS = {
    speed: { unit: "images/s", axis: "images per second (the faster the further right)", sign: -1 },
    parameters: { unit: "parameters", axis: "parameters", sign: 1 },
  };
  const find = (selector, root = document) => root.querySelector(selector);
  const list = (selector, root = document) => [...root.querySelectorAll(selector)];
  let view = null;

  const draw = (name, attributes, parent, text) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent?.append(element);
    return element;
  };
  const shorten = (value) => value >= 1e6 ? `${+(value / 1e6).toPrecision(3)}M` : String(+value.toPrecision(3));

  // ---- rows as points
  const readPoints = (section, cost) => {
    const column = find(`thead [data-key="${cost}"]`, section)?.cellIndex;
    if (column === undefined) return [];
    return list("tr[data-id]:not([hidden])", section).flatMap((row) => {
      const drawn = find("td.drawn", row), at = row.cells[column].dataset.v;
      if (drawn.dataset.v === undefined || at === undefined) return [];
      return [{
        id: row.dataset.id, kind: row.dataset.kind, isCompared: "compared" in row.dataset, href: find(".model a", row).getAttribute("href"),
        x: Number(at), y: Number(drawn.dataset.v), half: Number(drawn.dataset.half ?? 0), text: find(".value", drawn).textContent.trim(),
        cost: row.cells[column].textContent.trim(),
      }];
    });
  };
  const findFront = (points, sign) => {
    const order = points.filter((point) => point.isCompared).sort((a, b) => sign * (a.x - b.x) || b.y - a.y);
    let best = -Infinity;
    return order.filter((point) => point.y > best && ((best = point.y), true));
  };

  // ---- scales
  const niceTicks = (low, high) => {
    const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((one) => (high - low) / one <= 6) ?? 1;
    const ticks = [];
    for (let tick = Math.ceil(low / step - 1e-9); tick * step <= high + 1e-9; tick++) ticks.push(+(tick * step).toFixed(2));
    return ticks;
  };
  const logTicks = (low, high) => {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) for (const one of [1, 2, 5]) ticks.push(one * 10 ** power);
    const inside = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
    return inside.length > 7 ? inside.filter((tick) => /^[1]/.test(tick.toExponential())) : inside;
  };
  const makeScales = (points, size) => {
    const positive = points.map((point) => point.x).filter((x) => x > 0), hasZero = positive.length < points.length;
    const [least, most] = positive.length ? [Math.min(...positive) / 1.25, Math.max(...positive) * 1.25] : [1, 10];
    const low = Math.max(0, Math.min(...points.map((point) => point.y - point.half)) - 0.02);
    const high = Math.min(1, Math.max(...points.map((point) => point.y + point.half)) + 0.02);
    const left = size.left + (hasZero ? 44 : 0), width = size.width - left - size.right, height = size.height - size.top - size.bottom;
    const share = (x) => (Math.log10(x) - Math.log10(least)) / (Math.log10(most) - Math.log10(least));
    return {
      x: (x) => x > 0 ? left + width * share(x) : size.left + 14,
      y: (y) => size.top + height * (high - y) / (high - low || 1),
      xTicks: positive.length ? logTicks(least, most) : [], yTicks: niceTicks(low, high), hasZero, left,
    };
  };

  // ---- names: the first free place around a point; none where there is none, because pointing at it shows it
  const overlaps = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const PLACES = [[1, 0], [1, -1], [1, 1], [-1, 0], [-1, -1], [-1, 1], [0, -1], [0, 1]];
  const listPlaces = (point, width) => [1, 2, 3.2].flatMap((far) => PLACES.map(([dx, dy]) => {
    const x = point.px + dx * 9 * (dy ? Math.max(1, far * 0.8) : far), y = point.py + dy * 14 * far + 4;
    const left = dx > 0 ? x : dx < 0 ? x - width : x - width / 2;
    return { left, right: left + width, top: y - 11, bottom: y + 3, x: left, y, far };
  }));
  const placeName = (point, width, taken, size) => listPlaces(point, width).find((box) => box.left >= size.left && box.right <= size.width
    && box.top >= 0 && box.bottom <= size.height - size.bottom && !taken.some((other) => overlaps(box, other)));
  const writeName = (parent, text, box) => draw("text", { class: "name", x: box.x, y: box.y }, parent, text);
  const pen = document.createElement("canvas").getContext("2d"); // measures without laying out the page
  const measureText = (canvas, text) => {
    pen.font = `12px ${getComputedStyle(canvas).fontFamily}`;
    return pen.measureText(text).width;
  };

  // ---- parts of the picture
  const drawAxes = (svg, scales, size, words) => {
    const bottom = size.height - size.bottom;
    for (const tick of scales.yTicks) {
      draw("line", { class: "grid", x1: size.left, x2: size.width - size.right, y1: scales.y(tick), y2: scales.y(tick) }, svg);
      draw("text", { x: size.left - 8, y: scales.y(tick) + 4, "text-anchor": "end" }, svg, String(tick));
    }
    draw("line", { class: "axis", x1: scales.left, x2: size.width - size.right, y1: bottom, y2: bottom }, svg);
    for (const tick of scales.xTicks) {
      draw("line", { class: "axis", x1: scales.x(tick), x2: scales.x(tick), y1: bottom, y2: bottom + 4 }, svg);
      draw("text", { x: scales.x(tick), y: bottom + 18, "text-anchor": "middle" }, svg, shorten(tick));
    }
    if (scales.hasZero) {
      draw("line", { class: "axis", x1: scales.x(0) - 10, x2: scales.x(0) + 10, y1: bottom, y2: bottom }, svg);
      draw("text", { x: scales.x(0), y: bottom + 18, "text-anchor": "middle" }, svg, "0");
    }
    draw("text", { x: size.width - size.right, y: bottom + 38, "text-anchor": "end" }, svg, words.x);
    draw("text", { x: 0, y: 10 }, svg, words.y);
  };
  const drawFront = (svg, front) => { // from the cheapest to the best: what it takes to get better
    const steps = front.map((point, place) => place ? `H${point.px}V${point.py}` : `M${point.px} ${point.py}`);
    if (front.length > 1) draw("path", { class: "front-line", d: steps.join("") }, svg);
  };
  const describePoint = (point, words) => {
    const apart = point.kind === "reported" ? "reported by others" : point.isCompared ? "" : "not compared";
    return [`${point.id}: ${words.y} ${point.text}`, `${point.cost} ${words.unit}`, point.isFront ? "on the front" : "", apart].filter(Boolean).join(", ");
  };
  const drawPoint = (svg, point, words) => {
    const kind = point.isFront ? "measured front" : point.isCompared ? "measured" : "";
    const link = draw("a", { href: point.href, class: kind, "aria-label": describePoint(point, words) }, svg);
    if (point.half) draw("line", { class: "whisker", x1: point.px, x2: point.px, y1: point.low, y2: point.high }, link);
    draw("circle", { cx: point.px, cy: point.py, r: 5 }, link);
    draw("circle", { cx: point.px, cy: point.py, r: 12, style: "fill:transparent;stroke:none" }, link); // easier to hit
    return link;
  };
  const nameOnDemand = (svg, link, point, size) => {
    let name = null;
    const show = () => {
      if (name || point.isNamed) return;
      const width = measureText(svg, point.id);
      name = writeName(svg, point.id, placeName(point, width, [], size) ?? { x: Math.max(0, point.px - width - 9), y: point.py - 10 });
    };
    const hide = () => { name?.remove(); name = null; };
    for (const event of ["pointerenter", "focus"]) link.addEventListener(event, show);
    for (const event of ["pointerleave", "blur"]) link.addEventListener(event, hide);
  };
  const box = (x1, x2, y1, y2, margin) => ({
    left: Math.min(x1, x2) - margin, right: Math.max(x1, x2) + margin, top: Math.min(y1, y2) - margin, bottom: Math.max(y1, y2) + margin,
  });
  const listSteps = (front) => front.slice(1).flatMap((point, place) => [
    box(front[place].px, point.px, front[place].py, front[place].py, 1), box(point.px, point.px, front[place].py, point.py, 1),
  ]);
  const nameFront = (svg, front, points, size) => {
    const taken = [...points.map((point) => box(point.px, point.px, point.py, point.py, 6)), ...listSteps(front)];
    for (const point of front) {
      const found = placeName(point, measureText(svg, point.id), taken, size);
      if (!found) continue;
      const end = { x2: Math.min(Math.max(point.px, found.left), found.right), y2: found.y > point.py ? found.top + 2 : found.bottom - 2 };
      if (found.far > 1) draw("line", { class: "leader", x1: point.px, y1: point.py, ...end }, svg);
      writeName(svg, point.id, found);
      point.isNamed = true;
      taken.push(found);
    }
  };

  // ---- the figure and what is to be said of it
  const describeFront = (front, words) => front.map((point) => `${point.id} (${point.text} at ${point.cost} ${words.unit})`).join(", ");
  const caption = (points, front, words, section) => {
    const parts = [];
    if (front.length > 1) {
      parts.push(`On the line: ${describeFront(front, words)}.`, "No other measured model shown is both better and cheaper than one on the line.");
      parts.push("The line knows nothing of ties: of points closer than these images can resolve, either may be the better one.");
    } else if (front.length && points.filter((point) => point.isCompared).length > 1) {
      parts.push(`${describeFront(front, words)} is both the best and the cheapest of the compared models shown.`);
    }
    if (!("ranked" in section.dataset) && points.length) parts.push("Nothing here is ranked, so there is no line.");
    if (points.some((point) => !point.isCompared)) parts.push("Hollow: reported by others, or not comparable; never on the line.");
    return parts.join(" ");
  };
  const measure = (canvas) => {
    const width = canvas.clientWidth, height = Math.round(Math.min(460, Math.max(300, width * 0.55)));
    return { width, height, left: 34, right: 10, top: 26, bottom: 46 };
  };
  const placePoints = (points, scales, front) => points.map((point) => ({
    ...point, px: scales.x(point.x), py: scales.y(point.y), low: scales.y(point.y - point.half), high: scales.y(point.y + point.half),
    isFront: front.includes(point),
  }));
  const drawPicture = (canvas, points, words, front) => {
    const size = measure(canvas), { width, height } = size, scales = makeScales(points, size);
    const label = `${words.y} against ${words.unit}, a point per model`;
    const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label }, canvas);
    const placed = placePoints(points, scales, front), line = front.map((point) => placed[points.indexOf(point)]);
    drawAxes(svg, scales, size, words);
    drawFront(svg, line);
    const links = placed.map((point) => [drawPoint(svg, point, words), point]);
    nameFront(svg, line, placed, size);
    for (const [link, point] of links) nameOnDemand(svg, link, point, size);
  };
  const explainNothing = (cost) => {
    const what = cost === "speed" ? "no images/s are recorded (pytest --record-speed does it)" : "no numbers of parameters are known";
    return `Nothing to draw: for the models shown, ${what}.`;
  };
  const show = () => {
    const { section, cost } = view, figure = find(".scatter"), canvas = find(".canvas", figure), points = readPoints(section, cost);
    const words = { x: COSTS[cost].axis, y: find("thead th.drawn", section).dataset.title, unit: COSTS[cost].unit };
    const front = "ranked" in section.dataset ? findFront(points, COSTS[cost].sign) : [];
    figure.hidden = !find("tr[data-id]:not([hidden])", section);
    canvas.replaceChildren();
    if (figure.hidden) return;
    find("figcaption", figure).textContent = points.length ? caption(points, front, words, section) : explainNothing(cost);
    if (points.length) drawPicture(canvas, points, words, front);
  };
  let due = 0;
  const plan = () => { // after the table, and once for all that happens before the next picture
    cancelAnimationFrame(due);
    due = requestAnimationFrame(show);
  };
  document.addEventListener("leaderboard:view", (event) => {
    view = { section: event.detail.section, cost: event.detail.x || "speed" };
    plan();
  });
  let known = innerWidth;
  addEventListener("resize", () => {
    if (view && innerWidth !== known) plan();
    known = innerWidth;
  });
})();
