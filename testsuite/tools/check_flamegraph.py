"""Uses pages of the format "flamegraph" as somebody would, in a headless Chromium.

    check_flamegraph.py BROWSER FOLDER

FOLDER holds CASE.html of every case of make_profile, and CASE.truth, what make_profile said of it.  A line a check:
"PASS: NAME" or "FAIL: NAME: why"; then "END".
"""

from __future__ import annotations

import os
import sys
import traceback
from collections import Counter
from typing import Callable, Dict, List, Tuple, Type, TypeVar

from browser import Browser, Page

MS = 1_000_000
WIDTH, HEIGHT = 1280, 800
Node = Tuple[int, str, int, int]  # depth, name, total, self
Stacks = List[Tuple[int, int, Tuple[str, ...]]]  # thread, weight, names

# What make_profile's case "evil" has, as the page is to spell it; and names whose insides matter.
EVIL = {
    '""', '" "', ";", "a;b;c", "a b 12", "tab\\x09here", "line\\x0afeed", "\\x0d\\x0a", "quote\"quote'",
    "back\\slash", "<script>alert(1)</script>", "</script>", "&amp;", "\\x1b[31mred\\x1b[0m", "\\x7f", "Zürich",
    "日本語", "\U0001d518\U0001d52b\U0001d526", "\\ufeffbom", "%s%n%d", "=(F1+2", ")", "a)b", '{"json": [1]}', "-", "--help",
    "'; DROP TABLE", "\\u202ertl", "$(reboot)", "n" * 40, "n" * 400, "n" * 4000, "n" * 40000,
}  # fmt: skip


# Moves a pointer along rows; a real one would take the time of a frame for each step.  What each step shows: the row,
# the detail line's name, total and self, and where.
SWEEP = """(rows, step) => {
    const canvas = document.querySelector('#canvas'), box = canvas.getBoundingClientRect(), seen = [];
    const d = document.querySelector('#detail').dataset, tip = document.querySelector('#tip');
    for (const [row, y] of rows)
        for (let x = box.left + 3; x < box.right; x += step) {
            const move = { clientX: x, clientY: y, pointerType: 'mouse' };
            canvas.dispatchEvent(new PointerEvent('pointermove', move));
            if (!tip.hidden)
                seen.push([row, d.name, d.total, d.self, x]);
        }
    canvas.dispatchEvent(new PointerEvent('pointerleave'));
    return seen;
}"""


def read_truth(path: str) -> Stacks:
    stacks: Stacks = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            thread, weight, names = line.rstrip("\n").split(" ", 2)
            stacks.append((int(thread), int(weight), tuple(names.split(";")) if names else ()))
    assert stacks, f"nothing in {path}"
    return stacks


def weight_of(stacks: Stacks) -> int:
    return sum(weight for _, weight, _ in stacks)


def nodes_of(stacks: Stacks) -> set[Node]:
    total: Counter[tuple[str, ...]] = Counter()
    own: Counter[tuple[str, ...]] = Counter()
    for _, weight, names in stacks:
        own[names] += weight
        for depth in range(len(names) + 1):
            total[names[:depth]] += weight
    return {
        (len(path), path[-1] if path else "all", total[path], own[path])
        for path in total
        if total[path]
    }


def detail(page: Page) -> tuple[str, int, int]:
    name, total, own = page.evaluate(
        "(() => { const d = document.querySelector('#detail').dataset;"
        " return [d.name, d.total, d.self]; })()"
    )
    return name, int(total), int(own)


def graph_box(page: Page) -> tuple[float, float, float, float]:
    left, top, width, height = page.evaluate(
        "(() => { const g = document.querySelector('#graph'), b = g.getBoundingClientRect();"
        " return [b.left, b.top, g.clientWidth, g.clientHeight]; })()"
    )
    return left, top, width, height


def row_place(page: Page, depth: int, flame: bool = False, row: int = 20) -> float:
    _, top, _, height = graph_box(page)
    return top + (height - (depth + 0.5) * row if flame else (depth + 0.5) * row)


def sweep(page: Page, depths: int, flame: bool = False, step: int = 12) -> set[Node]:
    """What the pointer meets on its way along each row."""
    rows = [[depth, row_place(page, depth, flame)] for depth in range(depths)]
    seen = page.evaluate(f"({SWEEP})({rows}, {step})")
    return {(depth, name, int(total), int(own)) for depth, name, total, own, _ in seen}


def hover_name(page: Page, wanted: str, depth: int) -> float:
    """Where on a row this name is."""
    for seen in page.evaluate(f"({SWEEP})({[[depth, row_place(page, depth)]]}, 6)"):
        if seen[1] == wanted:
            x: float = seen[4]
            return x + 1
    raise AssertionError(f"no {wanted} in row {depth}")


def same(seen: object, wanted: object, what: str = "") -> None:
    if isinstance(seen, set) and isinstance(wanted, set) and seen != wanted:
        raise AssertionError(f"{what} missing {wanted - seen}, too many {seen - wanted}")
    assert seen == wanted, f"{what} {seen!r} instead of {wanted!r}"


class Pages:
    """Pages of a folder, and what is to be on them."""

    def __init__(self, browser: Browser, folder: str) -> None:
        self.browser = browser
        self.folder = folder

    def page(self, case: str, touch: bool = False, dark: bool = False) -> Page:
        url = f"file://{os.path.abspath(self.folder)}/{case}.html"
        size = (390, 844) if touch else (WIDTH, HEIGHT)
        return self.browser.open(url, *size, dark=dark, touch=touch)

    def truth(self, case: str) -> Stacks:
        return read_truth(f"{self.folder}/{case}.truth")


AnyPages = TypeVar("AnyPages", bound=Pages)


class Checks(Pages):
    def quiet(self, page: Page) -> None:
        same(page.complaints(), [], "complaints:")
        same(len(page.files_read()), 1, "files read:")

    def every_frame(self) -> None:
        for case in ("usual", "family"):
            page, wanted = self.page(case), nodes_of(self.truth(case))
            same(sweep(page, 7), wanted, f"{case}, icicle:")
            page.click("#flame")
            same(sweep(page, 7, flame=True), wanted, f"{case}, flame:")
            same(sweep(page, 7) == wanted, False, f"{case}, flame read as icicle:")
            page.click("#icicle")
            page.click("#lines")
            same(sweep(page, 7), wanted, f"{case}, by line:")
            page.mouse("mouseMoved", hover_name(page, "parse", 4), row_place(page, 4))
            assert "/srv/app/parse.py:11" in page.text("#detail"), page.text("#detail")
            self.quiet(page)

    def search(self) -> None:
        page, stacks = self.page("usual"), self.truth("usual")
        whole = weight_of(stacks)
        names = {name for _, _, path in stacks for name in path}
        patterns = {name: name.lower() for name in {*names, "SERVE", "no such"}}
        for typed, wanted in patterns.items():
            page.press("/")
            same(page.evaluate("document.activeElement.id"), "search", "focus")
            page.type(typed)
            hit = [s for s in stacks if any(wanted in name.lower() for name in s[2])]
            found = int(page.evaluate("document.querySelector('#found').dataset.total"))
            same(found, weight_of(hit), f"{typed}:")
            percent = 100 * found / whole
            shown = page.text("#found")
            if hit:
                same(abs(float(shown.split(" ")[0]) - percent) < 0.06, True, f"{typed}: {shown}")
            else:
                same(shown, "not found")
            page.press("Escape")
            same(page.text("#found"), "", "after Escape:")
        same(page.evaluate("document.activeElement.id"), "graph", "focus after Escape")
        self.search_patterns(page, stacks)
        self.quiet(page)

    def search_patterns(self, page: Page, stacks: Stacks) -> None:
        in_file = weight_of([s for s in stacks if "list_sort_impl" in s[2]])
        for typed, wanted in (("listobject.c", in_file), ("/^(list_sort|nothing)/", in_file)):
            page.press("/")
            page.type(typed)
            found = int(page.evaluate("document.querySelector('#found').dataset.total"))
            same(found, wanted, f"{typed}:")
            page.press("Enter")
            same(detail(page)[0], "list_sort_impl", f"Enter after {typed}:")
            page.press("Escape")
        page.press("/")
        page.type("/(/")
        same(page.text("#found"), "no regular expression")

    def zoom(self) -> None:
        page, stacks = self.page("usual"), self.truth("usual")
        path = ("<module>", "Server.serve", "list_sort_impl")
        below = [s for s in stacks if s[2][:3] == path]
        wanted = {n for n in nodes_of(stacks) if n[0] < 3}
        wanted |= {n for n in nodes_of(below) if n[0] >= 3}
        ways: List[Callable[[], None]] = [
            lambda: page.click("#reset"),
            lambda: page.press("0"),
            lambda: page.press("Escape"),
            lambda: page.click("#crumbs button"),
        ]
        for back in ways:
            page.click_at(hover_name(page, path[-1], 3), row_place(page, 3))
            same(page.text("#crumbs").split("\n"), ["all", *path], "crumbs:")
            same(sweep(page, 7), wanted, "zoomed:")
            back()
            same(page.text("#crumbs"), "all", "crumbs, back:")
            same(page.evaluate("document.querySelector('#reset').disabled"), True, "reset")
        same(sweep(page, 7), nodes_of(stacks), "back:")
        self.quiet(page)

    def keyboard(self) -> None:
        page = self.page("usual")
        for key, name in (
            ("ArrowDown", "<module>"),
            ("ArrowDown", "Server.serve"),
            ("ArrowDown", "parse"),
            ("ArrowRight", "no call-frame information"),
            ("ArrowDown", "epoll_wait"),
            ("ArrowDown", "epoll_wait"),
            ("ArrowUp", "no call-frame information"),
            ("ArrowRight", "list_sort_impl"),
            ("ArrowRight", "list_sort_impl"),
            ("ArrowLeft", "no call-frame information"),
            ("Enter", "no call-frame information"),
        ):
            page.press(key)
            same(detail(page)[0], name, key)
        same(page.text("#crumbs").split("\n")[-1], "no call-frame information", "crumbs")
        page.press("0")
        same(detail(page)[0], "all", "0:")
        page.click("#flame")
        page.evaluate("document.querySelector('#graph').focus()")
        page.press("ArrowUp")
        same(detail(page)[0], "<module>", "flame, ArrowUp:")
        self.quiet(page)

    def threads(self) -> None:
        page, stacks = self.page("usual"), self.truth("usual")
        page.click("#threads summary")
        for thread, name in enumerate(("MainThread", "worker 1", "grpc")):
            row = f".thread:nth-child({thread + 1})"
            same(page.text(f"{row} bdi"), name, "name:")
            page.mouse("mouseMoved", *page.center(row))
            page.click(f"{row} .only")
            page.press("Escape")
            same(sweep(page, 7), nodes_of([s for s in stacks if s[0] == thread]), f"{name}:")
            page.click("#threads summary")
        page.click(".thread:nth-child(1) input")
        same(detail(page)[1], weight_of([s for s in stacks if s[0] != 1]), "two threads:")
        same(page.text("#threads-count"), "2 of 3")
        page.click("#threads-none")
        same(page.text("#empty"), "No samples in this selection")
        page.click("#threads-all")
        same(detail(page)[1], weight_of(stacks), "all:")
        self.quiet(page)

    def processes(self) -> None:
        page, stacks = self.page("family"), self.truth("family")
        same(page.text("h1"), "3 processes")
        page.click("#threads summary")
        page.click(".process:nth-child(2) .process-name input")
        rest = [s for s in stacks if s[0] != 1]
        same(detail(page)[1], weight_of(rest), "without a process:")
        page.press("Escape")
        same(sweep(page, 7), nodes_of(rest), "without a process:")
        self.quiet(page)

    def time(self) -> None:
        """make_profile: sample i of `usual` was at i / 3 * 10 ms."""
        page, stacks = self.page("usual"), self.truth("usual")
        count, span = page.evaluate(
            "(() => { const i = JSON.parse(document.querySelector('#profile').textContent);"
            " return [i.intervals, i.span]; })()"
        )

        def check(what: str) -> None:
            first, last = page.evaluate(
                "['from', 'to'].map(id => +document.getElementById(id).ariaValueNow)"
            )
            inside = [
                s for i, s in enumerate(stacks) if first * span <= i // 3 * 10 * MS < last * span
            ]
            assert 0 < len(inside) < len(stacks), (what, first, last, count)
            same(detail(page)[1], weight_of(inside), f"{what}:")

        page.evaluate("document.querySelector('#to').focus()")
        page.press("ArrowLeft")
        check("one step")
        page.evaluate("document.querySelector('#from').focus()")
        page.press("ArrowRight")
        page.evaluate("document.querySelector('#to').focus()")
        page.press("Home")  # not below the other end
        check("the shortest range")
        page.click("#whole")
        x, y = page.center("#timeline")
        page.drag((x - 200, y), (x + 100, y))
        check("a drag")
        page.click("#whole")
        same(detail(page)[1], weight_of(stacks), "back:")
        page.drag((x + 300, y), (x - 10, y))
        check("a drag to the left")
        page.click_at(x + 150, y)
        same(detail(page)[1], weight_of(stacks), "a click:")
        self.quiet(page)

    def states(self) -> None:
        """make_profile: i % 10 == 9 is idle, of the others i % 3 == 0 has the GIL."""
        page, stacks = self.page("usual"), self.truth("usual")
        for state, wanted in (
            ("running", [s for i, s in enumerate(stacks) if i % 10 != 9]),
            ("idle", stacks[9::10]),
            ("gil", [s for i, s in enumerate(stacks) if i % 10 != 9 and i % 3 == 0]),
        ):
            page.evaluate(
                f"(() => {{ const s = document.querySelector('#state'); s.value = '{state}';"
                " s.dispatchEvent(new Event('change')); })()"
            )
            same(sweep(page, 7), nodes_of(wanted), f"{state}:")
        self.quiet(page)

    def evil(self) -> None:
        page = self.page("evil")
        same(detail(page)[1], 330 * MS, "whole:")
        same({node[1] for node in sweep(page, 2, step=6) if node[0] == 1}, EVIL, "names:")
        x, y = hover_name(page, "<script>alert(1)</script>", 1), row_place(page, 1)
        page.mouse("mouseMoved", x, y)
        same(page.text("#tip .name"), "<script>alert(1)</script>", "tip:")
        same(page.text("#detail .name"), "<script>alert(1)</script>", "detail:")
        page.click_at(x, y)
        same(page.text("#crumbs").split("\n")[-1], "<script>alert(1)</script>", "crumbs:")
        page.click("#threads summary")
        same(page.text(".thread bdi"), 'thread; "<x>" \\x0a 7')
        same(page.text("h1"), 'evil "command" <b> ; \\x0a x')
        same(page.evaluate("document.querySelectorAll('script').length"), 2, "scripts:")
        same(
            page.evaluate("document.querySelectorAll('h1 *, bdi *').length"), 0, "markup in names:"
        )
        self.quiet(page)

    def policy(self) -> None:
        """Would a script that got into the page run?  And reach the network?"""
        page = self.page("usual")
        page.evaluate(
            "(() => { const s = document.createElement('script');"
            " s.textContent = 'window.ran = 1'; document.body.append(s);"
            " const d = document.createElement('div'); d.innerHTML = '<img src=x onerror=\"window.ran = 2\">';"
            " document.body.append(d); })()"
        )
        page.settle()
        same(page.evaluate("window.ran"), None, "an inserted script:")
        asked = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 1, e => e.name)")
        same(asked, "TypeError", "fetch:")
        assert any("Content Security Policy" in c for c in page.complaints()), page.complaints()

    def deep(self) -> None:
        page = self.page("deep")
        page.evaluate("document.querySelector('#graph').scrollTop = 1e9")
        page.settle()
        left, top, _, height = graph_box(page)
        page.mouse("mouseMoved", left + 50, top + height - 8)
        same(detail(page), ("recurse", 20 * MS, 20 * MS), "the newest frame:")
        page.click_at(left + 50, top + height - 8)
        crumbs = page.text("#crumbs").split("\n")
        same("… 19993 more …" in crumbs and len(crumbs) == 20002 - 19993, True, str(crumbs))
        page.press("0")
        page.click("#flame")
        page.press("/")
        page.type("recurse")
        found = int(page.evaluate("document.querySelector('#found').dataset.total"))
        same(found, 20 * MS, "recursion counts once:")
        self.quiet(page)

    def large(self) -> None:
        """The two oldest frames of each stack, as make_profile's generator has them."""
        page = self.page("large")
        random = 1
        wanted: Counter[str] = Counter()
        for _ in range(200000):
            random = (random * 1664525 + 1013904223) & 0xFFFFFFFF
            bits = (random >> 12) % 20000
            wanted[f"f0_{bits % 7}"] += 10 * MS
            wanted[f"f1_{bits // 3 % 7}"] += 10 * MS
        same(detail(page)[1], 200000 * 10 * MS, "whole:")
        for name, total in wanted.items():
            page.press("/")
            page.type(name)
            found = int(page.evaluate("document.querySelector('#found').dataset.total"))
            same(found, total, f"{name}:")
            page.press("Escape")
        page.click("#threads summary")
        page.click("#threads-filter")
        page.type("worker 17")
        page.click("#threads-none")
        page.press("Escape")
        same(page.text("#threads-count"), "49 of 50")
        same(detail(page)[1], 196000 * 10 * MS, "without a thread:")
        self.quiet(page)

    def empty(self) -> None:
        page = self.page("empty")
        same(page.text("#empty"), "This profile has no samples")
        for key in ("ArrowDown", "Enter", "0", "Escape"):
            page.press(key)
        page.click("#flame")
        self.quiet(page)

    def cut(self) -> None:
        """Its end, which has what is known of the whole, is missing."""
        page = self.page("cut")
        same(page.text("#problems").endswith("the recording was cut off"), True, "said:")
        same(0 < detail(page)[1] < 200000 * 10 * MS, True, "a part:")
        assert " samples in 0" not in page.text("#subtitle"), page.text("#subtitle")
        same(self.page("large").evaluate("document.querySelector('#problems').hidden"), True)
        self.quiet(page)

    def touch(self) -> None:
        wide = "document.scrollingElement.scrollWidth - innerWidth"
        for case in ("usual", "family", "evil"):
            for small in (True, False):
                same(self.page(case, small, dark=True).evaluate(wide), 0, f"{case}: too wide:")
        page = self.page("usual", touch=True)
        left, _, width, _ = graph_box(page)
        place = [{"x": left + width / 4, "y": row_place(page, 3, row=26)}]
        page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=place)
        page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        page.wait("document.querySelectorAll('#crumbs button').length > 1")
        same(page.text("#crumbs").split("\n")[-1], "parse", "crumbs:")
        same(page.evaluate("document.querySelector('#tip').hidden"), True, "no tip")
        self.quiet(page)

    def dark(self) -> None:
        pixel = "getComputedStyle(document.body).backgroundColor"
        same(self.page("usual").evaluate(pixel), "rgb(255, 255, 255)", "light:")
        same(self.page("usual", dark=True).evaluate(pixel), "rgb(20, 23, 26)", "dark:")


NAMES: dict[str, Callable[[Checks], None]] = {
    "every frame is where and what it was": Checks.every_frame,
    "search": Checks.search,
    "zoom": Checks.zoom,
    "keyboard": Checks.keyboard,
    "threads": Checks.threads,
    "processes": Checks.processes,
    "time": Checks.time,
    "states": Checks.states,
    "evil names": Checks.evil,
    "nothing else runs in the page": Checks.policy,
    "20,000 frames deep": Checks.deep,
    "200,000 samples": Checks.large,
    "no samples": Checks.empty,
    "a recording that was cut off": Checks.cut,
    "a telephone": Checks.touch,
    "dark": Checks.dark,
}


def run(checks: Type[AnyPages], names: Dict[str, Callable[[AnyPages], None]]) -> int:
    """Each of them on pages of its own; what is wrong is printed."""
    with Browser(sys.argv[1]) as browser:
        for name, check in names.items():
            try:
                check(checks(browser, sys.argv[2]))
                print(f"PASS: {name}", flush=True)
            except (AssertionError, RuntimeError, TimeoutError, TypeError, ValueError) as error:
                why = " ".join(str(error).split())[:600] or traceback.format_exc(limit=1)
                print(f"FAIL: {name}: {why}", flush=True)
    print("END")
    return 0


if __name__ == "__main__":
    sys.exit(run(Checks, NAMES))
