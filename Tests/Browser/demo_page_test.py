"""The demo page in a real browser: `python demo_page_test.py BASE_URL [--screenshot FILE]`.

Two tabs of separate browser profiles talk to each other and count each other, the charts fill, and the page survives a
restart of the server. How to restart it says the environment variable PHAROS_RESTART_CMD, or the caller of `run`:
a function that returns once the server accepts again. With neither, that story is left out, aloud.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
TIMEOUT_MS = 20_000

# A state may last half a second only; the page's own memory of it makes the test independent of how fast it polls.
REMEMBER_STATES = """() => {
  const label = document.getElementById('connection');
  window.states = [];
  new MutationObserver(() => window.states.push(label.textContent)).observe(label, { childList: true });
}"""


def open_tab(browser: Browser, base_url: str, name: str, problems: list[str]) -> Page:
    """A tab of its own profile, connected and counted."""
    page = browser.new_context(viewport={"width": 1180, "height": 860}).new_page()
    page.on("pageerror", lambda error: problems.append(f"{name}: {error}"))
    page.on("console", lambda entry: "Security Policy" in entry.text and problems.append(f"{name}: {entry.text}"))
    page.goto(base_url)
    page.evaluate(REMEMBER_STATES)
    page.get_by_label("Name").fill(name)
    expect(page.locator("#connection")).to_have_text("connected")
    return page


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send").click()


def tabs_talk(browser: Browser, base_url: str, problems: list[str]) -> tuple[Page, Page]:
    ann = open_tab(browser, base_url, "Ann", problems)
    expect(ann.locator("#here")).to_have_text("1 here")
    bob = open_tab(browser, base_url, "Bob", problems)
    for page in (ann, bob):
        expect(page.locator("#here")).to_have_text("2 here")
    say(ann, "Does this arrive?")
    expect(bob.locator(".message").last).to_contain_text("Does this arrive?")
    expect(bob.locator(".message").last).to_contain_text("Ann")
    say(bob, "At once. <img src=x onerror=alert(1)>")
    expect(ann.locator(".message").last).to_contain_text("<img src=x")
    expect(ann.locator(".message img")).to_have_count(0)
    expect(ann.locator(".message.own").last).to_contain_text("Does this arrive?")
    return ann, bob


def newcomer_sees_history_and_is_counted(browser: Browser, base_url: str, ann: Page, problems: list[str]) -> None:
    eve = open_tab(browser, base_url, "Eve", problems)
    expect(eve.locator(".message", has_text="Does this arrive?")).not_to_have_count(0)
    expect(ann.locator("#here")).to_have_text("3 here")
    eve.context.close()
    expect(ann.locator("#here")).to_have_text("2 here")


def shown_command_publishes(page: Page) -> None:
    """The command that the page shows, pasted into a terminal."""
    command = page.locator("#curl").inner_text()
    assert command.startswith("curl "), command
    said = json.loads(shlex.split(command)[-1])["data"]["text"]
    before = page.locator(".message", has_text=said).count()
    run = subprocess.run(command + " -s --fail", shell=True, capture_output=True, text=True, timeout=TIMEOUT_MS / 1_000)
    assert run.returncode == 0, run.stderr
    expect(page.locator(".message", has_text=said)).to_have_count(before + 1)


def charts_fill(page: Page) -> None:
    expect(page.locator("#points")).to_contain_text("reading", timeout=TIMEOUT_MS)
    before = page.locator("#points").get_attribute("data-newest")
    expect(page.locator("#points")).not_to_have_attribute("data-newest", before or "")
    expect(page.locator("#cpu .value")).to_contain_text("%")
    expect(page.locator("#cpu path.line")).to_have_attribute("d", re.compile(r"^M.+L.+"))


def gap_is_recovered(ann: Page, bob: Page) -> None:
    """Nothing said while a tab is off the network is lost to it."""
    ann.evaluate("window.dispatchEvent(new Event('offline'))")
    say(bob, "Said while Ann was away")
    expect(ann.locator(".message", has_text="Said while Ann was away")).to_have_count(1)
    expect(ann.locator("#here")).to_have_text("2 here")
    states = ann.evaluate("window.states")
    assert any(state.startswith("reconnecting in") for state in states), states
    assert states[-1] == "connected", states


def restart_is_survived(ann: Page, bob: Page, restart: Callable[[], None]) -> None:
    restart()
    for page in (ann, bob):
        expect(page.locator("#connection")).to_have_text("connected", timeout=45_000)
        expect(page.locator("#here")).to_have_text("2 here", timeout=45_000)
    say(bob, "Still here after the restart")
    expect(ann.locator(".message").last).to_contain_text("Still here after the restart")
    charts_fill(ann)


def run(base_url: str, restart: Callable[[], None] | None = None, screenshot: str | None = None) -> None:
    """All stories; raises at the first that fails."""
    problems: list[str] = []
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        ann, bob = tabs_talk(browser, base_url, problems)
        newcomer_sees_history_and_is_counted(browser, base_url, ann, problems)
        shown_command_publishes(ann)
        charts_fill(ann)
        gap_is_recovered(ann, bob)
        if screenshot:
            ann.screenshot(path=screenshot)
        if restart:
            restart_is_survived(ann, bob, restart)
        else:
            print("SKIPPED: the restart of the server (no PHAROS_RESTART_CMD)", file=sys.stderr)
        browser.close()
    if problems:
        raise AssertionError("the page complained: " + "; ".join(problems))


def main() -> None:
    parser = argparse.ArgumentParser(description="Tests the demo page in headless Chromium.")
    parser.add_argument("base_url", help="for example http://127.0.0.1:8000/")
    parser.add_argument("--screenshot", help="write a picture of the page to this file")
    arguments = parser.parse_args()
    command = os.environ.get("PHAROS_RESTART_CMD")
    restart = (lambda: subprocess.run(command, shell=True, check=True)) if command else None
    run(arguments.base_url, restart, arguments.screenshot)
    print("demo page: two tabs, history, counts, charts, recovery" + (", restart" if restart else ""))


if __name__ == "__main__":
    main()
