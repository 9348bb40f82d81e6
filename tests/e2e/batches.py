"""Page work on several batches: no worker stands still at a batch's end, what is urgent comes first
over all of them, and a kill at any moment changes no count."""
import json
import os
import signal

from harness import (DONE, WAITING, Stack, balance, check, contains, equal, independent, main, stop, wait_until)

BATCHES = {"b1": ("33/1", 2), "b2": ("33/1", 1), "b3": ("33/3", 2), "b4": ("33/4", 1)}  # one file in two batches
PAGES = 2 * sum(n + 1 for _, n in BATCHES.values())


def feed(ws):
    """Each batch is one case file and a short one behind it, so that the first one's bundle is due at once."""
    for name, (number, sheets) in BATCHES.items():
        stack = Stack(name)
        stack.cover(number)
        for _ in range(sheets):
            stack.sheet()
        stack.cover(f"{number}/{name}")
        stack.sheet()
        ws("scan", "--batch", name, "--device", stack.lay(ws.folder))


def events(ws, wanted):
    """(batch, sheet with side, time) of each page_done, or such; while it runs: whole lines only."""
    found = []
    for name in BATCHES:
        with open(os.path.join(ws.path, "batches", name, "ledger.jsonl"), "rb") as f:
            for line in f.read().split(b"\n")[:-1]:
                event = json.loads(line)
                if event["event"] == wanted:
                    found.append((name, event.get("sheet", "") + event.get("side", ""), event["at"]))
    return found


def pages_done(ws, batch=None):
    return sum(name == batch or not batch for name, _, _ in events(ws, "page_done"))


def right(ws):
    done = [page for _, page, _ in events(ws, "page_done")]
    equal((len(done), len(set(done))), (PAGES, PAGES), "pages done, each once")
    for name, (number, sheets) in BATCHES.items():
        ws("close", name)
        manifest = ws.manifest(name)
        balance(manifest)
        equal([(f["file_number"], f["sheets"]) for f in manifest["files"]],
              [(number, sheets), (f"{number}/{name}", 1)], name)
    bundles = sorted(os.listdir(os.path.join(ws.path, "files")))
    check({"33=2F1", "33=2F1+b2"} <= set(bundles) or {"33=2F1", "33=2F1+b1"} <= set(bundles), f"the file in two batches: {bundles}")
    ws("verify")
    independent(ws.path)


def children(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as f:
        return [int(pid) for pid in f.read().split()]


def test_a_page_that_takes_long_keeps_no_worker_idle(ws):
    feed(ws)
    process = ws.start("process", "--jobs", "2")
    held = None
    try:
        wait_until("a page is done", lambda: pages_done(ws) >= 1 or process.poll() is not None)
        held = children(process)[0]
        os.kill(held, signal.SIGSTOP)
        wait_until("the last batch is done beside it", lambda: pages_done(ws, "b4") == 4, 120)
        equal(pages_done(ws), PAGES - 1, "pages done beside the one that is held")
    finally:
        if held:
            os.kill(held, signal.SIGCONT)
        if process.poll() is None and not held:
            stop(process)
    out, err = process.communicate(timeout=120)
    equal(process.returncode, DONE, (out + err).decode(errors="replace"))
    contains(out.decode(), f"{PAGES} pages and {len(BATCHES)} bundles done")
    right(ws)


def test_ended_at_any_moment_with_several_batches_under_work(ws):
    feed(ws)
    for done, number in ((1, signal.SIGKILL), (6, signal.SIGTERM), (11, signal.SIGKILL)):
        process = ws.start("process", "--jobs", "2")
        try:
            wait_until(f"{done} pages are done", lambda: pages_done(ws) >= done or process.poll() is not None)
            if number == signal.SIGTERM:
                process.send_signal(number)
                out, err = process.communicate(timeout=120)
                check(process.returncode in (DONE, WAITING), (out + err).decode(errors="replace"))
        finally:
            stop(process)
    ws("process")
    right(ws)


def test_urgent_files_come_first_over_all_batches(ws):
    feed(ws)
    ws.register("file_number;urgent\n33/1;\n33/3;1\n33/4;\n")
    ws("process", "--jobs", "1")
    order = [name for name, _, _ in sorted(events(ws, "page_done"), key=lambda e: e[2])]
    equal(order[:4], ["b3"] * 4, f"the first pages of {order}")
    right(ws)


main()
