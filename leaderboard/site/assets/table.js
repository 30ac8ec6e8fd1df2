// The front page: which table is shown, of which models and in which order, all of it kept in the address.
"use strict";
(() => {
  document.documentElement.classList.add("scripted"); // at once, so that no other table is seen first
  const find = (selector, root = document) => root.querySelector(selector);
  const list = (selector, root = document) => [...root.querySelectorAll(selector)];
  const control = (key) => find(`[data-state="${key}"]`);
  const EVERY = ["set", "q", "sort", "family", "licence", "size", "kind", "access", "x"];
  const FILTERS = ["q", "family", "licence", "size", "kind", "access"];
  const NAMED = 8; // missing models that one sentence lists
  let KEYS = EVERY, state = {}, picked = [];

  // ---- the chosen table and its parts
  const sections = () => list("[data-set]");
  const shown = () => sections().find((section) => section.dataset.set === state.set);
  const heads = (section) => list("thead [data-key]", section);
  const rowsOf = (body) => list("tr[data-id]", body);
  const rows = () => rowsOf(shown());
  const cellOf = (row, head) => row.cells[head.cellIndex];

  // ---- the address: only what differs from the defaults stands there
  const fallback = (key) => key === "set" ? sections()[0].dataset.set : "";
  const isKnown = (key, value) => key === "q" || [...control(key).options].some((option) => option.value === value);
  const isView = () => !location.hash || location.hash.startsWith("#in-") || location.hash.includes("=");
  const readAddress = () => {
    const given = new URLSearchParams(location.hash.replace(/^#in-/, "#set=").slice(1)); // #in-… without scripts
    const set = given.get("set");
    state = { set: set !== null && isKnown("set", set) ? set : fallback("set") };
    offerOrders();
    for (const key of KEYS.slice(1)) {
      const value = given.get(key) ?? "";
      state[key] = isKnown(key, value) ? value : "";
    }
    for (const key of KEYS) control(key).value = state[key];
  };
  const describeState = () => {
    const kept = KEYS.filter((key) => state[key] !== fallback(key)).map((key) => [key, state[key]]);
    return kept.length ? `#${new URLSearchParams(kept)}` : "";
  };
  const writeAddress = (isStep) => history[isStep ? "pushState" : "replaceState"](null, "", describeState() || location.href.split("#")[0]);

  // ---- order: every body within itself, what has no value below in both directions
  const parseOrder = () => ({ key: state.sort.replace(/^-/, ""), falling: state.sort.startsWith("-") });
  const WORDS = ["model", "licence"]; // columns that are sorted by the alphabet, all others as numbers
  const valueOf = (row, head) => {
    const given = cellOf(row, head).dataset.v;
    if (!given) return null;
    return WORDS.includes(head.dataset.key) ? given : Number(given);
  };
  const compareValues = (a, b) => typeof a === "string" ? a.localeCompare(b, "en") : a - b;
  const sortBody = (body, head, falling) => {
    const order = rowsOf(body).sort((a, b) => a.dataset.order - b.dataset.order);
    if (head) {
      const values = new Map(order.map((row) => [row, valueOf(row, head)]));
      order.sort((a, b) => {
        const [one, other] = [values.get(a), values.get(b)];
        if (one === null || other === null) return (one === null) - (other === null);
        return (falling ? -1 : 1) * compareValues(one, other);
      });
    }
    body.append(...order);
  };
  const sortTable = () => {
    const section = shown(), { key, falling } = parseOrder();
    const head = heads(section).find((one) => one.dataset.key === key);
    for (const body of list("tbody", section)) sortBody(body, head, falling);
    for (const one of heads(section)) one.removeAttribute("aria-sort");
    const place = heads(section).find((one) => one.dataset.key === "place");
    (head ?? place)?.setAttribute("aria-sort", falling ? "descending" : "ascending");
    find(".board", section).classList.toggle("by-place", !head || key === "place");
  };
  const toggleOrder = (head) => {
    const { key, falling } = parseOrder(), own = head.dataset.key;
    const isFalling = (key || "place") === own ? !falling : head.dataset.first === "down";
    change({ sort: own === "place" && !isFalling ? "" : (isFalling ? "-" : "") + own });
  };
  const offerOrders = () => {
    const options = [new Option("the table's order", "")];
    for (const head of heads(shown())) {
      const { key, title, first } = head.dataset;
      const words = key === "place" ? ["last first", "first first"] : WORDS.includes(key) ? ["Z to A", "A to Z"] : ["high to low", "low to high"];
      const both = [new Option(`${title}: ${words[0]}`, `-${key}`), new Option(`${title}: ${words[1]}`, key)];
      options.push(...(first === "down" ? both : both.reverse()));
    }
    control("sort").replaceChildren(...options);
  };

  // ---- filters: they hide rows, and never change a place
  const splitWords = () => state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const makeFilter = (section) => {
    const words = splitWords(), column = find('thead [data-key="parameters"]', section).cellIndex;
    const same = ["family", "licence", "kind", "access"].filter((key) => state[key]);
    return ({ dataset, cells }) => words.every((word) => dataset.words.includes(word))
      && same.every((key) => dataset[key] === state[key])
      && (!state.size || Number(cells[column].dataset.v ?? Infinity) <= state.size * 1e6);
  };
  const filterTable = () => {
    const every = rows(), fits = makeFilter(shown());
    for (const row of every) row.hidden = !fits(row);
    for (const between of list(".between", shown())) between.hidden = rowsOf(between.parentElement).every((row) => row.hidden);
    let before = "";
    for (const row of every.filter((one) => !one.hidden)) {
      row.classList.toggle("first", row.dataset.rank !== undefined && row.dataset.rank !== before);
      before = row.dataset.rank;
    }
    sayCount(every);
  };
  const say = (status, text) => { if (status.textContent !== text) status.textContent = text; }; // what is new is read out
  const countModels = (some) => new Set(some.map((row) => row.dataset.id)).size;
  const sayCount = (every) => {
    const visible = every.filter((row) => !row.hidden);
    const isFiltered = FILTERS.some((key) => state[key]);
    say(find(".count [role=status]"), `${countModels(visible)} of ${countModels(every)} models shown`);
    find(".reset").hidden = !isFiltered && !state.sort;
    find(".board", shown()).hidden = !visible.length;
    find(".nothing", shown()).hidden = Boolean(visible.length);
    if (!visible.length) sayElsewhere();
  };
  const sayElsewhere = () => { // a model that was asked for may be one that nobody has measured here
    const words = splitWords();
    const missing = list(".missing li", shown()).filter(({ dataset }) => words.length && words.every((word) => dataset.words.includes(word)));
    const place = find(".elsewhere", shown());
    if (!missing.length) return say(place, "Take a filter away, or reset them all.");
    const named = missing.slice(0, NAMED).map(({ dataset }) => dataset.id), more = missing.length - named.length;
    const command = document.createElement("code");
    command.textContent = missing[0].dataset.command;
    const which = `Not measured on these images yet: ${named.join(", ")}${more ? `, and ${more} more` : ""}. `;
    place.replaceChildren(which, command, missing.length > 1 ? " measures the first." : " measures it.");
  };

  // ---- two models to hold against each other
  const showPicked = () => {
    const bar = find(".compare-bar"), link = find("a", bar);
    bar.hidden = !picked.length;
    for (const box of list(".pick input", shown())) {
      box.checked = picked.includes(box.closest("tr").dataset.id);
      box.disabled = picked.length === 2 && !box.checked;
    }
    link.hidden = picked.length < 2;
    say(find("[role=status]", bar), picked.length < 2 ? `${picked[0] ?? ""} is picked; pick another one to compare it with.` : "Two are picked.");
    if (picked.length === 2) {
      link.textContent = `Compare ${picked[0]} with ${picked[1]}`;
      link.href = `compare.html#${new URLSearchParams({ set: state.set, a: picked[0], b: picked[1] })}`;
    }
  };
  const pick = (box) => {
    const id = box.closest("tr").dataset.id;
    picked = box.checked ? [...picked, id] : picked.filter((other) => other !== id);
    showPicked();
  };
  const clearPicked = () => { // the button goes with its bar: the focus returns to what was picked, where that is still shown
    const box = list(".pick input", shown()).find((one) => one.checked && !one.closest("tr").hidden);
    picked = [];
    showPicked();
    (box ?? control("q")).focus();
  };

  // ---- one way to change anything
  const show = () => {
    for (const section of sections()) section.toggleAttribute("data-shown", section === shown());
    sortTable();
    filterTable();
    showPicked();
    document.dispatchEvent(new CustomEvent("leaderboard:view", { detail: { section: shown(), x: state.x } }));
  };
  const change = (part) => {
    const isStep = "set" in part && part.set !== state.set; // the way back leads from one data set to the other
    if (isStep) {
      picked = [];
      state.set = part.set;
      offerOrders();
      if (!isKnown("sort", state.sort)) state.sort = "";
    }
    Object.assign(state, part);
    for (const key of KEYS) if (control(key).value !== state[key]) control(key).value = state[key];
    writeAddress(isStep);
    show();
  };
  const follow = () => { // an address that came from elsewhere: the way back, a link, a hand
    if (!isView()) return;
    picked = [];
    readAddress();
    unfold();
    show();
  };
  const isActive = () => FILTERS.slice(1).some((key) => state[key]);
  const unfold = () => { if (isActive()) find(".filters").open = true; };
  const makeButtons = () => {
    for (const head of list(".board thead [data-key]")) {
      const label = find(".label", head), button = document.createElement("button");
      button.type = "button";
      button.textContent = label.textContent;
      button.addEventListener("click", () => toggleOrder(head));
      label.after(button); // one of the two is shown: cards have no heads to press
    }
  };
  const listen = () => {
    for (const key of KEYS) control(key).addEventListener("input", () => change({ [key]: control(key).value }));
    find(".board-controls").addEventListener("submit", (event) => event.preventDefault());
    find(".reset").addEventListener("click", () => {
      change(Object.fromEntries([...FILTERS, "sort"].filter(control).map((key) => [key, ""])));
      control("q").focus();
    });
    for (const box of list(".pick input")) box.addEventListener("change", () => pick(box));
    find(".compare-bar button").addEventListener("click", clearPicked);
    for (const link of list("[data-go]")) {
      link.hash = new URLSearchParams({ set: link.dataset.go }); // what a new tab opens, or is copied
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        change({ set: link.dataset.go });
        shown().scrollIntoView();
      });
    }
    addEventListener("hashchange", follow);
    find(".copy").hidden = !navigator.clipboard;
    find(".copy").addEventListener("click", copyAddress);
  };
  const copyAddress = async () => {
    let told = "Copied.";
    try { await navigator.clipboard.writeText(location.href); } catch { told = "The browser does not allow it: copy the address above the page."; }
    say(find(".copied"), told);
    setTimeout(() => say(find(".copied"), ""), 6000);
  };
  addEventListener("DOMContentLoaded", () => {
    if (!sections().length) return;
    for (const [place, row] of list("tr[data-id]").entries()) row.dataset.order = place;
    KEYS = EVERY.filter(control); // a filter that has nothing to choose from is not there
    makeButtons();
    find(".board-controls").hidden = false;
    readAddress();
    const narrow = matchMedia("(max-width: 58rem)"), fold = () => { find(".filters").open = !narrow.matches || isActive(); };
    narrow.addEventListener("change", fold);
    fold();
    listen();
    show();
  });
})();
