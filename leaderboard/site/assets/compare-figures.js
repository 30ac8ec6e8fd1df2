// For compare.js: what data/<data set>.js says of two models, and drawings and text of it. Every statistic in there was
// computed before; here it is picked out and subtracted. Models are places in the list, best first.
"use strict";
const leaderboardData = Object.create(null); // data set -> its figures, once its script has run
const comparison = (() => {
  const NONE = "–", NAMED = 8, LEVEL = 0.05, SIDES = ["a", "b"], OUTCOMES = ["right", "undecided", "wrong"];
  const LIMITS = [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1];

  // ---- reading: leaderboard/site/comparison/packing.py writes it

  const readThousandths = (text, at) => {
    const digits = text.slice(2 * at, 2 * at + 2);
    return digits === "--" ? null : parseInt(digits, 36) / 1000;
  };
  const placeOf = (one, other, models) => {
    const [low, high] = one < other ? [one, other] : [other, one];
    return low * (2 * models - low - 1) / 2 + high - low - 1;
  };
  const subtract = (one, other) => one === null || other === null ? null : one - other;

  // the lead is the difference, above 0 where A is better
  function compareColumn(data, column, one, other) {
    const { title, better, pairs } = data.columns[column];
    const both = [one, other].map((model) => data.models[model]), at = placeOf(one, other, data.models.length);
    const values = both.map((model) => model.values[column]), difference = subtract(...values);
    return {
      title, better, values, halves: both.map((model) => model.halves[column]),
      lead: difference === null ? null : better < 0 ? -difference : difference,
      half: pairs && readThousandths(pairs.halves, at),
      p: pairs && readThousandths(pairs.p, at),
      told: Boolean(pairs) && pairs.told[at] === "1",
      compared: pairs ? pairs.compared : 0,
    };
  }

  function compareGenera({ genera, classes, counts, models }, one, other) {
    const at = placeOf(one, other, models.length);
    return classes.map((name, genus) => {
      const values = [one, other].map((model) => genera.values[model][genus]);
      const flags = parseInt(genera.told[at * genera.digits + (genus >> 2)], 16);
      const half = readThousandths(genera.halves, at * classes.length + genus);
      return { name, images: counts[genus], values, lead: subtract(...values), half, told: Boolean(flags >> (genus & 3) & 1) };
    });
  }

  function sortImages({ images: { labels, digits, asked, right } }, one, other) {
    const read = (text, image) => parseInt(text.slice(image * digits, (image + 1) * digits), 36);
    const outcomes = Object.fromEntries(OUTCOMES.map((own) => [own, Object.fromEntries(OUTCOMES.map((its) => [its, []]))]));
    let untested = 0;
    labels.forEach((genus, image) => {
      const times = read(asked, image), hits = [one, other].map((model) => read(right[model], image));
      const [own, its] = hits.map((count) => OUTCOMES[1 + Math.sign(times - 2 * count)]);
      if (times) outcomes[own][its].push({ image, genus, times, hits, won: Math.abs(hits[0] - hits[1]) });
      else untested += 1;
    });
    return { outcomes, untested, a: outcomes.right.wrong, b: outcomes.wrong.right };
  }

  // ---- elements and text

  const make = (tag, properties = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const number = (value) => value === null ? NONE : value.toFixed(3).replace("-", "−");
  const interval = (value, half) => number(value) + (value === null || half === null ? "" : `\u00a0±\u00a0${number(half)}`);
  // as render/cells.py: what is told apart never stands beside a p that says otherwise
  const chance = ({ p, told }) => p === null ? NONE : !p ? "<\u00a00.001" : told && p >= LEVEL ? `<\u00a0${LEVEL}` : p.toFixed(3);
  const sideOf = (lead) => lead > 0 ? "a" : "b";
  const letter = (side) => make("b", { class: `side ${side}` }, side.toUpperCase());
  const taxon = (name) => make("span", { class: "taxon" }, name);
  const count = (number, one, several = `${one}s`) => `${number} ${number === 1 ? one : several}`;
  const list = (parts) => parts.flatMap((part, at) => at ? [at === parts.length - 1 ? " and " : ", ", part] : [part]);

  const writeLead = ({ lead, half }) => {
    if (lead === null) return [NONE];
    const text = interval(Math.abs(lead), half);
    return Math.abs(lead) < 0.0005 ? [text] : [letter(sideOf(lead)), `\u00a0+${text}`];
  };
  const judge = ({ lead, half, told, better = 1 }) => {
    if (lead === null || half === null) return make("span", { class: "quiet" }, "no interval");
    if (!told) return make("span", { class: "quiet" }, "not told apart");
    return make("strong", {}, `${sideOf(lead).toUpperCase()} is ${better ? "better" : "higher"}`);
  };

  function describeVerdict({ title, values, halves, lead, half, p, told, compared, better }, names) {
    const order = told && lead < 0 ? [1, 0] : [0, 1];
    const who = order.map((side) => [letter(SIDES[side]), ` ${names[side]} (${interval(values[side], halves[side])})`]);
    const gap = interval(lead === null ? null : Math.abs(lead), half);
    const rare = chance({ p, told }), rarely = `p\u00a0${rare.startsWith("<") ? "" : "=\u00a0"}${rare}`;
    if (told) return [...who[0], ` is ${better ? "better" : "higher"} than `, ...who[1], ` in ${title}: the difference is ${gap} (${rarely}).`];
    const start = [...who[0], " and ", ...who[1], `: the difference in ${title} is ${gap}, `];
    if (half === null) return [...start, "and nothing says how sure that is."];
    const chanceful = compared > 1 ? `which may be chance in one of ${compared} pairs` : "which may be chance";
    return [...start, Math.abs(lead) <= half ? "which these images cannot tell from nothing" : chanceful, ` (${rarely}).`];
  }

  function describeGenera(rows, words) {
    const told = rows.filter((row) => row.told), rest = rows.length - told.length, all = count(rows.length, ...words);
    if (!told.length) return [`These images tell the two apart on none of the ${all}: each of the differences may be chance.`];
    const won = SIDES.map((side) => told.filter((row) => sideOf(row.lead) === side).map((row) => taxon(row.name)));
    const name = (own) => own.length > NAMED ? [own.length === told.length ? "all of them" : `${own.length} of them`] : list(own);
    const parts = SIDES.flatMap((side, at) => won[at].length ? [[letter(side), " is better on ", ...name(won[at])]] : []);
    return [`These images tell the two apart on ${told.length} of ${all}: `, ...parts.flatMap((own, at) => at ? ["; ", ...own] : own), ".",
      rest ? ` On ${rest > 1 ? `the other ${rest}` : "the other one"} the difference may be chance.` : ""];
  }

  // ---- drawings: places in percent of the width; A's side is the left one, as A stands left of B

  const percent = (value, low, high) => `${(100 * Math.min(Math.max((value - low) / (high - low), 0), 1)).toFixed(2)}%`;

  function draw(kind, value, half, low, high) {
    const drawing = make("span", { class: kind });
    const places = { at: value, low: value - (half ?? 0), high: value + (half ?? 0), zero: 0 };
    for (const [name, place] of Object.entries(places)) drawing.style.setProperty(`--${name}`, percent(place, low, high));
    return drawing;
  }
  const drawLead = ({ lead, half, told }, limit) =>
    draw(`lead-bar ${sideOf(lead)}${told ? " told" : ""}`, -(lead ?? 0), half, -limit, limit);
  const writeAxis = (...labels) => make("span", { class: "scale" }, ...labels.map((label) => make("span", {}, label)));
  const writeLimits = (limit) => writeAxis(`A +${limit}`, "0", `B +${limit}`);

  const findLimit = (rows) => {
    const reach = Math.max(0, ...rows.filter(({ lead }) => lead !== null).map(({ lead, half }) => Math.abs(lead) + (half ?? 0)));
    return LIMITS.find((limit) => limit >= reach) ?? 1;
  };
  // of all models, so that it stays where it is when others are chosen
  function findRange(data, column) {
    const known = data.models.filter((model) => model.values[column] !== null);
    const ends = known.flatMap(({ values, halves }) => [-1, 1].map((way) => values[column] + way * (halves[column] ?? 0)));
    const [low, high] = [Math.floor(10 * Math.min(...ends)) / 10, Math.ceil(10 * Math.max(...ends)) / 10];
    return [low, high > low ? high : low + 0.1];
  }

  return {
    OUTCOMES, SIDES, chance, compareColumn, compareGenera, count, describeGenera, describeVerdict, draw, drawLead, findLimit, findRange,
    interval, judge, letter, list, make, number, sortImages, taxon, writeAxis, writeLead, writeLimits,
  };
})();
