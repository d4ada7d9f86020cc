"""Uses pages of `pywalk diff -F flamegraph` as somebody would, in a headless Chromium.

    check_difference.py BROWSER FOLDER

FOLDER holds BEFORE-AFTER.html of pairs of make_profile's cases, some of them with -absolute, and CASE.truth of each
case, what make_profile said of it.  A line a check: "PASS: NAME" or "FAIL: NAME: why"; then "END".
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any, Callable, Dict, List, Tuple

from browser import Page
from check_flamegraph import (
    EVIL,
    MS,
    Pages,
    Stacks,
    hover_name,
    nodes_of,
    row_place,
    run,
    same,
    sweep,
    weight_of,
)

# What a pointer meets: row, name, weights before and after, tint; and the colour under it.
SWEEP = """(rows) => {
    const canvas = document.querySelector('#canvas'), box = canvas.getBoundingClientRect(), seen = [];
    const d = document.querySelector('#detail').dataset, tip = document.querySelector('#tip');
    const scale = canvas.width / box.width;
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    for (const [row, y] of rows)
        for (let x = box.left + 2; x < box.right; x += 10) {
            const move = { clientX: x, clientY: y, pointerType: 'mouse' };
            canvas.dispatchEvent(new PointerEvent('pointermove', move));
            if (tip.hidden)
                continue;
            const [left, top] = [(x - box.left) * scale, (y - 9 - box.top) * scale].map(Math.round);
            const at = 4 * (top * canvas.width + left);
            // Between two frames it is transparent.
            const colour = pixels[at + 3] === 255 ? pixels[at] - pixels[at + 2] : 0;
            seen.push([row, d.name, +d.before, +d.after, +d.tint, colour]);
        }
    canvas.dispatchEvent(new PointerEvent('pointerleave'));
    return seen;
}"""

ROWS = 7
PAIRS = (("usual", "family"), ("family", "usual"), ("usual", "usual"))
Sums = Dict[Tuple[int, str], int]


def by_place(stacks: Stacks) -> Tuple[Sums, set[Tuple[int, str]]]:
    """The weights by depth and name; and where several stacks have the same name at one depth."""
    paths: Counter[tuple[str, ...]] = Counter()
    for _, weight, names in stacks:
        for depth in range(1, len(names) + 1):
            paths[names[:depth]] += weight
    sums: Counter[Tuple[int, str]] = Counter()
    times: Counter[Tuple[int, str]] = Counter()
    for path, weight in paths.items():
        sums[len(path), path[-1]] += weight
        times[len(path), path[-1]] += 1
    return dict(sums), {place for place, count in times.items() if count > 1}


class Checks(Pages):
    def quiet(self, page: Page) -> None:
        # That pixels are read is our doing.
        complaints = [c for c in page.complaints() if "willReadFrequently" not in c]
        same(complaints, [], "complaints:")
        same(len(page.files_read()), 1, "files read:")

    def seen(self, page: Page) -> List[Any]:
        page.settle()
        rows = [[depth, row_place(page, depth)] for depth in range(1, ROWS)]
        found: List[Any] = page.evaluate(f"({SWEEP})({rows})")
        assert found
        return found

    def sides(self) -> None:
        """After is shown first; what there was only before, on the other side."""
        for before, after in PAIRS:
            page, both = self.page(f"{before}-{after}"), (self.truth(before), self.truth(after))
            wanted = [nodes_of(stacks) for stacks in both]
            same(sweep(page, ROWS), wanted[1], f"{before}-{after}, after:")
            page.click("#side-before")
            same(sweep(page, ROWS), wanted[0], f"{before}-{after}, before:")
            page.press("b")
            same(sweep(page, ROWS), wanted[1], f"{before}-{after}, after again:")
            self.quiet(page)
        # These two have nothing in common.
        page, wanted_before = self.page("usual-evil"), nodes_of(self.truth("usual"))
        names = {node[1] for node in wanted_before if node[0]}
        same(names & {node[1] for node in sweep(page, ROWS)}, set(), "what has gone:")
        page.press("b")
        same(sweep(page, ROWS), wanted_before, "what has gone, before:")
        self.quiet(page)

    def numbers(self) -> None:
        """Weights of both sides, and colours by the change of shares, or of times."""
        for before, after in PAIRS:
            was, several = by_place(self.truth(before))
            is_, also = by_place(self.truth(after))
            alls = weight_of(self.truth(before)), weight_of(self.truth(after))
            for absolute in ("", "-absolute"):
                page = self.page(f"{before}-{after}{absolute}")
                same(page.evaluate("document.querySelector('#equal').checked"), not absolute)
                scale = (1.0, 1.0) if absolute else alls
                for side in ("#side-after", "#side-before"):
                    page.click(side)
                    known = 0
                    for depth, name, a, b, tint, colour in self.seen(page):
                        place = depth, name
                        if place in several | also:
                            continue
                        known += 1
                        same((a, b), (was.get(place, 0), is_.get(place, 0)), f"{place}:")
                        change = b / scale[1] - a / scale[0]
                        grew = (change > 1e-9) - (change < -1e-9)
                        same((tint > 0) - (tint < 0), grew, f"{place}, tint {tint}:")
                        if name == "no call-frame information":
                            continue  # its stripes may be there
                        # Pale ones have little of a colour.
                        if abs(tint) > 0.3:
                            assert grew * colour > -30, (place, tint, colour)
                        if abs(tint) > 0.9:
                            assert grew * colour > 30 or colour == 0, (place, tint, colour)
                    assert known, (before, after, side)
                self.quiet(page)

    def switch(self) -> None:
        """Shares or times: a page can do both, whatever it was made for."""
        page = self.page("usual-family")
        shares = {(s[0], s[1], s[4]) for s in self.seen(page)}
        page.click("#equal")
        times = {(s[0], s[1], s[4]) for s in self.seen(page)}
        assert shares != times
        absolute = self.page("usual-family-absolute")
        same({(s[0], s[1], s[4]) for s in self.seen(absolute)}, times, "--absolute:")
        self.quiet(page)

    def tip(self) -> None:
        page, name = self.page("usual-family"), "list_sort_impl"
        page.mouse("mouseMoved", hover_name(page, name, 3), row_place(page, 3))
        wanted = []
        for case in ("usual", "family"):
            stacks = self.truth(case)
            part = weight_of([s for s in stacks if name in s[2]])
            wanted.append(100 * part / weight_of(stacks))
        text = page.text("#tip")
        numbers = [float(word.split(" %")[0]) for word in text.replace("(", "\n").split("\n")[2:]
                   if " %)" in word]  # fmt: skip
        assert all(abs(x - y) < 0.06 for x, y in zip(numbers, wanted)), (text, wanted)
        same(len(numbers), 2, text)
        change = float(text.split("change ")[1].split(" points")[0].replace("\N{MINUS SIGN}", "-"))
        assert abs(change - (wanted[1] - wanted[0])) < 0.006, (text, wanted)
        self.quiet(page)

    def search(self) -> None:
        page, cases = self.page("usual-family"), (self.truth("usual"), self.truth("family"))
        for name in ("parse", "epoll_wait", "no such"):
            hits = [weight_of([s for s in c if any(name in n for n in s[2])]) for c in cases]
            for side, hit in zip(("#side-before", "#side-after"), hits):
                page.click(side)
                page.press("/")
                page.type(name)
                total = int(page.evaluate("document.querySelector('#found').dataset.total"))
                same(total, hit, f"{name}, {side}:")
                shown = page.text("#found")
                parts = [100 * h / weight_of(c) for h, c in zip(hits, cases)]
                if name == "no such":
                    same(shown, "not found")
                else:
                    a, b = (float(part.split(" %")[0]) for part in shown.split(" → "))
                    assert abs(a - parts[0]) < 0.06 and abs(b - parts[1]) < 0.06, (shown, parts)
                page.press("Escape")
        self.quiet(page)

    def zoom(self) -> None:
        page, before = self.page("usual-family"), self.truth("usual")
        page.press("b")
        path = ("<module>", "Server.serve", "list_sort_impl")
        page.click_at(hover_name(page, path[-1], 3), row_place(page, 3))
        same(page.text("#crumbs").split("\n"), ["all", *path], "crumbs:")
        wanted = {n for n in nodes_of(before) if n[0] < 3}
        wanted |= {n for n in nodes_of([s for s in before if s[2][:3] == path]) if n[0] >= 3}
        same(sweep(page, ROWS), wanted, "zoomed:")
        page.press("Escape")
        same(sweep(page, ROWS), nodes_of(before), "back:")
        for key, name in (
            ("ArrowDown", "<module>"),
            ("ArrowDown", "Server.serve"),
            ("Home", "all"),
        ):
            page.press(key)
            same(page.evaluate("document.querySelector('#detail').dataset.name"), name, key)
        page.click("#flame")
        same(sweep(page, ROWS, flame=True), nodes_of(before), "flame:")
        self.quiet(page)

    def evil(self) -> None:
        page = self.page("usual-evil")
        names = {node[1] for node in sweep(page, 2, step=6) if node[0] == 1}
        same(names, EVIL, "names:")
        same({n for n in sweep(page, 2, step=6) if n[0] == 0}, {(0, "all", 330 * MS, 0)}, "all:")
        same(page.evaluate("document.querySelectorAll('script').length"), 2, "scripts:")
        same(page.text("h1"), '"; <b>x.pywalk → evil.pywalk', "title:")
        same(page.evaluate("document.querySelectorAll('h1 *, bdi *').length"), 0, "markup:")
        self.quiet(page)

    def empty(self) -> None:
        page = self.page("empty-empty")
        same(page.text("#empty"), "This profile has no samples")
        page.press("b")
        self.quiet(page)
        page = self.page("usual-empty")
        same(page.text("#empty"), "No samples in this selection")
        page.press("b")
        same(sweep(page, ROWS), nodes_of(self.truth("usual")), "before:")
        self.quiet(page)

    def cut(self) -> None:
        same(self.page("cut-usual").text("#problems"), "a recording was cut off")
        same(self.page("usual-family").evaluate("document.querySelector('#problems').hidden"), True)

    def sizes(self) -> None:
        for size in (True, False):
            page = self.page("usual-family", touch=size, dark=True)
            wide = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
            same(wide, 0, "too wide:")
            hidden = page.evaluate(
                "[...document.querySelectorAll('dl div')].filter(e => e.getBoundingClientRect().right > innerWidth"
                " || e.getBoundingClientRect().bottom > innerHeight).length"
            )
            same(hidden, 0, "numbers outside:")
            for name in ("threads", "state", "time"):
                same(page.evaluate(f"document.getElementById('{name}').hidden"), True, name)
            self.quiet(page)


NAMES: dict[str, Callable[[Checks], None]] = {
    "before and after": Checks.sides,
    "numbers and colours": Checks.numbers,
    "shares and times": Checks.switch,
    "the tip": Checks.tip,
    "search": Checks.search,
    "zoom and keyboard": Checks.zoom,
    "evil names": Checks.evil,
    "no samples": Checks.empty,
    "a recording that was cut off": Checks.cut,
    "a telephone and a desk": Checks.sizes,
}


if __name__ == "__main__":
    sys.exit(run(Checks, NAMES))
