/* Which threads count: a list of them below their processes. */

class ThreadList {
  constructor(profile, elements, changed) {
    Object.assign(this, { profile, changed, ...elements });
    this.chosen = profile.threads.map(() => true);
    this.rows = [];
    this.processBoxes = [];
    this.build();
    this.all.addEventListener("click", () => this.setAll(true));
    this.none.addEventListener("click", () => this.setAll(false));
    this.filter.hidden = profile.threads.length < 8;
    this.filter.addEventListener("input", () => this.narrow());
    this.menu.hidden = !profile.threads.length;
    document.addEventListener("pointerdown", (e) => {
      if (this.menu.open && !this.menu.contains(e.target))
        this.menu.open = false;
    });
    this.update();
  }

  build() {
    const several = this.profile.processes.length > 1;
    this.profile.processes.forEach((process, index) => {
      const group = element("div", { role: "group", class: "process" });
      const title = `Process ${process.pid}` + (process.command ? ` · ${shorten(process.command, 120)}` : "");
      group.setAttribute("aria-label", title);
      if (several)
        group.append(this.processBox(title, process, index));
      this.profile.threads.forEach((thread, at) => {
        if (thread.process === index)
          group.append(this.threadBox(thread, at));
      });
      this.list.append(group);
    });
  }

  processBox(title, process, index) {
    const box = element("input", { type: "checkbox" });
    const label = element("label", { class: "process-name" }, box, element("bdi", {}, title));
    box.addEventListener("change", () => {
      this.profile.threads.forEach((thread, at) => {
        if (thread.process === index)
          this.chosen[at] = box.checked;
      });
      this.update();
      this.changed();
    });
    this.processBoxes.push({ box, index });
    return label;
  }

  threadBox(thread, at) {
    const box = element("input", { type: "checkbox" }), share = element("span", { class: "share" });
    const bar = element("i", { class: "bar" });
    const only = element("button", { type: "button", class: "only", title: "Only this thread" }, "only");
    const label = element("label", {}, box, element("bdi", {}, shorten(thread.name, 120)),
      element("small", {}, String(thread.tid)));
    const row = element("div", { class: "thread" }, label, only, share, bar);
    box.addEventListener("change", () => {
      this.chosen[at] = box.checked;
      this.update();
      this.changed();
    });
    only.addEventListener("click", () => {
      this.chosen.fill(false);
      this.chosen[at] = true;
      this.update();
      this.changed();
    });
    this.rows.push({ at, row, box, share, bar });
    return row;
  }

  shown(at) {
    const wanted = this.filter.value.toLowerCase(), thread = this.profile.threads[at];
    return !wanted || thread.name.toLowerCase().includes(wanted) || String(thread.tid).includes(wanted);
  }

  /* All and None are about those that the filter shows. */
  setAll(value) {
    for (const { at } of this.rows)
      if (this.shown(at))
        this.chosen[at] = value;
    this.update();
    this.changed();
  }

  narrow() {
    for (const { at, row } of this.rows)
      row.hidden = !this.shown(at);
  }

  update() {
    for (const { at, box } of this.rows)
      box.checked = this.chosen[at];
    for (const { box, index } of this.processBoxes) {
      const states = new Set(this.chosen.filter((_, at) => this.profile.threads[at].process === index));
      box.checked = states.has(true);
      box.indeterminate = states.size > 1;
    }
    const chosen = this.chosen.filter(Boolean).length;
    this.count.textContent = `${chosen} of ${this.chosen.length}`;
    this.menu.classList.toggle("narrowed", chosen < this.chosen.length);
  }

  /* How much each thread has, of the samples in the chosen time and state. */
  showShares(perThread) {
    const sum = perThread.reduce((a, b) => a + b, 0) || 1;
    for (const { at, share, bar } of this.rows) {
      share.textContent = formatPercent(perThread[at] / sum);
      bar.style.width = 100 * perThread[at] / sum + "%";
    }
  }
}
