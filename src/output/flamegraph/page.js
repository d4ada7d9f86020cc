/* The page: what belongs to several of its parts. */

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/* Nanoseconds, three digits of them. */
function formatTime(time) {
  const units = [["h", 3.6e12, 7.2e12], ["min", 6e10, 1.2e11], ["s", 1e9, 1e9], ["ms", 1e6, 1e6], ["µs", 1e3, 1e3]];
  const [unit, size] = units.find(([, , from]) => time >= from) || ["ns", 1];
  const value = time / size;
  return time === 0 ? "0" : `${value.toFixed(value >= 100 || size === 1 ? 0 : value >= 10 ? 1 : 2)} ${unit}`;
}

function formatPercent(part) {
  const percent = 100 * (Number.isFinite(part) ? part : 0);
  return `${percent.toFixed(percent >= 99.95 || percent === 0 ? 0 : percent >= 10 ? 1 : 2)} %`;
}

const byId = (id) => document.getElementById(id);
const profile = readProfile(JSON.parse(byId("profile").textContent));
const trees = new Map();
let tree = null, view = null;

function formatWeight(weight) {
  const samples = weight * (profile.info.unit || 1);
  return profile.info.unit && !(difference && profile.info.difference.bySamples) ? formatTime(samples)
    : `${samples} ${samples === 1 ? "sample" : "samples"}`;
}

function nameOf(node) {
  return node > 0 ? profile.functions[tree.function[node]].name : "all";
}

/* The place, short for labels; the line alone means something only where nodes are lines. */
function placeOf(node) {
  if (node <= 0)
    return "";
  const f = profile.functions[tree.function[node]], path = f.file || f.module;
  const line = tree.byLine ? profile.frames[2 * tree.frame[node] + 1] : f.line;
  return path ? baseName(path) + (f.file && line > 0 ? `:${line}` : "") : "";
}

function fullPlace(node) {
  const f = profile.functions[tree.function[node]];
  const line = tree.byLine ? profile.frames[2 * tree.frame[node] + 1] : f.line;
  return [f.file && f.file + (line > 0 ? `:${line}` : ""), f.module].filter(Boolean).join(" · ");
}

function costs(node) {
  if (difference)
    return difference.costs(node);
  const all = view.total[0], zoomed = graph.focus;
  const parts = [["total", `${formatWeight(view.total[node])} (${formatPercent(view.total[node] / all)})`],
    ["self", `${formatWeight(view.self[node])} (${formatPercent(view.self[node] / all)})`]];
  if (zoomed > 0 && node !== zoomed && view.start[node] >= view.start[zoomed] &&
      tree.depth[node] > tree.depth[zoomed])
    parts.push(["of zoom", formatPercent(view.total[node] / view.total[zoomed])]);
  return parts;
}

function showDetail(node) {
  const detail = byId("detail");
  detail.replaceChildren();
  delete detail.dataset.name;
  if (node < 0 || !view.rows.length)
    return;
  detail.dataset.total = String(view.total[node] * (profile.info.unit || 1));
  detail.dataset.self = String(view.self[node] * (profile.info.unit || 1));
  detail.dataset.name = nameOf(node);
  if (difference)
    difference.describe(node, detail.dataset);
  const kind = difference ? difference.kind(node) : node ? KINDS[profile.functions[tree.function[node]].kind] : "root";
  const what = element("div", { class: "what" }, element("i", { class: `swatch ${kind}` }),
    element("bdi", { class: "name" }, shorten(nameOf(node), 2000)));
  if (node)
    what.append(element("bdi", { class: "place" }, shorten(fullPlace(node), 2000)));
  const numbers = element("dl", {});
  for (const [label, value] of costs(node))
    numbers.append(element("div", {}, element("dt", {}, label), element("dd", {}, value)));
  detail.append(what, numbers);
}

function showTip(node, event) {
  const tip = byId("tip");
  tip.hidden = node < 0 || !event;
  if (tip.hidden)
    return;
  tip.replaceChildren(element("bdi", { class: "name" }, shorten(nameOf(node), 300)));
  if (node > 0)
    tip.append(element("bdi", { class: "place" }, shorten(fullPlace(node), 300)));
  tip.append(element("div", {}, costs(node).map(([label, value]) => `${label} ${value}`).join(" · ")));
  const box = tip.getBoundingClientRect();
  const left = Math.max(8, Math.min(event.clientX + 14, innerWidth - box.width - 8));
  const below = event.clientY + 18 + box.height < innerHeight - 8;
  tip.style.left = left + "px";
  tip.style.top = Math.max(8, below ? event.clientY + 18 : event.clientY - box.height - 12) + "px";
}

/* Long paths show their two ends. */
function showCrumbs(focus) {
  const path = [];
  for (let node = focus; node > 0; node = tree.parent[node])
    path.push(node);
  path.push(0);
  path.reverse();
  const most = innerWidth < 600 ? 4 : 9, crumbs = byId("crumbs");
  const shown = path.length <= most ? path : [...path.slice(0, 2), -1, ...path.slice(path.length - most + 3)];
  crumbs.replaceChildren(...shown.map((node) => {
    if (node < 0)
      return element("span", { class: "more" }, `… ${path.length - most + 1} more …`);
    const crumb = element("button", { type: "button" }, element("bdi", {}, shorten(nameOf(node), 60)));
    if (node === focus)
      crumb.setAttribute("aria-current", "true");
    crumb.addEventListener("click", () => graph.zoom(node));
    return crumb;
  }));
  byId("reset").disabled = focus === 0;
  crumbs.scrollLeft = crumbs.scrollWidth;
}

function showFound() {
  const text = byId("search").value, found = byId("found"), matches = text ? makeMatcher(text) : null;
  graph.hits = matches ? findFunctions(profile, matches) : null;
  byId("legend-found").hidden = !graph.hits;
  found.textContent = text && !matches ? "no regular expression" : "";
  delete found.dataset.total;
  if (graph.hits) {
    const { sum, functions, text: said } = difference ? difference.found(tree, graph.hits)
      : foundTotal(tree, view, graph.hits);
    found.dataset.total = String(sum * (profile.info.unit || 1));
    found.textContent = !functions ? "not found" : said || `${formatPercent(sum / view.total[0])} · ` +
      `${formatWeight(sum)} in ${functions} ${functions === 1 ? "function" : "functions"}`;
  }
  graph.draw();
}

/* The next node that was found, from the selected one on, row by row. */
function nextFound(backwards) {
  const list = [];
  for (const row of view.rows)
    for (const node of row)
      if (node && graph.hits && graph.hits[tree.function[node]])
        list.push(node);
  if (!list.length)
    return;
  const at = list.indexOf(graph.selected), next = backwards ? (at <= 0 ? list.length : at) - 1 : (at + 1) % list.length;
  if (graph.focus)
    graph.zoom(0);
  graph.choose(list[next]);
}

/* Not more often than the screen: a range that is dragged changes faster. */
let due = 0;

function refreshSoon() {
  due ||= requestAnimationFrame(() => {
    due = 0;
    refresh();
  });
}

/* Everything again, after another selection or another kind of tree. */
function refresh() {
  const byLine = byId("lines").checked;
  if (!trees.has(byLine))
    trees.set(byLine, makeTree(profile, byLine));
  tree = trees.get(byLine);
  view = difference ? difference.look(tree) : select(profile, tree,
    { threads: threads.chosen, state: byId("state").value, from: timeline.from, to: timeline.to });
  graph.show(tree, view);
  timeline.show(view.bins);
  threads.showShares(view.perThread);
  const empty = byId("empty");
  empty.hidden = view.rows.length > 0;
  empty.textContent = profile.samples.node.length ? "No samples in this selection" : "This profile has no samples";
  showFound();
  showCrumbs(graph.focus);
  showDetail(graph.selected);
  showTip(-1, null);
}

function showDifference() {
  const { name, facts } = difference.title();
  byId("title").textContent = name;
  document.title = `${shorten(name, 80)} – differential flame graph`;
  byId("subtitle").textContent = facts.join(" · ");
  byId("problems").hidden = profile.info.complete;
  byId("problems").textContent = "a recording was cut off";
}

function showTitle() {
  if (difference)
    return showDifference();
  const { info, processes } = profile, first = processes[0];
  const name = !first ? "Profile" : processes.length > 1 ? `${processes.length} processes`
    : first.command ? shorten(first.command, 200) : `Process ${first.pid}`;
  byId("title").textContent = name;
  document.title = `${shorten(name, 60)} – flame graph`;
  const clocks = { wall: "wall-clock time", cpu: "processor time", gil: "time with the GIL" };
  const facts = [processes.length === 1 && `pid ${first.pid}`,
    processes.length === 1 && first.python && `Python ${first.python}`,
    clocks[info.clock], `${info.count.toLocaleString("en")} samples in ${formatTime(info.duration || info.intervals * info.span)}`,
    info.rate && `${info.rate / 1000} Hz`, info.engine && `${printable(info.engine)}`,
    info.start && new Date(info.start / 1e6).toISOString().slice(0, 19).replace("T", " ") + " UTC"];
  byId("subtitle").textContent = facts.filter(Boolean).join(" · ");
  const problems = [!info.complete && "the recording was cut off", info.missed && `${info.missed} ticks missed`,
    info.lost && `${info.lost} stacks lost`, info.torn && `${info.torn} stacks torn`,
    info.impossible && `${info.impossible} stacks impossible`].filter(Boolean);
  byId("problems").hidden = !problems.length;
  byId("problems").textContent = problems.join(", ");
}

/* What Escape undoes, one thing at a time. */
function escape() {
  if (byId("threads").open) {
    byId("threads").open = false;
    byId("threads").querySelector("summary").focus();
  } else if (byId("search").value) {
    byId("search").value = "";
    showFound();
    byId("graph").focus();
  } else if (graph.focus)
    graph.zoom(0);
  else if (timeline.narrowed)
    timeline.set(0, timeline.count);
  else
    graph.choose(0);
}

function graphKey(event) {
  if (event.key.startsWith("Arrow"))
    graph.choose(graph.neighbour(event.key));
  else if (event.key === "Enter" || event.key === " ")
    graph.zoom(graph.selected);
  else if (event.key === "Home")
    graph.choose(0);
  else
    return;
  event.preventDefault();
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !view)
    return;
  const typing = event.target.matches("input[type=search]");
  if (event.key === "Escape")
    escape();
  else if (typing && event.key === "Enter" && event.target.id === "search")
    nextFound(event.shiftKey);
  else if (typing)
    return;
  else if (event.key === "/")
    byId("search").select();
  else if (event.key === "0")
    graph.zoom(0);
  else if (event.key === "b" && difference)
    difference.show(difference.side === BEFORE ? AFTER : BEFORE);
  else if (event.target.id === "graph" || event.target === document.body)
    return graphKey(event);
  else
    return;
  event.preventDefault();
}

const threads = new ThreadList(profile, { menu: byId("threads"), list: byId("threads-list"),
  count: byId("threads-count"), filter: byId("threads-filter"), all: byId("threads-all"), none: byId("threads-none") },
refreshSoon);
const timeline = new Timeline(profile, { time: byId("time"), timeline: byId("timeline"), range: byId("range"),
  fromHandle: byId("from"), toHandle: byId("to"), whole: byId("whole") }, refreshSoon);
const difference = profile.info.difference ? new Difference(profile, { sides: byId("sides"), equal: byId("equal"),
  equalLabel: byId("equal-label"), before: byId("side-before"), after: byId("side-after"),
  others: [byId("threads"), byId("state"), byId("time")] }, refresh) : null;
const graph = new Graph(profile, { graph: byId("graph"), space: byId("space"), canvas: byId("canvas") }, {
  name: nameOf,
  place: placeOf,
  tint: (node) => difference ? difference.tint(node) : null,
  hovered(node, event) {
    showDetail(node >= 0 ? node : graph.selected);
    showTip(node, event);
  },
  selected: showDetail,
  zoomed(node) {
    showCrumbs(node);
    showDetail(node);
    showTip(-1, null);
  },
});

function orient(flame) {
  byId("flame").setAttribute("aria-pressed", String(flame));
  byId("icicle").setAttribute("aria-pressed", String(!flame));
  graph.orient(flame);
}

byId("icicle").addEventListener("click", () => orient(false));
byId("flame").addEventListener("click", () => orient(true));
byId("reset").addEventListener("click", () => graph.zoom(0));
byId("search").addEventListener("input", showFound);
byId("state").addEventListener("change", refresh);
byId("lines").addEventListener("change", refresh);
byId("lines-label").hidden = !profile.frames.some((value, i) => i % 2 && value > 0);
document.addEventListener("keydown", key);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  graph.draw();
  timeline.paint();
});
showTitle();
refresh();
