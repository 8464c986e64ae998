"""The site as its readers meet it: built without a warning, then opened in a headless Chromium.

Screenshots of all pages are left in build/screenshots, for a person to look at.
"""

import functools
import http.server
import inspect
import json
import re
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser
from urllib.parse import urldefrag, urlsplit

import pytest
from documents import ROOT
from selenium import webdriver

import doubles_ffi
from doubles_ffi.cli.parser import parsers

SCREENSHOTS = ROOT / "build/screenshots"

# Where links may lead. Nothing is loaded from any of them.
HOSTS = {"arrow.apache.org", "github.com", "pradyunsg.me", "rustup.rs", "www.sphinx-doc.org"}

DESKTOP, PHONE = 1200, 380

# A screenshot of a long page ends here.
TALLEST = 3000


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
    done = subprocess.run(
        [*build, "docs", folder], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def address(site):
    """Serve the site, and return its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

    handler = functools.partial(Handler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    """Return a Chromium that finds no host but this one, and remembers what it asked for."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",  # root has none
        "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield browser
    browser.quit()


def pages(site):
    return sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))


def show(browser, width, scheme="light", height=1000):
    """Have the browser show pages as a device of this width does."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width == PHONE}
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def wait_for(browser, script, *arguments):
    """Wait until a script returns something that is true, and return it."""
    from selenium.webdriver.support.wait import WebDriverWait

    return WebDriverWait(browser, 30).until(lambda b: b.execute_script(script, *arguments))


def test_every_link_leads_somewhere_and_nothing_comes_from_elsewhere(site, address, browser):
    links, anchors = set(), {}
    for page in pages(site):
        browser.get(address + page)
        found = browser.execute_script(
            """return {
                links: [...document.querySelectorAll('a[href]')].map(a => a.href),
                anchors: [...document.querySelectorAll('[id]')].map(e => e.id),
                broken: [...document.images].filter(i => !i.naturalWidth).map(i => i.src),
            }"""
        )
        assert found["broken"] == []
        anchors[address + page] = set(found["anchors"])
        links.update((page, link) for link in found["links"])

    assert len(links) > 500
    linked = set()
    for page, link in links:
        target, anchor = urldefrag(link)
        if not target.startswith(address):
            assert urlsplit(link).hostname in HOSTS, (page, link)
        elif target in anchors:
            linked.update({target} - {address + page})
            assert not anchor or anchor in anchors[target], (page, link)
        else:
            assert (site / target.removeprefix(address)).is_file(), (page, link)
    assert linked | {address + "index.html"} >= set(anchors) - {address + "search.html"}

    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert len(asked) > len(anchors)
    assert {url for url in asked if not url.startswith((address, "data:"))} == set()
    assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_page_fits_and_can_be_read(site, address, browser, width, scheme):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for page in pages(site):
        show(browser, width, scheme)
        browser.get(address + page)
        is_light, text_is_light, filters, needed, height, cut_off = browser.execute_script(
            """
            const isLight = colour => colour.match(/\\d+/g).slice(0, 3).every(c => c > 127);
            const scrolling = 'pre, .table-wrapper, .visually-hidden';
            const body = getComputedStyle(document.body), root = document.documentElement;
            return [
                isLight(body.backgroundColor), isLight(body.color),
                [...document.querySelectorAll('article img')].map(i => getComputedStyle(i).filter),
                root.scrollWidth, root.scrollHeight,
                [...document.querySelectorAll('article *')].filter(e =>
                    e.getBoundingClientRect().right > innerWidth && !e.closest(scrolling)).length,
            ]"""
        )
        assert needed <= width, page
        assert cut_off == 0, page
        assert (is_light, text_is_light) == (scheme == "light", scheme == "dark"), page
        assert all((one == "none") == (scheme == "light") for one in filters), page
        show(browser, width, scheme, min(height, TALLEST))
        name = f"{page.removesuffix('.html').replace('/', '-')}-{width}-{scheme}.png"
        assert browser.save_screenshot(SCREENSHOTS / name)


def test_a_reader_can_choose_the_dark(address, browser):
    show(browser, DESKTOP, "light")
    browser.get(address + "architecture.html")
    seen = set()
    for _ in range(3):
        browser.execute_script("document.querySelector('.theme-toggle').click()")
        theme, is_turned = browser.execute_script(
            """return [document.body.dataset.theme,
                getComputedStyle(document.querySelector('article img')).filter != 'none']"""
        )
        assert is_turned == (theme == "dark")
        seen.add(theme)
    assert seen == {"auto", "light", "dark"}


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("count_doubles_slice_parallel", "reference/python.html"),
        ("doubles_count_utf8", "reference/c.html"),
        ("decompress", "reference/command.html"),
        ("PyCapsule", "columns.html"),
        ("bytecodes", "ladder.html"),
    ],
)
def test_search_finds(address, browser, words, page):
    from selenium.webdriver.common.by import By

    show(browser, DESKTOP)
    browser.get(address)
    box = browser.find_element(By.CSS_SELECTOR, ".sidebar-search")
    box.send_keys(words)
    box.submit()
    script = """return [...document.querySelectorAll('ul.search li a')].some(
        a => a.href.split(/[?#]/)[0] == arguments[0])"""
    assert wait_for(browser, script, address + page)


def test_every_block_can_be_copied(site, address, browser):
    granted = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    browser.execute_cdp_cmd("Browser.grantPermissions", granted)
    show(browser, DESKTOP)
    copied = {}
    for page in pages(site):
        browser.get(address + page)
        blocks = browser.execute_script("return document.querySelectorAll('.highlight pre').length")
        if blocks:
            script = "return document.querySelectorAll('button.copybtn').length == arguments[0]"
            wait_for(browser, script, blocks)
        copied[page] = blocks
    assert sum(copied.values()) > 90

    browser.get(address + "streams.html")
    wait_for(browser, "return document.querySelector('button.copybtn')").click()
    wait_for(browser, "return document.querySelector('button.copybtn.success')")
    text = browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert text.strip().splitlines() == [
        "from doubles_ffi import DoubleCounter",
        'counter = DoubleCounter(encoding="utf-8")',
        'for chunk in ["При".encode(), "ве".encode(), b"\\xd1", b"\\x82", "т!".encode()]:',
        "    counter.update(chunk)",
        "counter",
    ]


def test_the_charts_show_what_was_measured(site, address, browser):
    from benchmarks import report, results

    browser.get(address + "benchmarks.html")
    sources = browser.execute_script("return [...document.images].map(i => i.src)")
    assert len(sources) == len(report.CHARTED)
    data = results.read()
    for name in report.CHARTED:
        assert any(source.endswith(f"/{name}.svg") for source in sources)
        drawn = (site / "_images" / f"{name}.svg").read_text("utf-8")
        group = next(group for group in report.GROUPS if group.name == name)
        case = next(iter(data["groups"][name].values()))
        for contestant in group.contenders(case["seconds"]):
            assert contestant.name.replace("&", "&amp;") in drawn
            assert report.duration(case["seconds"][contestant.name]) in drawn


class Signatures(HTMLParser):
    """The text of each declaration on a page, by its anchor."""

    def __init__(self):
        super().__init__()
        self.found, self.name = {}, None

    def handle_starttag(self, tag, attrs):
        if tag == "dt" and "sig" in (dict(attrs).get("class") or ""):
            self.name = dict(attrs).get("id")
        elif tag == "a" and "headerlink" in (dict(attrs).get("class") or ""):
            self.name = None

    def handle_endtag(self, tag):
        if tag == "dt":
            self.name = None

    def handle_data(self, data):
        if self.name:
            self.found[self.name] = self.found.get(self.name, "") + data


def signatures(site, page):
    parser = Signatures()
    parser.feed((site / page).read_text("utf-8"))
    return parser.found


def test_the_reference_has_all_of_python(site):
    shown = signatures(site, "reference/python.html")
    for name in doubles_ffi.__all__:
        text = shown[f"doubles_ffi.{name}"]
        for parameter in inspect.signature(getattr(doubles_ffi, name)).parameters:
            assert re.search(rf"\b{parameter}\b", text), (name, text)
    assert "threads: int | None = None" in shown["doubles_ffi.count_doubles"]
    for name in ("cluster.count_files", "cluster.Result.count", "baselines.count_doubles_regex"):
        assert f"doubles_ffi.{name}" in shown


def test_the_reference_has_all_of_c(site):
    header = (ROOT / "rustlib/include/doubles.h").read_text("utf-8")
    code = re.sub(r"//.*|/\*(?s:.*?)\*/", "", header)
    names = set(re.findall(r"\b(?:doubles_|Doubles|DOUBLES_)\w+", code)) - {"DOUBLES_H"}
    assert len(names) > 50
    shown = " ".join(signatures(site, "reference/c.html").values())
    assert {name for name in names if not re.search(rf"\b{name}\b", shown)} == set()


def test_the_reference_has_all_options(site):
    text = re.sub(r"<[^>]*>", "", (site / "reference/command.html").read_text("utf-8"))
    parser, subparsers = parsers()
    for one in (parser, *subparsers.values()):
        for action in one._actions:
            for option in action.option_strings:
                assert re.search(rf"(?<![\w-]){option}(?![\w-])", text), option
    assert len(subparsers) > 2


def test_the_picture_shows_every_room():
    picture = (ROOT / "docs/architecture.svg").read_text("utf-8")
    lines = re.findall(r'<text class="name".*?>(.*?)<', picture)
    shown = {name.rstrip("/") for line in lines for name in re.split(", *", line.rstrip(","))}
    python = {path.stem for path in (ROOT / "doubles_ffi").iterdir() if path.suffix in {"", ".py"}}
    rust = {path.stem for path in (ROOT / "rustlib/src").glob("*.rs")}
    # Two that start the others, a helper of threads, and what the ladder is raced against.
    left_out = {"__init__", "__main__", "__pycache__", "_threads", "baselines", "lib"}
    assert shown == (python | rust | {"_native"}) - left_out - {"py.typed"}
