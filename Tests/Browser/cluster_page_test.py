"""The demo page on the three nodes of `make cluster`, in a real browser:
`python cluster_page_test.py BASE_URL BASE_URL BASE_URL [--screenshot FILE]`.

One tab on each node: they talk to each other, name their nodes, and the tab of a node that is killed comes back on
another one and says so. How to kill and restart node 2 say the environment variables PHAROS_KILL_CMD and
PHAROS_RESTART_CMD, or the caller of `run`.
"""

import argparse
import os
import subprocess
from collections.abc import Callable

from demo_page_test import TIMEOUT_MS, say, shown_command_publishes
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
NAMES = ("Ann", "Bob", "Eve")


def open_tab(browser: Browser, base_url: str, name: str, problems: list[str]) -> Page:
    """A tab of its own profile."""
    page = browser.new_context(viewport={"width": 1180, "height": 860}).new_page()
    page.on("pageerror", lambda error: problems.append(f"{name}: {error}"))
    page.on("console", lambda entry: "Security Policy" in entry.text and problems.append(f"{name}: {entry.text}"))
    page.goto(base_url)
    page.get_by_label("Name").fill(name)
    return page


def is_on(page: Page, node: str) -> None:
    expect(page.locator("#connection")).to_have_text(f"connected to {node}")


def sees(page: Page, *places: str) -> None:
    """The visitors and their nodes, in whatever order: `Ann node1`."""
    expect(page.locator("#here")).to_have_text(f"{len(places)} here")
    expect(page.locator("#visitors li")).to_have_count(len(places))
    for place in places:
        expect(page.locator("#visitors li", has_text=place.replace(" ", ""))).to_have_count(1)


def tabs_see_each_other(browser: Browser, urls: list[str], problems: list[str]) -> list[Page]:
    tabs = [open_tab(browser, url, name, problems) for url, name in zip(urls, NAMES)]
    for index, tab in enumerate(tabs):
        is_on(tab, f"node{index + 1}")
    for index, tab in enumerate(tabs):
        say(tab, f"Hello from {NAMES[index]}")
        for other in tabs:
            message = other.locator(".message", has_text=f"Hello from {NAMES[index]}")
            expect(message.locator(".node")).to_have_text(f"node{index + 1}")
    sees(tabs[0], "you node1", "Bob node2", "Eve node3")
    sees(tabs[1], "Ann node1", "you node2", "Eve node3")
    sees(tabs[2], "Ann node1", "Bob node2", "you node3")
    for tab in tabs:
        expect(tab.locator("#about a")).to_have_count(len(urls))
    return tabs


def killed_nodes_tab_comes_back_elsewhere(tabs: list[Page], kill: Callable[[], None]) -> None:
    ann, bob, eve = tabs
    kill()
    say(eve, "Said while Bob was away")
    # The list of each page begins with its own node and goes on from there.
    is_on(bob, "node3")
    expect(bob.locator(".notice")).to_have_text("This page was on node2, now it is on node3.")
    expect(bob.locator(".message", has_text="Said while Bob was away")).to_have_count(1)
    # The command that it shows is for a node that lives.
    shown_command_publishes(bob)
    say(bob, "Here again")
    for tab in (ann, eve):
        expect(tab.locator(".message", has_text="Here again").locator(".node")).to_have_text("node3")
    # Once the death has been noticed, the former connection is no visitor any more.
    sees(ann, "you node1", "Bob node3", "Eve node3")
    sees(bob, "Ann node1", "you node3", "Eve node3")


def restarted_node_takes_visitors(browser: Browser, tabs: list[Page], url: str, start: Callable, problems: list[str]) -> None:
    start()
    zoe = open_tab(browser, url, "Zoe", problems)
    is_on(zoe, "node2")
    say(zoe, "On the node that is back")
    for tab in tabs:
        expect(tab.locator(".message", has_text="On the node that is back").locator(".node")).to_have_text("node2")
        expect(tab.locator("#visitors li", has_text="Zoenode2")).to_have_count(1)
        expect(tab.locator("#here")).to_have_text("4 here")
    zoe.context.close()


def run(urls: list[str], kill: Callable[[], None], start: Callable[[], None], screenshot: str | None = None) -> None:
    """All stories; raises at the first that fails."""
    problems: list[str] = []
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tabs = tabs_see_each_other(browser, urls, problems)
        killed_nodes_tab_comes_back_elsewhere(tabs, kill)
        if screenshot:
            tabs[1].screenshot(path=screenshot)
        restarted_node_takes_visitors(browser, tabs, urls[1], start, problems)
        browser.close()
    if problems:
        raise AssertionError("the pages complained: " + "; ".join(problems))


def main() -> None:
    parser = argparse.ArgumentParser(description="Tests the demo page of three nodes in headless Chromium.")
    parser.add_argument("base_url", nargs=3, help="for example http://127.0.0.1:8001/")
    parser.add_argument("--screenshot", help="write a picture of the page to this file")
    arguments = parser.parse_args()
    kill, start = (
        lambda command=os.environ.get(name) or usual: subprocess.run(command, shell=True, check=True)
        for name, usual in (("PHAROS_KILL_CMD", "make cluster-kill"), ("PHAROS_RESTART_CMD", "make cluster-start")))
    run(arguments.base_url, kill, start, arguments.screenshot)
    print("demo page of a cluster: three tabs on three nodes, names of nodes, a node killed and back")


if __name__ == "__main__":
    main()
