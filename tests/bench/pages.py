"""What the extension's scripts cost the pages they are on: `python -m tests.bench.pages`.

One JSON object, measured by the browser's own trace: `content_script_bytes` and `content_script_ms_per_load` (median of
compiling and running the script of every page), `detection_ms_per_1000_nodes` by kind of page (main thread, all slices),
`detection_ms_per_500_changes` (main thread, where as many texts change on a page with 3,000 numbers) and the longest of its
turns, `detection_load_ms` (its number library, on chosen sites only), and `numbers_found`, `numbers_there`, `false_hits` and
`digits_that_are_no_numbers` on the pages of samples.
"""

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from playwright.async_api import CDPSession, Page, async_playwright

from tests.browser.extension import EXTENSION, Extension, built, extension, until

SAMPLES = EXTENSION / "tests" / "page" / "samples"
LOADS = 30
VISITS = 5
PROSE = "<p>Anna wrote to <b>Example Ltd.</b> on <i>Monday</i> and waits for an answer.</p>"
CHANGES = 500
CHANGE = f"""[...document.querySelectorAll('.state')].slice(0, {CHANGES})
    .forEach((one) => {{ one.firstChild.data = 'seen ' + performance.now() }})"""
POLISH = "<script>document.documentElement.lang = 'pl-PL'</script>"
COUNT = "[...CSS.highlights.get('click-to-call-number') ?? []].length"
NODES = "document.evaluate('count(//node())', document, null, XPathResult.NUMBER_TYPE).numberValue"


def contact(number: int) -> str:
    """A row of a list of people, each with a number of their own and an order's beside it."""
    cells = (
        f"Anna Nowak {number}",
        "Example Ltd.",
        f"601 {number // 1000:03} {number % 1000:03}",
        f"ZAM/{number:09}",
    )
    return "<tr>" + "".join(f"<td><div><span>{cell}</span></div></td>\n" for cell in cells) + "</tr>\n"


def numbers_only(number: int) -> str:
    """A line of nothing but a number of its own, as people in Poland write them."""
    mobile, landline = f"{601_000_000 + number * 37}", f"{223_450_000 + number * 37}"
    writings = (
        f"{mobile[:3]} {mobile[3:6]} {mobile[6:]}",
        f"+48 {mobile[:3]} {mobile[3:6]} {mobile[6:]}",
        f"{landline[:2]} {landline[2:5]} {landline[5:7]} {landline[7:]}",
        f"({landline[:2]}) {landline[2:5]}-{landline[5:7]}-{landline[7:]}",
        f"tel. {mobile}",
    )
    return f"<p>{writings[number % len(writings)]}</p>\n"


async def traced(session: CDPSession, page: Page, deed: Awaitable[Any], pause: int) -> list[dict[str, Any]]:
    """Do something with a page, let it rest for `pause` milliseconds, and return what the browser did meanwhile."""
    events: list[dict[str, Any]] = []
    ended = asyncio.Event()
    collect = lambda told: events.extend(told["value"])  # noqa: E731
    session.on("Tracing.dataCollected", collect)
    session.once("Tracing.tracingComplete", lambda _: ended.set())
    await session.send("Tracing.start", {"traceConfig": {"includedCategories": ["devtools.timeline", "v8"]}})
    await deed
    await page.wait_for_timeout(pause)
    await session.send("Tracing.end")
    await ended.wait()
    session.remove_listener("Tracing.dataCollected", collect)
    return events


def turns(events: list[dict[str, Any]], script: str, *names: str) -> list[float]:
    """Milliseconds of the main thread in each of a script's own outermost events, other processes' turns left out."""
    own = [
        one
        for one in events
        if one["name"] in names
        and script
        in (one.get("args", {}).get("data", {}).get("url") or one.get("args", {}).get("fileName") or "")
    ]
    times, covered = [], 0
    for one in sorted(own, key=lambda event: int(event["ts"])):
        if one["ts"] >= covered:
            times.append(one.get("tdur", one.get("dur", 0)) / 1000)
            covered = one["ts"] + one.get("dur", 0)
    return times


def spent(events: list[dict[str, Any]], script: str, *names: str) -> float:
    return sum(turns(events, script, *names))


async def measure(chromium: Extension) -> dict[str, Any]:
    page = await chromium.open("")
    session = await chromium.context.new_cdp_session(page)
    plain = chromium.site + chromium.pages.put(PROSE * 50 + '<a href="tel:+48601000001">Call</a>')
    running = ("EvaluateScript", "v8.compile", "FunctionCall")
    loads = [
        spent(await traced(session, page, page.goto(plain), 100), "phone-links.js", *running)
        for _ in range(LOADS)
    ]
    site = {"pattern": "http://127.0.0.1/*", "detection": True}
    await chromium.worker.evaluate("site => chrome.storage.local.set({sites: [site]})", site)
    await until(chromium.worker, "(await chrome.scripting.getRegisteredContentScripts()).length === 2")
    numbers, digits = ((SAMPLES / f"{name}.html").read_text() for name in ("numbers", "not-numbers"))
    kinds = {
        "prose": PROSE * 2_000,
        "contacts": "<table>" + "".join(map(contact, range(1_000))) + "</table>",
        "nothing but numbers": "".join(map(numbers_only, range(2_000))),
        "numbers of 12 countries in every writing": numbers * 20,
        "digits that are no numbers": digits * 20,
    }
    costs, preparing = {}, []
    for kind, body in kinds.items():
        times = []
        for _ in range(VISITS):
            address = chromium.site + chromium.pages.put(POLISH + body)
            events = await traced(session, page, page.goto(address), 3_000)
            times.append(spent(events, "detect.js", "FunctionCall") / await page.evaluate(NODES) * 1_000)
            preparing.append(spent(events, "detect.js", "EvaluateScript", "v8.compile"))
        costs[kind] = round(statistics.median(times), 2)
    rows = "".join(map(contact, range(3_000))).replace("Example Ltd.", "<b class=state>new</b>")
    await page.goto(chromium.site + chromium.pages.put(f"{POLISH}<table>{rows}</table>"))
    await page.wait_for_function(f"{COUNT} === 3000")
    changes = [
        turns(await traced(session, page, page.evaluate(CHANGE), 1_500), "detect.js", "FunctionCall")
        for _ in range(VISITS)
    ]
    found = {}
    for name in ("numbers", "not-numbers"):
        chromium.pages.html[f"/{name}"] = (SAMPLES / f"{name}.html").read_text()
        await page.goto(f"{chromium.site}/{name}")
        await page.wait_for_timeout(1_500)
        found[name] = await page.evaluate(COUNT)
    return {
        "content_script_bytes": len((built() / "phone-links.js").read_bytes()),
        "content_script_ms_per_load": round(statistics.median(loads), 2),
        "content_script_ms_per_load_p95": round(sorted(loads)[int(LOADS * 0.95)], 2),
        "detection_ms_per_1000_nodes": costs,
        f"detection_ms_per_{CHANGES}_changes": round(statistics.median(map(sum, changes)), 1),
        "detection_longest_turn_ms": round(max(map(max, changes)), 1),
        "detection_load_ms": round(statistics.median(preparing), 1),
        "detection_bytes": len((built() / "detect.js").read_bytes()),
        "numbers_found": found["numbers"],
        "numbers_there": sum(len(part.split('"')[0].split()) for part in numbers.split('data-number="')[1:]),
        "false_hits": found["not-numbers"],
        "digits_that_are_no_numbers": digits.count("<p>") + digits.count("<dd>") + digits.count("<td>"),
    }


async def main() -> None:
    with tempfile.TemporaryDirectory() as profile:
        async with async_playwright() as playwright, extension(playwright, Path(profile)) as chromium:
            json.dump(await measure(chromium), sys.stdout, indent=1)
            print()


if __name__ == "__main__":
    asyncio.run(main())
