"""The site as its readers meet it: built without a warning, then opened in a headless Chromium."""

import functools
import http.server
import shutil
import subprocess
import sys
import threading
from urllib.parse import urldefrag, urlsplit

import pytest
from documents import ROOT
from selenium import webdriver

# Where links may lead. Nothing is loaded from any of them.
HOSTS = {"arrow.apache.org", "docs.dask.org", "filesystem-spec.readthedocs.io", "github.com"}
HOSTS |= {"pradyunsg.me", "rustup.rs", "www.sphinx-doc.org"}

DESKTOP, PHONE = 1280, 380


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
    """Return a Chromium that finds no host but this one."""
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
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as browser:
        yield browser


def pages(site):
    return sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))


def show(browser, width):
    """Have the browser show pages as a device of this width does."""
    metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


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

    # To load something from elsewhere is an error: the browser finds no other host.
    assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_no_page_scrolls_sideways(site, address, browser, width):
    show(browser, width)
    for page in pages(site):
        browser.get(address + page)
        needed, cut_off = browser.execute_script(
            """
            const scrolling = 'pre, .table-wrapper, .visually-hidden';
            const beyond = e => e.getBoundingClientRect().right > innerWidth;
            const root = document.documentElement;
            return [root.scrollWidth,
                [...document.querySelectorAll('article *')].filter(
                    e => beyond(e) && !e.closest(scrolling)).length]"""
        )
        assert needed <= width, page
        assert cut_off == 0, page


def test_the_code_on_the_start_page_fits_its_column(address, browser):
    show(browser, DESKTOP)
    browser.get(address)
    blocks = browser.execute_script(
        """return [...document.querySelectorAll('article pre')].map(
            pre => [pre.innerText, pre.scrollWidth - pre.clientWidth])"""
    )
    assert blocks
    assert [text for text, beyond in blocks if beyond > 0] == []
