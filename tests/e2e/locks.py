"""One feeder for a batch, one process for a workspace; everything else works beside them."""
import signal

from harness import DONE, FAILED, WAITING, Page, Stack, check, contains, equal, main, stop, wait_until, words
from stop import recorded_so_far


def slow_stack(ws, sheets=6, speed=40):
    stack = Stack("slow")
    stack.ini = f"[stack]\nspeed = {speed}\n"
    stack.cover("33/1")
    for n in range(sheets):
        stack.sheet(Page(words(n + 1)))
    return stack.lay(ws.folder)


def test_second_feeder_is_refused_and_the_rest_works_beside(ws):
    device = slow_stack(ws)
    process = ws.start("scan", "--device", device, "--batch", "b1")
    try:
        wait_until("two sheets are recorded", lambda: recorded_so_far(ws) >= 2)
        other = Stack("other")
        other.cover("33/2")
        other.sheet(Page(words(9)))
        refused = ws("scan", "--device", other.lay(ws.folder), "--batch", "b1", expect=FAILED)
        contains(refused.err, str(process.pid), "altakt scan")
        check(process.poll() is None, "the first one goes on")
        status = ws("status")
        contains(status.out, "b1", str(process.pid))
        ws("status", "--json").json
        ws("process")
        sheet = ws.fed("b1")[1]["sheet"]
        ws("sheet", "void", sheet, "--by", "Erika Mustermann", "--reason", "belongs to nobody")
        out, err = process.communicate(timeout=120)
        check(process.returncode == DONE, (out + err).decode(errors="replace"))
    finally:
        stop(process)
    equal(len(ws.fed("b1")), 7, "sheets of the first feeder")
    ws("process")
    ws("close", "b1")
    counts = ws.manifest("b1")["counts"]
    equal((counts["sheets"], counts["voided"], counts["separators"]), (5, 1, 1), "sheets, voided, separators")
    ws("verify")


def test_second_process_is_refused(ws):
    device = slow_stack(ws)
    process = ws.start("run", "--device", device, "--batch", "b1")
    try:
        wait_until("a sheet is recorded", lambda: recorded_so_far(ws) >= 1)
        refused = ws("process", expect=FAILED)
        contains(refused.err, str(process.pid), "altakt run")
        out, err = process.communicate(timeout=120)
        check(process.returncode == DONE, (out + err).decode(errors="replace"))
    finally:
        stop(process)
    equal(ws.manifest("b1")["counts"]["sheets"], 6, "sheets")


def test_a_killed_holder_holds_nothing(ws):
    device = slow_stack(ws)
    process = ws.start("run", "--device", device, "--batch", "b1")
    wait_until("a sheet is recorded", lambda: recorded_so_far(ws) >= 1)
    process.send_signal(signal.SIGKILL)
    stop(process)
    ws("process")
    ws("status")
    answer = ws("scan", "--device", device, "--batch", "b1", expect=(DONE, WAITING))
    check("refused" not in answer.err, str(answer))


def test_two_batches_are_fed_side_by_side(ws):
    """Two stations' worth of paper in one workspace: two feeders, two batches."""
    a, b = Stack("a"), Stack("b")
    for stack, number in ((a, "33/1"), (b, "33/2")):
        stack.ini = "[stack]\nspeed = 120\n"
        stack.cover(number)
        for n in range(4):
            stack.sheet(Page(words(n + 1)))
    first = ws.start("scan", "--device", a.lay(ws.folder), "--batch", "a")
    second = ws.start("scan", "--device", b.lay(ws.folder), "--batch", "b")
    for process in (first, second):
        out, err = process.communicate(timeout=120)
        check(process.returncode == DONE, (out + err).decode(errors="replace"))
    ws("process")
    for batch in ("a", "b"):
        ws("close", batch)
        equal(ws.manifest(batch)["counts"]["sheets"], 4, batch)
    ws("verify")


if __name__ == "__main__":
    main()
