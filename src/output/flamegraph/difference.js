/* Two profiles: what was before and after, of one tree.  The samples of the profile are of two intervals, before and
 * after; each is a view of its own, and the page shows one of them at a time. */

const BEFORE = 0, AFTER = 1;

class Difference {
  constructor(profile, elements, changed) {
    Object.assign(this, { profile, changed, ...elements });
    this.names = profile.info.difference.names.map(printable);
    this.side = AFTER;
    this.equal.checked = !profile.info.difference.absolute;
    for (const element of [this.sides, this.equalLabel])
      element.hidden = false;
    for (const element of this.others)
      element.hidden = true;
    document.body.classList.add("difference");
    this.before.addEventListener("click", () => this.show(BEFORE));
    this.after.addEventListener("click", () => this.show(AFTER));
    this.equal.addEventListener("change", () => this.changed());
  }

  show(side) {
    this.side = side;
    this.before.setAttribute("aria-pressed", String(side === BEFORE));
    this.after.setAttribute("aria-pressed", String(side === AFTER));
    this.changed();
  }

  /* Both views of a tree; returns the one that is shown. */
  look(tree) {
    this.views = [BEFORE, AFTER].map((side) =>
      select(this.profile, tree, { threads: [true], state: "all", from: side, to: side + 1 }));
    this.most = 0;
    for (let node = 0; node < tree.count; node++)
      this.most = Math.max(this.most, Math.abs(this.change(node)));
    return this.views[this.side];
  }

  /* What a weight is compared as: a share of its own profile; of times, of the larger one, so that both are of one
   * size. */
  part(side, weight) {
    const all = this.views.map((view) => view.total[0]);
    const whole = this.equal.checked ? all[side] : Math.max(...all);
    return whole > 0 ? weight / whole : 0;
  }

  change(node) {
    return this.part(AFTER, this.views[AFTER].total[node]) - this.part(BEFORE, this.views[BEFORE].total[node]);
  }

  kind(node) {
    const tint = this.tint(node);
    return tint < 0 ? "shrank" : tint > 0 ? "grew" : "same";
  }

  /* From -1, the largest change, to 1; of what hardly changed nothing, however small all changes are. */
  tint(node) {
    const change = this.change(node);
    return Math.abs(change) < 1e-9 ? 0 : Math.sign(change) * Math.sqrt(Math.abs(change) / Math.max(this.most, 1e-3));
  }

  formatChange(change) {
    const points = 100 * change;
    const shown = Math.abs(points) < 0.005 ? "±0" : `${points > 0 ? "+" : "−"}${Math.abs(points).toFixed(2)}`;
    return this.equal.checked ? `${shown} points` : `${shown} %`;
  }

  costs(node) {
    const [before, after] = this.views;
    const format = (side, weight) => `${formatWeight(weight)} (${formatPercent(this.part(side, weight))})`;
    const was = before.total[node] > 0, is = after.total[node] > 0;
    const same = Math.abs(this.change(node)) < 5e-5;
    const times = was && is ? same ? "" : `, × ${(this.part(AFTER, after.total[node]) / this.part(BEFORE, before.total[node])).toFixed(2)}`
      : was ? ", gone" : is ? ", new" : "";
    return [["before", format(BEFORE, before.total[node])], ["after", format(AFTER, after.total[node])],
      ["change", this.formatChange(this.change(node)) + times],
      ["self", `${formatPercent(this.part(BEFORE, before.self[node]))} → ` +
        formatPercent(this.part(AFTER, after.self[node]))]];
  }

  /* How much of each profile was in functions that were found. */
  found(tree, hits) {
    const [before, after] = this.views.map((view) => foundTotal(tree, view, hits));
    const known = new Set();
    for (let i = 1; i < tree.count; i++)
      if (hits[tree.function[i]])
        known.add(tree.function[i]);
    const [was, is] = [this.part(BEFORE, before.sum), this.part(AFTER, after.sum)];
    return { sum: [before, after][this.side].sum, text: `${formatPercent(was)} → ${formatPercent(is)} ` +
      `(${this.formatChange(is - was)}) in ${known.size} ${known.size === 1 ? "function" : "functions"}`,
    functions: known.size };
  }

  describe(node, data) {
    data.before = String(this.views[BEFORE].total[node] * (this.profile.info.unit || 1));
    data.after = String(this.views[AFTER].total[node] * (this.profile.info.unit || 1));
    data.tint = this.tint(node).toFixed(3);
  }

  title() {
    const clocks = { wall: "wall-clock time", cpu: "processor time", gil: "time with the GIL" };
    const { counts } = this.profile.info.difference;
    const [before, after] = counts.map((count) => count.toLocaleString("en"));
    return { name: this.names.map((name) => shorten(baseName(name), 100)).join(" → "),
      facts: [`${this.names[BEFORE]}: ${before} samples`, `${this.names[AFTER]}: ${after} samples`,
        clocks[this.profile.info.clock]] };
  }
}
