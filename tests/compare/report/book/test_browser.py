"""The book in a real browser, from disk: Debian's chromium, headless, driven by Playwright."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ("gpu", "quic", "background-networking", "component-update", "sync", "extensions", "default-apps")
WIDE, NARROW = (1400, 900), (400, 800)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium on the path: apt-get install chromium")

SIDES = """
() => [...document.querySelectorAll(".sides")].map((pair) =>
  [...pair.querySelectorAll(".side")].map((side) => side.getBoundingClientRect().toJSON()))
"""
STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
COVERED = """
() => [...document.querySelectorAll(".framed")].filter((frame) => {
  const [code, button] = [".framed > pre", ".copy"].map((one) => frame.querySelector(one).getBoundingClientRect());
  return button.left < code.right - 1 && button.right > code.left + 1
    && button.top < code.bottom - 1 && button.bottom > code.top + 1;
}).length
"""
CUT_OFF = "[...document.querySelectorAll('.wide')].filter((one) => one.scrollWidth > one.clientWidth + 1).length"
PAPER = """
(dark) => {
  const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number);
  return dark ? Math.max(r, g, b) < 64 : Math.min(r, g, b) > 192;
}
"""
LINES = """
(side) => [...document.querySelectorAll(`[aria-labelledby=source-tape] ${side} .line`)].map((line) =>
  [line.style.getPropertyValue("--r"), line.getBoundingClientRect().top])
"""
# Every text on the page whose contrast with what is behind it is below AA. Colours are painted to be read as numbers.
CONTRAST = """
() => {
  const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour.slice(0, 3);
    }
    return rgba(getComputedStyle(document.body).backgroundColor).slice(0, 3);
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("svg, script")) continue;
    const [one, other] = [light(rgba(getComputedStyle(element).color).slice(0, 3)), light(behind(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const text = walker.currentNode.data.trim().slice(0, 30);
    if (ratio < 4.5) faint.add(`${element.className}: ${text} ${ratio.toFixed(2)}`);
  }
  return [...faint];
}
"""

# Every text of the drawings that is too small, sticks out of its drawing, or has too little contrast with the paper or
# with the shaded cell that it stands on.
DRAWN = """
() => {
  const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const painted = (layers) => {
    pen.clearRect(0, 0, 1, 1);
    for (const [colour, opacity] of layers) {
      pen.globalAlpha = opacity; pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    }
    pen.globalAlpha = 1;
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = [getComputedStyle(document.body).backgroundColor, 1];
  const bad = [];
  for (const svg of document.querySelectorAll(".shown svg")) {
    const box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
    const filled = [...svg.querySelectorAll("rect:not(.dot)")]
      .map((rect) => [rect.getBoundingClientRect(), getComputedStyle(rect)])
      .filter(([, style]) => style.fill !== "none");
    for (const text of svg.querySelectorAll("text")) {
      const style = getComputedStyle(text), at = text.getBoundingClientRect();
      const x = (at.left + at.right) / 2, y = (at.top + at.bottom) / 2;
      const under = filled.filter(([one]) => one.left < x && x < one.right && one.top < y && y < one.bottom);
      const layers = under.map(([, one]) => [one.fill, Number(one.fillOpacity)]);
      const [a, b] = [light(painted([[style.fill, 1]])), light(painted([paper, ...layers]))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(style.fontSize) * scale;
      const aside = at.left < box.left - 1 || at.right > box.right + 1;
      const out = aside || at.top < box.top - 2 || at.bottom > box.bottom + 2;
      const found = [text.textContent, ratio.toFixed(2), size.toFixed(1), out];
      if (ratio < 4.5 || size < 12 || out) bad.push(found.join(" "));
    }
  }
  return bad;
}
"""


@pytest.fixture(scope="module")
def browser():
    """One browser for the module: while it is open its loop runs, which other tests' asyncio would not bear."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    flags = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in QUIET)]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=flags)  # with a new profile
        yield opened
        opened.close()


@pytest.fixture
def reader(browser, book):
    """Open a page of the book at some size. Whatever the console says or the network is asked for fails the test."""
    said: list[str] = []

    @contextmanager
    def opened(page: str, size: tuple[int, int] = WIDE) -> Iterator:
        tab = browser.new_page()
        tab.set_viewport_size({"width": size[0], "height": size[1]})
        tab.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
        tab.on("request", lambda request: said.append(request.url) if not LOCAL.match(request.url) else None)
        tab.goto((book / page).as_uri())
        try:
            yield tab
        finally:
            tab.close()

    yield opened
    assert said == []


LOCAL = re.compile("file:///|data:")


def pages(book: Path) -> list[str]:
    return sorted(path.name for path in book.glob("*.html"))


def box(locator):
    made = locator.bounding_box()
    assert made is not None
    return made["x"], made["y"], made["x"] + made["width"], made["y"] + made["height"]


def test_every_page_has_both_columns_beside_each_other_and_stacked(book, reader):
    """On a wide screen and on a phone; nothing sticks out to the right, no table is cut off, no button covers code."""
    with reader("index.html") as tab:
        for page in pages(book):
            tab.goto((book / page).as_uri())
            for size in (WIDE, NARROW):
                tab.set_viewport_size({"width": size[0], "height": size[1]})
                assert not tab.evaluate(STICKS_OUT), (page, size)
                assert not tab.evaluate(CUT_OFF), (page, size)
                assert not tab.evaluate(COVERED), (page, size)
                for left, right in tab.evaluate(SIDES):
                    if size is WIDE:
                        assert left["top"] == right["top"]
                        assert 0 < left["right"] < right["left"] < right["right"] <= WIDE[0], page
                        assert abs(left["width"] - right["width"]) < 2
                    else:
                        assert 0 < left["bottom"] <= right["top"], page
                        assert left["left"] == right["left"] >= 0


def test_lines_that_belong_together_stand_at_one_height(reader):
    """And the narrow page has each side whole, line under line."""
    with reader("tape.html") as tab:
        left, right = (dict(tab.evaluate(LINES, side)) for side in (".reference", ".port"))
        both = set(left) & set(right)
        assert len(both) > 10
        assert {row: left[row] for row in both} == {row: right[row] for row in both}
        tab.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        tops = [top for _, top in tab.evaluate(LINES, ".port")]
        assert tops == sorted(tops)
        assert max(after - before for before, after in pairwise(tops)) < 100


def test_search_finds_and_leads_there_by_keyboard(reader):
    """A slash, a word, arrows, Enter; the number of pages is announced."""
    with reader("index.html") as tab:
        tab.keyboard.press("/")
        tab.keyboard.type("incompatible SHAPES broadcasting")
        status = tab.get_by_role("status")
        assert re.fullmatch(r"\d+ pages?", status.inner_text())
        options = tab.get_by_role("option")
        assert options.first.get_attribute("aria-selected") == "true"
        if options.count() > 1:
            tab.keyboard.press("ArrowDown")
            assert options.nth(1).get_attribute("aria-selected") == "true"
            tab.keyboard.press("ArrowUp")
        tab.keyboard.press("Enter")
        tab.wait_for_url(re.compile(r"/broadcasting\.html#"))
        assert tab.locator(".results").is_hidden()
        assert "Incompatible shapes" in tab.inner_text("main")


def test_search_that_finds_nothing_says_so(reader):
    """And Escape closes it; what was typed is never read as HTML."""
    with reader("index.html") as tab:
        tab.get_by_role("combobox").fill("<b>zyx")
        assert "<b>zyx" in tab.get_by_role("status").inner_text()
        tab.keyboard.press("Escape")
        assert tab.locator(".results").is_hidden()


def test_a_page_is_used_by_keyboard(reader):
    """The first stop is the link past the bar; each stop can be seen."""
    with reader("tape.html") as tab:
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        assert box(tab.locator(".skip"))[1] >= 0
        tab.keyboard.press("Enter")
        assert tab.evaluate("document.activeElement.id") == "main"
        tab.locator(".contents summary").focus()
        tab.keyboard.press("Enter")
        assert tab.locator(".contents [aria-current=page]").inner_text() == tab.locator("h1").inner_text()
        tab.keyboard.press("Escape")
        assert tab.locator(".contents .panel").is_hidden()
        tab.get_by_role("button", name="Dark theme").focus()
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_theme_is_the_systems_until_the_reader_chooses(reader):
    """The choice is kept for the next page; a browser that remembers nothing still changes."""
    with reader("index.html") as tab:
        button = tab.get_by_role("button", name="Dark theme")

        def shows(dark: bool) -> None:
            """Waits: the page hears of the system's theme, and is loaded, a moment later."""
            tab.wait_for_selector(f".theme[aria-pressed={'true' if dark else 'false'}]")
            tab.wait_for_function(PAPER, arg=dark)

        for dark in (False, True):
            tab.emulate_media(color_scheme="dark" if dark else "light")
            shows(dark)
        button.click()
        shows(dark=False)
        tab.get_by_role("link", name="a training step").first.click()
        tab.wait_for_url("**/step.html")
        shows(dark=False)
        tab.evaluate("localStorage.clear()")
        tab.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})")
        tab.reload()
        shows(dark=True)
        button.click()
        shows(dark=False)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out(theme, reader):
    """Contrast of at least 4.5 to 1, as WCAG's level AA asks for."""
    for page in ("index.html", "step.html", "tape.html", "in_place.html", "exercises.html"):
        with reader(page) as tab:
            tab.emulate_media(color_scheme=theme)
            assert tab.evaluate(CONTRAST) == [], page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_of_a_drawing_can_be_read(theme, reader):
    """On a phone and on a wide screen: of some size, inside its drawing, and against its paper or its shade."""
    for page in ("tape.html", "broadcasting.html", "views.html", "model.html"):
        with reader(page) as tab:
            tab.emulate_media(color_scheme=theme)
            assert tab.locator(".shown svg").count() >= 1
            for width, height in ((390, 800), WIDE):
                tab.set_viewport_size({"width": width, "height": height})
                assert tab.evaluate(DRAWN) == [], (page, width)


def test_code_is_read_once_and_printed_without_the_bar(reader):
    """Each side's source is in the page a single time, and every quantity has its heads."""
    with reader("tape.html") as tab:
        code = tab.locator("[aria-labelledby=source-tape] pre")
        assert code.count() == 2
        assert tab.content().count("def loss_of(") == 0  # in pieces, and once
        assert sum("def loss_of(" in one for one in code.all_text_contents()) == 1
        assert tab.get_by_role("columnheader").all_inner_texts() == ["Quantity", "PyTorch", "JAX", "Verdict"]
        assert tab.get_by_role("rowheader").count() == tab.locator(".returns tbody tr").count() > 1
        tab.emulate_media(media="print")
        assert tab.locator(".bar").is_hidden()
        assert tab.locator("footer").is_visible()


def test_code_and_commands_are_copied_and_headings_have_addresses(reader):
    """A side as it stands in its file. A heading's link leads to the heading."""
    took = (
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => { window.took = text; }}})"
    )
    with reader("tape.html") as tab:
        code = tab.locator("[aria-labelledby=source-tape] .port pre code").text_content()
        tab.evaluate(took)
        side = tab.locator("[aria-labelledby=source-tape] .side.port").get_by_role("button", name="Copy this side")
        side.click()
        assert tab.evaluate("window.took") == code.removesuffix("\n")
        assert compile(code, "port", "exec")
        tab.get_by_role("button", name="Copy jaxport read tape").click()
        assert tab.evaluate("window.took") == "jaxport read tape"
        heading = tab.locator("h2#returns")
        heading.get_by_role("link").focus()
        tab.keyboard.press("Enter")
        assert tab.url.endswith("#returns")
