"""The pages of a resident host, as a person uses them in a browser. Pictures of each are kept in `pages` of the folder of
builds, at two widths, light and dark.
"""

from __future__ import annotations

from axe_core_python.base import AXE_SCRIPT
from conftest import HOSTILE, TARGET, Site
from driver import Browser

PICTURES = TARGET / "pages"
VIEWS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]

# What the browser shows of it: characters that change directions are replaced.
SHOWN = HOSTILE.replace("\u202e", "\ufffd")


def seen(browser: Browser, name: str) -> None:
    """Looks at the page in all views: nothing is wider than the window, and axe-core finds nothing."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    browser.run("for (const closed of document.querySelectorAll('details')) closed.open = true")
    browser.soon("all of it", lambda: "Loading…" not in browser.text())
    for width, scheme in VIEWS:
        browser.look(width, scheme)
        browser.picture(PICTURES / f"{name}-{width}-{scheme}.png")
        wider = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{name} is {wider} pixels wider than a window of {width}"
        assert violations(browser) == [], f"{name} at {width}, {scheme}"
    browser.look(1280, "light")


def violations(browser: Browser) -> list[str]:
    """What axe-core finds."""
    browser.run(f"{AXE_SCRIPT}\nwindow.axe = axe;")
    found = browser.run_async("axe.run(document, {resultTypes: ['violations']}).then(arguments[arguments.length - 1])")
    return [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]


def test_who_is_not_signed_in_is_asked_to_and_comes_back(site: Site, browser: Browser) -> None:
    browser.call("DELETE", "/cookie")
    browser.open(f"{site.base}/runs?state=failed")
    assert browser.address.startswith(f"{site.base}/signin?next=")
    browser.one("#token").type("wrong")
    browser.one("button").click()
    browser.soon("it is refused", lambda: "not valid" in browser.one("[role=alert]").text)
    seen(browser, "sign-in")
    browser.one("#token").type(site.token)
    browser.one("button").click()
    browser.soon("the page that was asked for", lambda: browser.address == f"{site.base}/runs?state=failed")
    browser.one(".out button").click()
    browser.soon("signed out", lambda: "/signin" in browser.address)


def test_empty_pages_say_what_to_do(site: Site, signed_in: Browser) -> None:
    signed_in.open(f"{site.base}/")
    assert "longshore run hello.py" in signed_in.text()
    seen(signed_in, "overview-empty")
    signed_in.open(f"{site.base}/runs")
    assert "No run is recorded yet" in signed_in.text()
    signed_in.open(f"{site.base}/nowhere")
    assert "there is nothing at `/nowhere`" in signed_in.text()
    seen(signed_in, "problem")


def test_a_block_runs_with_a_file_and_shows_its_tables(site: Site, signed_in: Browser) -> None:
    signed_in.open(f"{site.base}/blocks")
    assert "Double" in signed_in.text() and "Multiplies a column." in signed_in.text()
    seen(signed_in, "blocks")
    signed_in.open(f"{site.base}/blocks/double")
    factor = signed_in.one("[name='option.factor']")
    assert factor.attribute("value") == "2"
    seen(signed_in, "block")
    factor = signed_in.one("[name='option.factor']")
    factor.clear()
    factor.type("3")
    signed_in.one("input[type=file]").type(str(site.folder / "table.csv"))
    signed_in.one("button.main").click()
    signed_in.soon("its page", lambda: "/runs/" in signed_in.address)
    signed_in.soon("its end", lambda: "succeeded" in signed_in.one("h1").text)
    signed_in.soon("its outputs", lambda: signed_in.all("#outputs-title"))
    assert "100 rows" in signed_in.one("#head").text
    details = signed_in.one("#outputs-title ~ ul summary")
    details.click()
    signed_in.soon("its rows", lambda: signed_in.all(".peek table"))
    cells = signed_in.run(
        "return [...document.querySelectorAll('.peek th, .peek tbody tr:nth-child(2) td')].map(c => c.innerText)"
    )
    assert cells == ["x", "<b>y</b>", "z", "doubled", "1", SHOWN, "missing", "3"]
    seen(signed_in, "run")
    for link in signed_in.all("#outputs-title ~ ul a[download]"):
        assert (
            signed_in.run_async("fetch(arguments[0]).then(a => a.status).then(arguments[1])", link.attribute("href"))
            == 200
        )
    # The same options again.
    signed_in.one(".head a.button").click()
    signed_in.soon("the form", lambda: signed_in.one("[name='option.factor']").attribute("value") == "3")
    # What is wrong is said in place.
    signed_in.run("document.querySelector('[name=\"option.factor\"]').removeAttribute('max')")
    signed_in.one("[name='option.factor']").type("3")
    signed_in.one("button.main").click()
    signed_in.soon("a problem", lambda: "factor" in signed_in.one("[data-problem]").text)


def test_a_run_is_live_and_can_be_cancelled(site: Site, signed_in: Browser) -> None:
    signed_in.open(f"{site.base}/runs")
    window = signed_in.call("GET", "/window")
    started = signed_in.run_async(
        "const form = new FormData(); form.set('block', 'steps.py');"
        "fetch('/api/v1/runs', {method: 'POST', body: form}).then(a => a.json()).then(arguments[0])"
    )
    signed_in.soon("it is in the list", lambda: f"{started['run_id'].split('-')[1]}" in signed_in.one("#rows").text)
    # By the keyboard.
    signed_in.keys("j")
    signed_in.keys("\ue007")
    signed_in.soon("its page", lambda: signed_in.address.endswith(started["run_id"]))
    lines = (
        "return [...document.querySelectorAll('#main [data-lines=log] li')].map(l => l.innerText.replace(/\\s+/g, ' '))"
    )
    signed_in.soon("lines", lambda: len(signed_in.run(lines)) > 3)
    signed_in.run("window.stays = true")
    count = len(signed_in.run(lines))
    signed_in.soon("more lines", lambda: len(signed_in.run(lines)) > count + 5)
    signed_in.soon("its message", lambda: "at step" in signed_in.one("#head").text)
    seen(signed_in, "running")
    log = "const log = document.querySelector('[data-lines=log]');"
    signed_in.soon("more than fits", lambda: signed_in.run(f"{log} return log.scrollTop > 100"))
    signed_in.run(f"{log} log.scrollTop = 0")
    signed_in.soon("a way back to the end", lambda: signed_in.one("[data-follow]").text == "Follow the log")
    seen_lines = signed_in.run(lines)
    assert seen_lines[:3] == ["1 step 0", "2 step 1", "3 step 2"]
    assert signed_in.run("return window.stays") is True
    signed_in.one("button.danger").click()
    signed_in.soon("it is requested", lambda: "cancellation was requested" in signed_in.text())
    signed_in.soon("its end", lambda: "cancelled" in signed_in.one("h1").text)
    signed_in.soon("no more to cancel", lambda: not signed_in.all("button.danger"))
    assert window == signed_in.call("GET", "/window")


def test_a_failed_run_has_its_error_first_and_hostile_text_is_text(site: Site, signed_in: Browser) -> None:
    run = site.run(f"print({HOSTILE!r})\nprint('\\x1b[31mred\\x1b[0m')\nraise ValueError({HOSTILE!r})\n")
    signed_in.open(f"{site.base}/runs/{run}")
    assert SHOWN in signed_in.one(".message").text
    assert "line 3" in signed_in.one("#head").text
    log = signed_in.one("[data-lines=log]").text
    assert SHOWN in log and "\nred" in log.replace("2\n", "\n")
    signed_in.one("#head a[href^='#L']").click()
    assert signed_in.run("return document.querySelector('li:target').innerText").strip().endswith("in <module>")
    seen(signed_in, "failed")
    signed_in.open(f"{site.base}/")
    assert SHOWN in signed_in.one("#home").text
    seen(signed_in, "overview")
    assert signed_in.run("return document.title") == "Overview · Longshore"


def test_the_list_is_filtered_by_its_address(site: Site, signed_in: Browser) -> None:
    run = site.run("import sys\nsys.exit(3)\n")
    signed_in.open(f"{site.base}/runs")
    rows = "return [...document.querySelectorAll('[data-row]')].map(row => row.innerText)"
    everything = len(signed_in.run(rows))
    signed_in.run(
        "const s = document.querySelector('[name=state]'); s.value = 'failed'; s.dispatchEvent(new Event('change'))"
    )
    signed_in.soon("an address", lambda: signed_in.address == f"{site.base}/runs?state=failed")
    failed = signed_in.run(rows)
    assert 0 < len(failed) < everything and all("failed" in row for row in failed)
    signed_in.keys("/")
    assert signed_in.run("return document.activeElement.name") == "block"
    signed_in.one("[name=block]").type("script\ue007")
    signed_in.soon("both", lambda: signed_in.address == f"{site.base}/runs?state=failed&block=script")
    assert run.split("-")[1] in signed_in.text()
    seen(signed_in, "runs")
    signed_in.open(f"{site.base}/runs?day=2001-01-01")
    assert "No run matches" in signed_in.text()
    signed_in.keys("?")
    assert signed_in.run("return document.querySelector('dialog').open")
    seen(signed_in, "keys")


def test_environments_and_the_system(site: Site, signed_in: Browser) -> None:
    signed_in.open(f"{site.base}/environments")
    assert "longshore/python" in signed_in.text()
    seen(signed_in, "environments")
    signed_in.open(f"{site.base}/system")
    signed_in.soon("the checks", lambda: "answers at" in signed_in.text())
    assert len(signed_in.all("svg[role=img]")) == 12
    seen(signed_in, "system")
    button = signed_in.one(".danger-zone button")
    assert button.attribute("disabled") == "true"
    signed_in.one("#confirm").type("drain")
    assert button.attribute("disabled") is None


def test_an_environment_is_built_pinned_compared_and_deleted(site: Site, signed_in: Browser) -> None:
    signed_in.open(f"{site.base}/blocks/packages.py")
    signed_in.one("button.main").click()
    signed_in.soon("its page", lambda: "/runs/" in signed_in.address)
    signed_in.soon("its end", lambda: "succeeded" in signed_in.one("h1").text, 120)
    signed_in.open(f"{site.base}/environments")
    rows = "[...document.querySelectorAll('[data-row]')]"
    address = signed_in.run(f"return {rows}.find(row => row.innerText.includes('iniconfig')).querySelector('a').href")
    signed_in.open(address)
    assert "listed as iniconfig==2.0.0" in signed_in.text()
    seen(signed_in, "environment")
    for act, other in (("Pin", "Unpin"), ("Unpin", "Pin")):
        assert signed_in.one(".head button").text == act
        signed_in.one(".head button").click()
        signed_in.soon("the other state", lambda other=other: signed_in.one(".head button").text == other)
    base = "[...document.querySelectorAll('#second option')].find(other => other.value.startsWith('longshore/python:'))"
    signed_in.run(f"document.querySelector('#second').value = {base}.value")
    signed_in.one("form[action='/environments/compare'] button").click()
    signed_in.soon("what differs", lambda: signed_in.one("h1").text == "Comparison" and "iniconfig" in signed_in.text())
    seen(signed_in, "comparison")
    signed_in.open(address)
    short = address.rsplit("/", 1)[1][:12]
    signed_in.one("#confirm").type(short)
    signed_in.one(".danger-zone button").click()
    signed_in.soon("it is deleted", lambda: "is deleted" in signed_in.text())
    assert short not in signed_in.one("main").text


def test_forms_and_pages_work_without_script(site: Site, signed_in: Browser) -> None:
    signed_in.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        signed_in.open(f"{site.base}/blocks/steps.py")
        signed_in.one("button.main").click()
        signed_in.soon("its page", lambda: "/runs/" in signed_in.address)
        signed_in.one("button.danger").click()
        signed_in.soon("it is requested", lambda: signed_in.address.endswith("?done=cancel"))
        signed_in.open(f"{site.base}/runs?state=running")
        signed_in.one("[name=block]").type("steps\ue007")
        signed_in.soon("a filter", lambda: "block=steps" in signed_in.address)
    finally:
        signed_in.cdp("Emulation.setScriptExecutionDisabled", value=False)


def test_the_end_of_the_host_is_shown(site: Site, signed_in: Browser) -> None:
    # The last of all: it ends the host.
    signed_in.open(f"{site.base}/system")
    signed_in.soon("the checks", lambda: "answers at" in signed_in.text())
    signed_in.one("#confirm").type("drain")
    signed_in.one(".danger-zone button").click()
    signed_in.soon("it says so", lambda: "The host is ending" in signed_in.one("h1").text)
    assert site.host.wait(60) == 0
