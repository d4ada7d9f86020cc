/* The timeline: how much was sampled when, and the range of it that the graph shows. */

class Timeline {
  constructor(profile, elements, changed) {
    Object.assign(this, { profile, changed, ...elements });
    this.count = profile.info.intervals;
    this.from = 0;
    this.to = this.count;
    this.bins = new Float64Array(this.count * (NO_STACK + 1));
    this.time.hidden = this.count < 2;
    this.timeline.addEventListener("pointerdown", (e) => this.press(e));
    this.timeline.addEventListener("pointermove", (e) => this.drag(e));
    for (const end of ["pointerup", "pointercancel"])
      this.timeline.addEventListener(end, (e) => this.release(e));
    for (const [handle, key] of [[this.fromHandle, "from"], [this.toHandle, "to"]]) {
      handle.addEventListener("keydown", (e) => this.key(e, key));
      handle.addEventListener("pointerdown", (e) => this.grab(e, handle, key));
    }
    this.whole.addEventListener("click", () => this.set(0, this.count));
    new ResizeObserver(() => this.paint()).observe(this.time);
    this.place();
  }

  get narrowed() {
    return this.from > 0 || this.to < this.count;
  }

  set(from, to) {
    from = Math.max(0, Math.min(from, this.count - 1));
    to = Math.max(from + 1, Math.min(to, this.count));
    if (from === this.from && to === this.to)
      return;
    this.from = from;
    this.to = to;
    this.place();
    this.changed();
  }

  show(bins) {
    this.bins = bins;
    this.paint();
  }

  interval(event) {
    const box = this.timeline.getBoundingClientRect();
    return Math.max(0, Math.min(this.count, (event.clientX - box.left) / box.width * this.count));
  }

  press(event) {
    if (event.button !== 0)
      return;
    this.timeline.setPointerCapture(event.pointerId);
    this.pressed = { at: this.interval(event), x: event.clientX, moved: false };
  }

  drag(event) {
    if (!this.pressed)
      return;
    this.pressed.moved ||= Math.abs(event.clientX - this.pressed.x) > 3;
    const at = this.interval(event);
    if (this.pressed.moved)
      this.set(Math.floor(Math.min(at, this.pressed.at)), Math.ceil(Math.max(at, this.pressed.at)));
  }

  /* A click without a movement goes back to the whole. */
  release() {
    if (this.pressed && !this.pressed.moved)
      this.set(0, this.count);
    this.pressed = null;
  }

  grab(event, handle, key) {
    event.preventDefault();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    const move = (e) => this.move(key, Math.round(this.interval(e)));
    handle.addEventListener("pointermove", move);
    for (const end of ["pointerup", "pointercancel"])
      handle.addEventListener(end, () => handle.removeEventListener("pointermove", move), { once: true });
  }

  move(key, to) {
    if (key === "from")
      this.set(Math.min(to, this.to - 1), this.to);
    else
      this.set(this.from, Math.max(to, this.from + 1));
  }

  key(event, key) {
    const step = event.shiftKey ? Math.max(1, Math.round(this.count / 10)) : 1;
    const goals = { ArrowLeft: this[key] - step, ArrowDown: this[key] - step, ArrowRight: this[key] + step,
      ArrowUp: this[key] + step, Home: 0, End: this.count };
    if (!(event.key in goals))
      return;
    event.preventDefault();
    event.stopPropagation();
    this.move(key, goals[event.key]);
  }

  seconds(interval) {
    const { span, duration } = this.profile.info;
    return formatTime(Math.min(interval * span, duration || interval * span));
  }

  place() {
    const left = 100 * this.from / this.count, right = 100 * this.to / this.count;
    this.range.hidden = !this.narrowed;
    this.range.style.left = left + "%";
    this.range.style.width = right - left + "%";
    this.fromHandle.style.left = left + "%";
    this.toHandle.style.left = right + "%";
    this.whole.hidden = !this.narrowed;
    this.whole.textContent = `${this.seconds(this.from)} – ${this.seconds(this.to)}  ✕`;
    this.whole.title = "Back to the whole time (Esc)";
    for (const [handle, value] of [[this.fromHandle, this.from], [this.toHandle, this.to]]) {
      handle.setAttribute("aria-valuemin", "0");
      handle.setAttribute("aria-valuemax", String(this.count));
      handle.setAttribute("aria-valuenow", String(value));
      handle.setAttribute("aria-valuetext", this.seconds(value));
    }
    this.paint();
  }

  paint() {
    const width = this.timeline.clientWidth, height = this.timeline.clientHeight, ratio = devicePixelRatio || 1;
    if (!width || !height)
      return;
    this.timeline.width = Math.round(width * ratio);
    this.timeline.height = Math.round(height * ratio);
    const context = this.timeline.getContext("2d"), style = getComputedStyle(this.time);
    context.scale(ratio, ratio);
    this.paintBars(context, width, height - 14, style);
    this.paintTicks(context, width, height - 14, style);
  }

  paintBars(context, width, base, style) {
    const kinds = NO_STACK + 1, sums = new Float64Array(this.count);
    this.bins.forEach((weight, i) => { sums[Math.floor(i / kinds)] += weight; });
    const scale = (base - 3) / (sums.reduce((a, b) => Math.max(a, b), 0) || 1);
    const fills = [...KINDS.map((kind) => `--${kind}`), "--bar-off"].map((name) => style.getPropertyValue(name));
    for (let i = 0; i < this.count; i++) {
      // Whole pixels of the screen: neighbours would show seams.
      const x = Math.round(i / this.count * width), next = Math.round((i + 1) / this.count * width);
      context.globalAlpha = i >= this.from && i < this.to ? 1 : 0.3;
      for (let kind = 0, y = base; kind < kinds; kind++) {
        const tall = this.bins[i * kinds + kind] * scale;
        y -= tall;
        context.fillStyle = fills[kind];
        context.fillRect(x, y, Math.max(next - x, 1), tall);
      }
    }
    context.globalAlpha = 1;
  }

  paintTicks(context, width, base, style) {
    context.fillStyle = style.getPropertyValue("--muted");
    context.font = "10px system-ui, sans-serif";
    context.textBaseline = "bottom";
    const whole = this.count * this.profile.info.span, wished = whole / (width > 700 ? 8 : 4);
    const power = 10 ** Math.floor(Math.log10(wished));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= wished * 0.999) || whole;
    for (let i = 0; i * step <= whole; i++) {
      const x = i * step / whole * width, text = i ? formatTime(i * step) : "0";
      const half = context.measureText(text).width / 2;
      context.textAlign = "center";
      context.fillText(text, Math.max(half, Math.min(x, width - half)), base + 14);
      context.fillRect(Math.min(x, width - 1), base, 1, 3);
    }
  }
}
