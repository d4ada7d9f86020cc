"use strict";
/* The profile: what the page was given, the tree that is drawn, and what a selection of threads, states and time
 * makes of it.  Nothing here knows the page.  Stacks may be deep: nothing here recurs. */

const KINDS = ["python", "native", "gap"];
const NO_STACK = 3; // counts beside the kinds
const RUNNING = 1, HOLDS_GIL = 2;

const WANTED_STATES = {
  all: () => true,
  running: (state) => (state & RUNNING) !== 0,
  idle: (state) => (state & RUNNING) === 0,
  gil: (state) => (state & HOLDS_GIL) !== 0,
};

/* Names come from the profiled program.  What would not be seen, or would disturb its neighbours, is spelled out. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

function printable(text) {
  const shown = text.replace(UNSEEN, (c) => {
    const code = c.charCodeAt(0);
    return code < 256 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u" + code.toString(16).padStart(4, "0");
  });
  return shown.trim() === "" ? `"${shown}"` : shown;
}

function shorten(text, most) {
  return text.length > most ? text.slice(0, most - 1) + "…" : text;
}

function baseName(path) {
  return path.slice(path.lastIndexOf("/", path.length - 2) + 1) || path;
}

/* Each interval of time is one block of the groups [thread, state, first, end) and what they count. */
function readSamples(raw) {
  let groups = 0, entries = 0;
  for (const [, list] of raw.samples)
    for (let i = 0; i < list.length; i += 2 + 2 * list[i + 1], groups++)
      entries += list[i + 1];
  const samples = {
    interval: new Int32Array(groups), thread: new Int32Array(groups), state: new Uint8Array(groups),
    first: new Int32Array(groups + 1), node: new Int32Array(entries), weight: new Float64Array(entries),
  };
  let group = 0, entry = 0;
  for (const [interval, list] of raw.samples) {
    for (let i = 0; i < list.length; group++) {
      const key = list[i], count = list[i + 1];
      samples.interval[group] = interval;
      samples.thread[group] = Math.floor(key / 4);
      samples.state[group] = key % 4;
      samples.first[group] = entry;
      i += 2;
      for (let j = 0, node = 0; j < count; j++, i += 2, entry++) {
        node += list[i];
        samples.node[entry] = node;
        samples.weight[entry] = list[i + 1];
      }
    }
  }
  samples.first[groups] = entry;
  return samples;
}

function readProfile(raw) {
  const count = raw.nodes.length / 2 + 1;
  const parent = new Int32Array(count), frame = new Int32Array(count);
  for (let i = 1; i < count; i++) {
    parent[i] = i - raw.nodes[2 * i - 2];
    frame[i] = raw.nodes[2 * i - 1];
  }
  const functions = raw.functions.map(([kind, name, file, module, line]) => ({
    kind, name: printable(name), file: file ? printable(raw.files[file]) : null,
    module: module ? printable(raw.files[module]) : null, line,
  }));
  const leaf = Uint8Array.from(frame, (f, i) => i ? functions[raw.frames[2 * f]].kind : NO_STACK);
  return {
    info: raw, count, parent, frame, leaf, functions, frames: raw.frames, samples: readSamples(raw),
    threads: raw.threads.map(([process, tid, name]) => ({
      process, tid, name: name === null ? `Thread ${tid}` : printable(name),
    })),
    processes: raw.processes.map(([pid, parentPid, executable, python, command]) => ({
      pid, parent: parentPid, python: python && printable(python),
      command: command !== null ? printable(command) : executable !== null ? printable(executable) : null,
    })),
  };
}

/* Nodes with the same caller become one when they show the same: the function, or also the line. */
function mergeNodes(profile, byLine) {
  const { count, parent, frame, frames } = profile;
  const items = byLine ? frames.length / 2 : profile.functions.length;
  const merged = new Int32Array(count), known = new Map();
  const tree = { parent: [0], frame: [-1], depth: [0], byLine };
  for (let i = 1; i < count; i++) {
    const above = merged[parent[i]];
    const key = above * items + (byLine ? frame[i] : frames[2 * frame[i]]);
    let node = known.get(key);
    if (node === undefined) {
      node = tree.parent.length;
      known.set(key, node);
      tree.parent.push(above);
      tree.frame.push(frame[i]);
      tree.depth.push(tree.depth[above] + 1);
    }
    merged[i] = node;
  }
  return { merged, tree };
}

/* Children in the order of what they cost in the whole profile, so that they stay where they are when the selection
 * changes. */
function orderChildren(profile, tree) {
  const n = tree.count, whole = new Float64Array(n), order = new Int32Array(n - 1);
  const { node, weight } = profile.samples;
  for (let i = 0; i < node.length; i++)
    whole[tree.merged[node[i]]] += weight[i];
  for (let i = n - 1; i > 0; i--)
    whole[tree.parent[i]] += whole[i];
  for (let i = 1; i < n; i++)
    order[i - 1] = i;
  order.sort((a, b) => tree.parent[a] - tree.parent[b] || whole[b] - whole[a] || a - b);
  const first = new Int32Array(n + 1);
  for (const child of order)
    first[tree.parent[child] + 1]++;
  for (let i = 0; i < n; i++)
    first[i + 1] += first[i];
  tree.order = order;
  tree.first = first;
}

function makeTree(profile, byLine) {
  const { merged, tree } = mergeNodes(profile, byLine);
  tree.count = tree.parent.length;
  tree.merged = merged;
  for (const key of ["parent", "frame", "depth"])
    tree[key] = Int32Array.from(tree[key]);
  tree.function = tree.frame.map((frame) => frame < 0 ? -1 : profile.frames[2 * frame]);
  orderChildren(profile, tree);
  return tree;
}

/* What a selection {threads: [bool], state, from, to} leaves: each node's own weight and the sum with what it
 * called, where it begins (in weight, from the left), the rows; and for the timeline the weights of all intervals, by
 * the kind of the newest frame. */
function select(profile, tree, selection) {
  const { samples } = profile, wanted = WANTED_STATES[selection.state];
  const self = new Float64Array(tree.count), kinds = NO_STACK + 1;
  const bins = new Float64Array(profile.info.intervals * kinds);
  const perThread = new Float64Array(profile.threads.length);
  for (let g = 0; g < samples.interval.length; g++) {
    if (!wanted(samples.state[g]))
      continue;
    const interval = samples.interval[g], thread = samples.thread[g];
    const inside = interval >= selection.from && interval < selection.to, chosen = selection.threads[thread];
    let sum = 0;
    for (let i = samples.first[g]; i < samples.first[g + 1]; i++) {
      sum += samples.weight[i];
      if (chosen)
        bins[interval * kinds + profile.leaf[samples.node[i]]] += samples.weight[i];
      if (inside && chosen)
        self[tree.merged[samples.node[i]]] += samples.weight[i];
    }
    if (inside)
      perThread[thread] += sum;
  }
  const total = Float64Array.from(self);
  for (let i = tree.count - 1; i > 0; i--)
    total[tree.parent[i]] += total[i];
  return { self, total, bins, perThread, ...layOut(tree, total) };
}

function layOut(tree, total) {
  const start = new Float64Array(tree.count), rows = [];
  let row = total[0] > 0 ? [0] : [];
  while (row.length) {
    const next = [];
    for (const node of row) {
      let at = start[node];
      for (let i = tree.first[node]; i < tree.first[node + 1]; i++) {
        const child = tree.order[i];
        start[child] = at;
        at += total[child];
        if (total[child] > 0)
          next.push(child);
      }
    }
    rows.push(row);
    row = next;
  }
  return { start, rows };
}

/* A pattern between slashes is a regular expression, all else is looked for as it is.  null: it is none. */
function makeMatcher(text) {
  const pattern = /^\/(.+)\/$/.exec(text);
  if (!pattern) {
    const wanted = text.toLowerCase();
    return (candidate) => candidate.toLowerCase().includes(wanted);
  }
  try {
    const expression = new RegExp(pattern[1], "iu");
    return (candidate) => expression.test(candidate);
  } catch {
    return null;
  }
}

/* Which functions match. */
function findFunctions(profile, matches) {
  return Uint8Array.from(profile.functions, (f) =>
    matches(f.name) || (f.file !== null && matches(f.file)) || (f.module !== null && matches(f.module)) ? 1 : 0);
}

/* The weight of all stacks in which one of these functions is; recursion counts once. */
function foundTotal(tree, view, hits) {
  const inside = new Uint8Array(tree.count), functions = new Set();
  let sum = 0;
  for (let i = 1; i < tree.count; i++) {
    const hit = hits[tree.function[i]] && view.total[i] > 0;
    inside[i] = inside[tree.parent[i]] || hit ? 1 : 0;
    if (!hit)
      continue;
    functions.add(tree.function[i]);
    if (!inside[tree.parent[i]])
      sum += view.total[i];
  }
  return { sum, functions: functions.size };
}
