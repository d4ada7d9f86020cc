/* The graph: one canvas as large as what is seen of it, whatever the depth of the stacks. */

const MINIMUM = 0.8; // pixels; what is narrower is drawn with its neighbours

function colours(dark) {
  // [hue, how far it varies, saturation, lightness, how far it varies]
  return dark
    ? { python: [20, 24, 52, 33, 6], native: [198, 30, 36, 32, 7], gap: "#3b4046", gapLine: "#5a616a", root: "#30363d",
        found: [312, 14, 48, 44, 6], foundChanged: [124, 10, 36, 33, 6], grew: [4, 56, 46], shrank: [214, 52, 46], same: [9, 25], text: "#f4f6f8", edge: "#14171a", selected: "#ffffff", page: "#14171a" }
    : { python: [22, 24, 90, 72, 8], native: [200, 26, 62, 76, 8], gap: "#dde1e6", gapLine: "#b4bbc4", root: "#e6e9ed",
        found: [308, 16, 76, 70, 6], foundChanged: [124, 10, 48, 59, 6], grew: [4, 82, 68], shrank: [214, 80, 70], same: [14, 91], text: "#16191d", edge: "#ffffff", selected: "#10131a", page: "#ffffff" };
}

function hashOf(text) {
  let hash = 2166136261;
  for (let i = 0; i < text.length && i < 200; i++)
    hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  hash = Math.imul(hash ^ hash >>> 15, 0x2c1b3c6d); // short names differ in few bits
  hash = Math.imul(hash ^ hash >>> 12, 0x297a2d39);
  return ((hash ^ hash >>> 15) >>> 8) / 0xffffff;
}

class Graph {
  constructor(profile, elements, events) {
    Object.assign(this, { profile, events, ...elements });
    this.context = this.canvas.getContext("2d");
    this.shades = profile.functions.map((f) => [hashOf(f.name), hashOf(f.file || f.module || "")]);
    this.left = 0;
    this.right = 1;
    this.focus = this.selected = this.hovered = 0;
    this.flame = false;
    this.hits = null;
    this.drawn = 0;
    this.graph.addEventListener("scroll", () => this.draw(), { passive: true });
    this.canvas.addEventListener("pointermove", (e) => this.hover(e));
    this.canvas.addEventListener("pointerleave", () => this.hoverNode(-1, null));
    this.canvas.addEventListener("click", (e) => this.click(e));
    new ResizeObserver(() => this.resize()).observe(this.graph);
  }

  /* Another tree, or another view of it. */
  show(tree, view) {
    const kept = this.tree === tree;
    this.tree = tree;
    this.view = view;
    if (!kept || !(view.total[this.selected] > 0))
      this.selected = 0;
    while (this.focus && (!kept || !(view.total[this.focus] > 0)))
      this.focus = kept ? tree.parent[this.focus] : 0;
    this.hovered = -1;
    this.left = view.start[this.focus];
    this.right = this.left + view.total[this.focus];
    this.resize();
  }

  get rowHeight() {
    return matchMedia("(pointer: coarse)").matches ? 26 : 20;
  }

  resize() {
    if (!this.view)
      return;
    const ratio = devicePixelRatio || 1, width = this.graph.clientWidth, height = this.graph.clientHeight;
    this.width = width;
    this.height = height;
    this.space.style.height = Math.max(height, this.view.rows.length * this.rowHeight + 2) + "px";
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.width = width + "px";
    this.canvas.style.height = height + "px";
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.draw();
  }

  orient(flame) {
    this.flame = flame;
    this.resize();
    this.reveal(this.focus);
    if (!this.focus)
      this.graph.scrollTop = flame ? this.space.offsetHeight : 0;
  }

  /* Where a row is in the whole of the graph, and which is at a place. */
  top(depth) {
    return this.flame ? this.space.offsetHeight - (depth + 1) * this.rowHeight : depth * this.rowHeight;
  }

  at(x, y) {
    const place = y + this.graph.scrollTop;
    const depth = Math.floor((this.flame ? this.space.offsetHeight - place : place) / this.rowHeight);
    const row = this.view.rows[depth];
    if (!row || depth < 0)
      return -1;
    const wanted = this.left + x / this.width * (this.right - this.left);
    const node = row[this.firstBehind(row, wanted)];
    return node !== undefined && this.view.start[node] <= wanted ? node : -1;
  }

  /* The first of a row that ends behind a weight. */
  firstBehind(row, weight) {
    const { start, total } = this.view;
    let low = 0, high = row.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (start[row[middle]] + total[row[middle]] > weight)
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  }

  draw() {
    if (!this.drawn)
      this.drawn = requestAnimationFrame(() => {
        this.drawn = 0;
        this.paint();
      });
  }

  paint() {
    const { context, view } = this, height = this.rowHeight, scroll = this.graph.scrollTop;
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    if (this.dark !== dark) {
      this.dark = dark;
      this.palette = colours(dark);
      this.fills = new Map();
    }
    context.clearRect(0, 0, this.width, this.height);
    context.font = `${height > 22 ? 13 : 12}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
    context.textBaseline = "middle";
    if (!view.rows.length)
      return;
    const reach = this.space.offsetHeight - scroll;
    let first = Math.floor(scroll / height), last = Math.ceil((scroll + this.height) / height);
    if (this.flame)
      [first, last] = [Math.floor((reach - this.height) / height), Math.ceil(reach / height)];
    for (let depth = Math.max(0, first); depth < Math.min(view.rows.length, last + 1); depth++) {
      this.paintRow(view.rows[depth], depth, this.top(depth) - scroll, false);
      if (this.hits) // above the others, which would hide narrow ones
        this.paintRow(view.rows[depth], depth, this.top(depth) - scroll, true);
    }
  }

  isHit(node) {
    return this.hits !== null && node > 0 && this.hits[this.tree.function[node]] === 1;
  }

  paintRow(row, depth, y, hits) {
    const { start, total } = this.view, scale = this.width / (this.right - this.left);
    let reached = -1;
    for (let i = this.firstBehind(row, this.left); i < row.length; i++) {
      const node = row[i], x = (start[node] - this.left) * scale, width = total[node] * scale;
      if (x >= this.width)
        break;
      if (x + width < reached + MINIMUM || hits !== this.isHit(node))
        continue;
      this.paintNode(node, depth, Math.max(x, 0), y, Math.min(x + width, this.width) - Math.max(x, 0));
      reached = Math.max(x + width, reached);
    }
  }

  fill(node) {
    const palette = this.palette, f = this.tree.function[node];
    if (f < 0)
      return palette.root;
    const kind = KINDS[this.profile.functions[f].kind], hit = this.isHit(node), tint = this.events.tint(node);
    if (!hit && tint !== null)
      return this.tinted(tint);
    if (!hit && kind === "gap")
      return palette.gap;
    const key = hit ? -1 - f : f;
    let made = this.fills.get(key);
    if (!made) {
      const found = tint === null ? "found" : "foundChanged";
      const [hue, hues, saturation, lightness, range] = palette[hit ? found : kind], [a, b] = this.shades[f];
      made = `hsl(${(hue + a * hues).toFixed(1)} ${saturation}% ${(lightness + b * range).toFixed(1)}%)`;
      this.fills.set(key, made);
    }
    return made;
  }

  /* By how much something has grown, from -1 to 1. */
  tinted(tint) {
    const [hue, ...full] = this.palette[tint < 0 ? "shrank" : "grew"], part = Math.min(1, Math.abs(tint));
    const [saturation, lightness] = this.palette.same.map((same, i) => same + (full[i] - same) * part);
    return `hsl(${hue} ${saturation.toFixed(1)}% ${lightness.toFixed(1)}%)`;
  }

  paintNode(node, depth, x, y, width) {
    const { context, palette } = this, height = this.rowHeight;
    const wide = width > 3, gap = wide ? 1 : 0, f = this.tree.function[node];
    const dimmed = (this.hits && f >= 0 && !this.hits[f]) || (depth < this.tree.depth[this.focus] && !this.isHit(node));
    // A hit that is widened to a pixel is paler, so that many of them do not look like more than they are.
    context.globalAlpha = dimmed ? 0.45 : this.isHit(node) ? Math.max(0.4, Math.min(width, 1)) : 1;
    context.fillStyle = this.fill(node);
    context.fillRect(x, y, Math.max(width - gap, this.isHit(node) ? 1 : MINIMUM), height - 1);
    if (f >= 0 && this.profile.functions[f].kind === 2 && width > 6)
      this.paintStripes(x, y, width - gap, height - 1);
    context.globalAlpha = 1;
    if (node === this.selected || node === this.hovered) {
      context.strokeStyle = palette.selected;
      context.lineWidth = node === this.selected && this.selected ? 2 : 1;
      const inset = context.lineWidth / 2;
      if (node !== 0 && width > 2)
        context.strokeRect(x + inset, y + inset, width - gap - 2 * inset, height - 1 - 2 * inset);
    }
    if (width > 22) {
      context.globalAlpha = dimmed ? 0.75 : 1;
      this.paintLabel(node, x + 5, y + height / 2, width - 10);
      context.globalAlpha = 1;
    }
  }

  paintStripes(x, y, width, height) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    context.beginPath();
    for (let at = x - height; at < x + width; at += 7) {
      context.moveTo(at, y + height);
      context.lineTo(at + height, y);
    }
    context.strokeStyle = this.palette.gapLine;
    context.lineWidth = 1;
    context.stroke();
    context.restore();
  }

  /* The name, and behind it, where there is room, the place. */
  paintLabel(node, x, y, room) {
    const { context } = this, text = this.events.name(node);
    const cut = this.fit(text, room);
    if (!cut)
      return;
    context.fillStyle = this.palette.text;
    context.fillText(cut, x, y);
    const place = this.events.place(node);
    if (cut !== text || !place)
      return;
    const used = context.measureText(text).width + 8;
    if (used + context.measureText(shorten(place, 60)).width < room) {
      context.globalAlpha *= 0.62;
      context.fillText(shorten(place, 60), x + used, y);
    }
  }

  fit(text, room) {
    const { context } = this;
    const most = Math.floor(room / 2.5); // no letter is narrower
    let cut = text.length > most ? text.slice(0, most) : text;
    let width = context.measureText(cut).width;
    if (width <= room && cut === text)
      return text;
    while (cut && width + context.measureText("…").width > room) {
      cut = cut.slice(0, Math.min(cut.length - 1, Math.floor(cut.length * room / width)));
      width = context.measureText(cut).width;
    }
    return cut.length > 1 ? cut + "…" : "";
  }

  hover(event) {
    if (event.pointerType !== "touch")
      this.hoverNode(this.at(event.offsetX, event.offsetY), event);
  }

  hoverNode(node, event) {
    if (node !== this.hovered) {
      this.hovered = node;
      this.draw();
    }
    this.canvas.style.cursor = node >= 0 ? "pointer" : "default";
    this.events.hovered(node, event);
  }

  click(event) {
    const node = this.at(event.offsetX, event.offsetY);
    this.graph.focus({ preventScroll: true });
    if (node >= 0)
      this.zoom(node);
  }

  choose(node) {
    this.selected = node;
    this.reveal(node);
    this.draw();
    this.events.selected(node);
  }

  zoom(node) {
    const { start, total } = this.view, from = [this.left, this.right];
    this.focus = this.selected = node;
    const to = [start[node], start[node] + total[node]];
    this.events.zoomed(node);
    this.reveal(node);
    cancelAnimationFrame(this.moving);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      [this.left, this.right] = to;
      this.draw();
      return;
    }
    const begin = performance.now();
    const step = (now) => {
      const part = Math.min(1, Math.max(0, (now - begin) / 160)), eased = 1 - (1 - part) ** 3;
      this.left = part < 1 ? from[0] + (to[0] - from[0]) * eased : to[0];
      this.right = part < 1 ? from[1] + (to[1] - from[1]) * eased : to[1];
      this.paint();
      if (part < 1)
        this.moving = requestAnimationFrame(step);
    };
    this.moving = requestAnimationFrame(step);
  }

  reveal(node) {
    const y = this.top(this.tree.depth[node]), height = this.rowHeight, margin = 2 * height;
    if (y - margin < this.graph.scrollTop)
      this.graph.scrollTop = y - margin;
    else if (y + height + margin > this.graph.scrollTop + this.height)
      this.graph.scrollTop = y + height + margin - this.height;
  }

  /* The node that an arrow key leads to from the selected one. */
  neighbour(key) {
    const { tree, view, selected } = this;
    if (key === (this.flame ? "ArrowDown" : "ArrowUp"))
      return tree.parent[selected];
    if (key === (this.flame ? "ArrowUp" : "ArrowDown"))
      return this.largestChild(selected);
    const row = view.rows[tree.depth[selected]] || [], at = this.firstBehind(row, view.start[selected]);
    const next = row[at + (key === "ArrowRight" ? 1 : -1)];
    const seen = next !== undefined && view.start[next] + view.total[next] > view.start[this.focus] &&
      view.start[next] < view.start[this.focus] + view.total[this.focus];
    return seen ? next : selected;
  }

  largestChild(node) {
    const { tree, view } = this;
    let best = node;
    for (let i = tree.first[node]; i < tree.first[node + 1]; i++) {
      const child = tree.order[i], within = view.start[child] + view.total[child] > view.start[this.focus] &&
        view.start[child] < view.start[this.focus] + view.total[this.focus];
      if (within && view.total[child] > 0 && (best === node || view.total[child] > view.total[best]))
        best = child;
    }
    return best;
  }
}
