// The compare page: two models of a data set, chosen in the address (#set=…&a=…&b=…) or by the controls.
"use strict";
(() => {
  const { OUTCOMES, SIDES, chance, count, draw, drawLead, findLimit, interval, judge, letter, list, make, number, taxon, writeAxis,
    writeLead, writeLimits, ...read } = comparison;
  const SHOWN = 24; // images of a list, before the rest is asked for
  const NAMED = 12; // models that one sentence lists
  const LONG = 60; // characters of what an address asks for
  const byId = (id) => document.getElementById(id);
  const fill = (target, ...children) => (typeof target === "string" ? byId(target) : target).replaceChildren(...children);
  const announce = (id, ...children) => { // what is new is read out, and nothing else
    const said = make("p", {}, ...children);
    if (byId(id).textContent !== said.textContent) byId(id).replaceChildren(...said.childNodes);
  };
  const form = byId("choice"), controls = form.elements, state = { set: "", a: "", b: "" };
  const sets = Array.from(controls.set.options, (option) => option.value);
  const writeHash = () => `#${new URLSearchParams(state)}`;

  const row = (...cells) => make("tr", { role: "row" }, ...cells);
  const head = (...children) => make("th", { role: "rowheader", scope: "row" }, ...children);
  const cell = (kind, label, ...children) => make("td", { role: "cell", class: kind, "data-label": label }, ...children);
  const bare = (kind, ...children) => make("td", { role: "cell", class: kind }, ...children);

  // ---- figures

  function showVerdict(data, rows, names) {
    const [ranking] = rows, limit = findLimit([ranking]), [low, high] = read.findRange(data, 0);
    announce("verdict", ...read.describeVerdict(ranking, names));
    const tracks = names.flatMap((name, side) => [make("span", { class: "label" }, letter(SIDES[side]), ` ${name}`),
      draw(`track ${SIDES[side]}`, ranking.values[side], ranking.halves[side], low, high)]);
    const ticks = [low, (low + high) / 2, high].map((tick) => String(Number(tick.toFixed(2))));
    fill("drawn", ...tracks, make("span", { class: "label axis" }, ranking.title), writeAxis(...ticks),
      make("span", { class: "label" }, "Difference"), drawLead(ranking, limit),
      make("span", { class: "label axis" }, "who is better"), writeLimits(limit));
    fill(byId("figures").tBodies[0], ...rows.map((figure) => row(head(figure.title),
      ...SIDES.map((side, at) => cell("number", side.toUpperCase(), interval(figure.values[at], figure.halves[at]))),
      cell("number", "Difference", ...writeLead(figure)), cell("number", "p", chance(figure)), bare("words", judge(figure)))));
    const family = `p is adjusted (Holm) for all ${ranking.compared} pairs of models of this data set, as on the table.`;
    fill("family", "± is half of a 95 % interval. ", ranking.compared > 1 ? family : "");
    showCommand(ranking);
  }

  function showCommand({ compared, told }) {
    byId("terminal").hidden = !compared; // it compares only what has intervals
    const others = count(compared - 1, "pair");
    const alone = `In a terminal, this command compares the two alone. Its p is not adjusted for the other ${others} of the table: `
      + "it may be smaller than the one above, and say better or worse where the table does not.";
    const settling = told ? "" : " It also says how many images would settle what is open.";
    fill("settle", compared > 1 ? alone + settling : `The same in a terminal:${settling}`);
    fill("command", `leaderboard compare ${state.a} ${state.b} --dataset ${state.set}`);
  }

  function writeWords([one, many]) {
    const words = { class: one, classes: many, Class: one[0].toUpperCase() + one.slice(1) };
    for (const place of document.querySelectorAll("[data-classes]")) fill(place, words[place.dataset.classes]);
  }

  // ---- genera

  const byName = (one, other) => one.name < other.name ? -1 : one.name > other.name ? 1 : 0;
  const ORDERS = {
    lead: (one, other) => (other.lead ?? -9) - (one.lead ?? -9),
    size: (one, other) => Math.abs(other.lead ?? 0) - Math.abs(one.lead ?? 0),
    name: () => 0,
    images: (one, other) => other.images - one.images,
  };

  function showGenera(data, one, other, names) {
    byId("genera-part").hidden = !data.genera;
    if (!data.genera) return fill("genera-verdict", `Figures of single ${data.words[1]} have no intervals here, so they are not compared.`);
    const rows = read.compareGenera(data, one, other), limit = findLimit(rows);
    fill("genera-verdict", ...read.describeGenera(rows, data.words));
    fill(byId("genera").caption, `${data.genera.title}, `, letter("a"), ` ${names[0]} and `, letter("b"), ` ${names[1]}`);
    fill(byId("genera").querySelector(".axis"), writeLimits(limit));
    rows.sort(byName).sort(ORDERS[byId("order").value]);
    fill(byId("genera").tBodies[0], ...rows.map((genus) => row(head(taxon(genus.name)), cell("number images", "Images", String(genus.images)),
      ...SIDES.map((side, at) => cell("number", side.toUpperCase(), number(genus.values[at]))),
      bare("drawing", drawLead(genus, limit)), bare("number gap", ...writeLead(genus)), bare("words", judge(genus)))));
    return fill("genera-note", data.genera.note);
  }

  // ---- images

  function showImages(data, one, other, names) {
    byId("images").hidden = !data.images;
    byId("no-images").hidden = Boolean(data.images);
    if (!data.images) return;
    const found = read.sortImages(data, one, other), total = data.images.labels.length - found.untested;
    const share = (images) => ` (${Math.round(100 * images.length / Math.max(total, 1))}\u00a0%)`;
    const write = (images) => bare("number", String(images.length), make("span", { class: "part" }, share(images)));
    fill(byId("outcomes").tBodies[0], ...OUTCOMES.map((own) =>
      row(head(letter("a"), ` ${own}`), ...OUTCOMES.map((its) => write(found.outcomes[own][its])))));
    fill("untested", `${count(total, "image")} were tested.`, found.untested ? ` No split tests the other ${found.untested}.` : "");
    fill("credit", data.images.picture ? data.images.credit : "");
    SIDES.forEach((side, at) => showList(data, byId(`only-${side}`), found[side], side, names[at]));
  }

  function showList(data, part, images, side, name) {
    const [title, body, button] = part.children;
    fill(title, "Only ", letter(side), ` ${name} is right: ${count(images.length, "image")}`);
    const show = (all) => {
      fill(body, ...listGroups(data, images, all ? Infinity : SHOWN));
      button.textContent = all ? `Show the first ${SHOWN}` : `Show all ${images.length}`;
      button.setAttribute("aria-expanded", String(all));
    };
    button.hidden = images.length <= SHOWN;
    button.onclick = () => show(button.getAttribute("aria-expanded") !== "true");
    show(false);
  }

  // by tests that the model won: of an image, then of those of a class; so that what rests on single tests comes last
  function groupByGenus(data, images) {
    const groups = data.classes.map((name) => ({ name, own: [], won: 0 }));
    for (const item of images) {
      groups[item.genus].own.push(item);
      groups[item.genus].won += item.won;
    }
    for (const { own } of groups) own.sort((one, other) => other.won - one.won || one.times - other.times || one.image - other.image);
    return groups.filter(({ own }) => own.length).sort(byName).sort((one, other) => other.won - one.won);
  }

  function listGroups(data, images, most) {
    const kind = data.images.picture ? "specimens" : "specimens named";
    let left = most;
    return groupByGenus(data, images).flatMap(({ name, own }) => {
      const shown = own.slice(0, left);
      left -= shown.length;
      if (!shown.length) return [];
      const size = shown.length < own.length ? `${shown.length} of ${own.length}` : own.length;
      return [make("h4", {}, taxon(name), ` (${size})`), make("ul", { class: kind }, ...shown.map((item) => describeImage(data, item)))];
    });
  }

  function describeImage(data, { image, genus, hits, times }) {
    const { files, picture, labels } = data.images;
    const source = picture?.replace(/0+(?=\.\w+$)/, (zeros) => String(image).padStart(zeros.length, "0"));
    const pictures = source ? [make("img", { src: source, alt: "", width: 96, height: 96, loading: "lazy" })] : [];
    const within = 1 + labels.slice(0, image).filter((label) => label === genus).length;
    const name = make("span", { class: "file" }, files ? files[image] : `image ${within}`);
    const tests = SIDES.flatMap((side, at) => [at ? " " : "", letter(side), `\u00a0${hits[at]}/${times}`]);
    return make("li", {}, make("figure", {}, ...pictures, make("figcaption", {}, name, make("span", { class: "tests" }, ...tests))));
  }

  // ---- around them

  function showNotes(data, one, other) {
    const noticed = [one, other].map((model) => data.models[model]).filter(({ notice }) => notice);
    fill("notices", noticed.map(({ id, notice }) => `${id}: ${notice}.`).join(" "));
    fill("warnings", ...data.warnings.length ? [make("p", { class: "warning" }, data.warnings.join(" "))] : []);
    const link = (href, text) => make("li", {}, make("a", { href }, text));
    fill("links", link(writeHash(), "Link to this comparison"), link(`index.html#set=${state.set}`, `The table of ${state.set}`),
      ...SIDES.map((side) => link(`models/${state[side]}.html`, `${side.toUpperCase()}: ${state[side]}`)),
      link(`datasets/${state.set}.html`, `About ${state.set}`));
    byId("others").hidden = !data.others.length;
    const [summary, reasons] = byId("others").children;
    fill(summary, `${count(data.others.length, "model")} of ${state.set} that cannot be compared, and why`);
    fill(reasons, ...data.others.map(([model, why]) => make("li", {}, `${model}: ${why}`)));
  }

  function show(data) {
    const ids = data.models.map(({ id }) => id), names = [state.a, state.b], [one, other] = names.map((id) => ids.indexOf(id));
    controls.set.value = state.set;
    for (const side of SIDES) {
      fill(controls[side], ...ids.map((id) => make("option", { value: id }, id)));
      controls[side].value = state[side];
    }
    writeWords(data.words);
    showNotes(data, one, other);
    showVerdict(data, data.columns.map((_, column) => read.compareColumn(data, column, one, other)), names);
    showGenera(data, one, other, names);
    showImages(data, one, other, names);
    document.title = `${state.a} and ${state.b} on ${state.set} · Fossil leaderboard`;
  }

  // ---- from what is wanted to what is shown; a wish that cannot be met is said, and the best models stand in

  function load(set) {
    if (leaderboardData[set]) return Promise.resolve(leaderboardData[set]);
    return new Promise((resolve) => {
      const script = make("script", { src: `data/${set}.js` });
      for (const event of ["load", "error"]) script.addEventListener(event, () => resolve(leaderboardData[set]));
      document.head.append(script);
    });
  }

  const cut = (text) => text.length > LONG ? `${text.slice(0, LONG)}…` : text;

  function settleModels(data, wanted) {
    const ids = data.models.map(({ id }) => id), unknown = SIDES.filter((side) => wanted[side] && !ids.includes(wanted[side]));
    const problems = unknown.map((side) => {
      const [, why] = data.others.find(([model]) => model === wanted[side]) ?? [];
      return why ? `${wanted[side]} cannot be compared on ${state.set} (${why}).` : `${cut(wanted[side])} is not measured on ${state.set}.`;
    });
    const all = ids.length > NAMED ? `the ${ids.length} in the lists above` : list(ids).join("");
    if (unknown.length) problems.push(`Those that can be compared: ${all}.`);
    const [one, other] = SIDES.map((side) => unknown.includes(side) ? null : wanted[side]);
    if (one && one === other) problems.push(`A and B are both ${one}; choose another one.`);
    state.a = one || ids.find((id) => id !== other);
    state.b = other && other !== state.a ? other : ids.find((id) => id !== state.a);
    return problems;
  }

  // isStep: a choice that the address does not say yet, and that the way back undoes
  async function choose(wanted, isStep = false) {
    const isKnown = sets.includes(wanted.set), set = isKnown ? wanted.set : sets[0];
    const problems = isKnown || !wanted.set ? [] : [`Nothing can be compared on ${cut(wanted.set)}.`, `Offered: ${list(sets).join("")}.`];
    state.set = set;
    const data = await load(set);
    if (state.set !== set) return; // another one was chosen meanwhile
    byId("comparison").hidden = !data;
    if (data) {
      problems.push(...settleModels(data, wanted));
      show(data);
      if (isStep) history.pushState(null, "", writeHash());
    } else problems.push(`data/${set}.js cannot be read: this copy of the site is not whole.`);
    announce("problem", ...problems.length ? [make("p", { class: "warning" }, problems.join(" "))] : []);
  }

  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    return Object.fromEntries(Object.keys(state).map((key) => [key, given.get(key)]));
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => {
    const wanted = Object.fromEntries(Object.keys(state).map((key) => [key, controls[key].value]));
    if (wanted.a === wanted.b) wanted[target.name === "a" ? "b" : "a"] = state[target.name]; // both the same: they swap
    choose(wanted, true);
  });
  byId("swap").addEventListener("click", () => choose({ ...state, a: state.b, b: state.a }, true));
  byId("order").addEventListener("change", () => {
    const data = leaderboardData[state.set], ids = data.models.map(({ id }) => id), names = [state.a, state.b];
    showGenera(data, ...names.map((id) => ids.indexOf(id)), names);
  });
  addEventListener("hashchange", () => { if (!location.hash || location.hash.includes("=")) choose(readAddress()); });
  form.hidden = false;
  choose(readAddress());
})();
