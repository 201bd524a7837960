"""A real headless Chromium for the tests of pages, and what it has to say about a page.

    with open_browser() as driver:
        driver.get(page.as_uri())
        assert axe_violations(driver) == []
        assert console_errors(driver) == []
        assert requests_made(driver) == [page.as_uri()]

Tests that need it are marked with `needs_browser`: they are skipped where Chromium is missing.
"""

import contextlib
import importlib.resources
import json
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.webdriver import WebDriver

CHROMIUM = shutil.which('chromium')
"""The browser, or None."""

CHROMEDRIVER = shutil.which('chromedriver')
"""The program that steers it, or None."""

needs_browser = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason='chromium and chromedriver are not installed'
)
"""Skips a test where there is no Chromium."""

SWITCHES = (
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-default-apps',
    '--disable-dev-shm-usage',
    '--disable-sync',
    '--no-first-run',
    '--force-device-scale-factor=1',
)
"""What keeps the browser off the network and its pictures the same everywhere."""

IN_THE_PAGE = ('data:', 'blob:', 'about:', 'chrome')
"""Beginnings of addresses that leave neither the page nor the browser."""


@contextlib.contextmanager
def open_browser(
    window: tuple[int, int] = (1280, 800), downloads: pathlib.Path | None = None
) -> Iterator[WebDriver]:
    """A fresh Chromium with a profile of its own, which end with the `with` block.

    Args:
        window: width and height of the page in CSS pixels.
        downloads: where files that a page saves go, without a question; by default nowhere.

    Yields:
        The driver.
    """
    with tempfile.TemporaryDirectory(
        prefix='chromium-profile-', ignore_cleanup_errors=True
    ) as profile:
        driver = _start(window, downloads, pathlib.Path(profile))
        try:
            yield driver
        finally:
            driver.quit()


def _start(
    window: tuple[int, int], downloads: pathlib.Path | None, profile: pathlib.Path
) -> WebDriver:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*SWITCHES, f'--user-data-dir={profile}'):
        options.add_argument(switch)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    service = webdriver.ChromeService(executable_path=CHROMEDRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    # The size of the page itself; --window-size would count the window's frame in.
    metrics = {'width': window[0], 'height': window[1], 'deviceScaleFactor': 1, 'mobile': False}
    driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', metrics)
    if downloads is None:
        behaviour = {'behavior': 'deny'}
    else:
        behaviour = {'behavior': 'allow', 'downloadPath': f'{downloads}'}
    driver.execute_cdp_cmd('Browser.setDownloadBehavior', behaviour)
    return driver


def axe_violations(driver: WebDriver, impacts: tuple[str, ...] = ('serious', 'critical')) -> list:
    """What axe-core finds wrong with the accessibility of the page that is open.

    Args:
        driver: the browser.
        impacts: kinds that count, of minor, moderate, serious, critical.

    Returns:
        For each broken rule 'impact rule: help; where', to be compared with [].
    """
    script = importlib.resources.files('axe_core_python').joinpath('axe.min.js')
    driver.execute_script(script.read_text(encoding='utf-8'))
    driver.set_script_timeout(120)
    results = driver.execute_async_script(
        'const done = arguments[arguments.length - 1];'
        "axe.run(document, {resultTypes: ['violations']}).then(done, e => done({error: `${e}`}));"
    )
    assert 'error' not in results, results
    return [
        f'{found["impact"]} {found["id"]}: {found["help"]}; {found["nodes"][0]["html"][:200]}'
        for found in results['violations']
        if found['impact'] in impacts
    ]


def console_errors(driver: WebDriver) -> list[str]:
    """Errors and warnings on the console since the last call."""
    return [
        entry['message']
        for entry in driver.get_log('browser')
        if entry['level'] in ('SEVERE', 'WARNING')
    ]


def requests_made(driver: WebDriver) -> list[str]:
    """Addresses that pages asked for since the last call, themselves (file:///...) among them.

    What lies in the page (`data:`, `blob:`) is not counted. A self-contained page that was opened
    once gives the list of its own address alone.
    """
    events = [json.loads(entry['message'])['message'] for entry in driver.get_log('performance')]
    addresses = [
        event['params']['request']['url']
        for event in events
        if event['method'] == 'Network.requestWillBeSent'
    ]
    return [address for address in addresses if not address.startswith(IN_THE_PAGE)]
