"""The same paper scanned twice is found, flags the batch, and somebody decides; other sheets are not taken for it."""
import json
import os
import re
import shutil
import sqlite3
import subprocess

from harness import (CHECK, USAGE, WAITING, Page, Stack, Workspace, check, contains, equal, independent, main, stop,
                     valid, words)


def page(n, **how):
    """A page of thirty words of its own."""
    return Page(" ".join(words((n * 37 + k * 11) % 256) for k in range(10)), **how)


def fed_again(ws):
    """Batch a has five sheets; b three of them again, scanned anew, between others."""
    first, again = Stack("first"), Stack("again")
    first.cover("33/1")
    for n in range(1, 5):
        first.sheet(page(n, seed=n, skew=0.5, flags="n"))
    first.sheet(Page(kind="letter", seed=40), Page(kind="letter", seed=41))
    again.cover("33/2")
    again.sheet(page(20, seed=20))
    for n in (2, 3):
        again.sheet(page(n, seed=n, skew=-0.7, flags="b"))
    again.sheet(page(4, seed=4, skew=0.9))
    again.sheet(page(21, seed=21))
    again.sheet(Page(kind="letter", seed=40, skew=1.1), Page(kind="letter", seed=42))  # another back
    ws.run(first.lay(ws.folder), "--batch", "a")
    return ws.run(again.lay(ws.folder), "--batch", "b")


def test_a_run_fed_twice_is_one_finding(ws):
    answer = fed_again(ws)
    contains(answer.err, "3 sheets are nearly equal to others")
    review = ws("review", "b", "--json").json
    equal(len(review["near_equal"]), 1, "findings")
    finding = review["near_equal"][0]
    equal(finding["sheets"], ["b/3", "b/4", "b/5"], "sheets")
    equal(finding["others"], ["a/3", "a/4", "a/5"], "others")
    check(0.95 < finding["likeness"] <= 1, finding)
    contains(ws("review", "b").out, "b/3..b/5 are nearly equal to a/3..a/5", "altakt decide b/3..b/5 void")
    status = ws("status", "--json").json
    valid("status", status)
    contains(json.dumps(status["attention"]), "near_equal")
    equal(ws.manifest("b")["files"][0]["flags"], ["near_equal"], "flags")
    equal(ws("review", "a", "--json").json["near_equal"], [], "findings of a")
    ws("verify")

    # Two are kept, the batch stays closed; the third was scanned twice.
    ws("decide", "b/3..b/4", "keep", "--by", "Max Mustermann", "--reason", "two copies in the file")
    finding = ws("review", "b", "--json").json["near_equal"][0]
    equal((finding["decided"], finding["reason"]), ("Max Mustermann", "two copies in the file"), "decision")
    ws("decide", "b/3", "keep", "--by", "Max", "--reason", "again", expect=USAGE)
    ws("decide", "b/5", "void", "--by", "Max Mustermann", "--reason", "fed twice")
    ws("close", "b")
    review = ws("review", "b", "--json").json
    equal([f["sheets"] for f in review["near_equal"] if not f.get("decided")], [], "what was decided does not come again")
    manifest = ws.manifest("b")
    equal(manifest["counts"]["sheets"], 5, "sheets")
    equal(manifest["files"][0]["flags"], ["near_equal_kept"], "flags")
    check("near_equal" not in json.dumps(ws("status", "--json").json["attention"]), "status")
    ws.accept("b")
    ws("verify")


def test_accepted_without_a_decision_says_so(ws):
    fed_again(ws)
    answer = ws.accept("b")
    contains(answer.err, "nobody decided")
    with open(os.path.join(ws.path, "batches/b/acceptance.json"), encoding="utf-8") as f:
        acceptance = json.load(f)
    valid("acceptance", acceptance)
    equal(acceptance["near_equal_undecided"], 1, "findings in the acceptance")
    ws("verify")
    for name, old, new in (("acceptance.json", '"near_equal_undecided": 1', '"near_equal_undecided": 0'),
                           ("manifest.json", '"near_equal"', '"nothing"')):
        path = os.path.join(ws.path, "batches/b", name)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        check(old in text, text)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))
        contains(ws("verify", expect=CHECK).out, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    ws("reject", "b", "--by", "Max", "--reason", "look at the findings first")
    ws.settings(review__near_equal="require")
    contains(ws("accept", "b", "--by", "Max", "--reason", "by mistake", expect=WAITING).err, "b/3", "decide")


def test_a_stack_of_one_form_is_no_finding(ws):
    stack = Stack("forms")
    stack.cover("33/9")
    for n in range(12):
        stack.sheet(Page(kind="form", seed=500 + n, skew=(n % 5 - 2) / 4))
    ws.run(stack.lay(ws.folder), "--batch", "f")
    equal(ws("review", "f", "--json").json["near_equal"], [], "findings")


def waiting(ws, batch):
    """What 'status' says of a collected batch's sheets that are nearly equal to others."""
    return [a["text"] for a in ws("status", "--json").json["attention"]
            if a["kind"] == "near_equal" and a["batch"] == batch]


def indexed(ws, batch):
    """The pages of a batch that the index has, and how often its file, freed places and log too, names one."""
    db = sqlite3.connect(os.path.join(ws.path, "journal.sqlite"))
    pages = [name for name, in db.execute("SELECT name FROM fingerprint_page WHERE batch = ? ORDER BY page", (batch,))]
    equal(db.execute("SELECT count(*) FROM fingerprint_word WHERE page NOT IN (SELECT page FROM fingerprint_page)")
          .fetchone()[0], 0, "words of no page")
    db.close()
    raw = b""
    for end in ("", "-wal"):
        path = os.path.join(ws.path, "journal.sqlite" + end)
        if os.path.exists(path):
            with open(path, "rb") as f:
                raw += f.read()
    return pages, len(re.findall(re.escape(batch.encode()) + rb"[0-9]+[fb]", raw))


def test_two_stations_scanned_the_same_paper(folder):
    """It is found where the batches of both are; what a station releases is forgotten there, too."""
    office, branch = (Workspace(folder, os.path.join(folder, name)) for name in ("office", "branch"))
    branch.settings(station__name="st2", claim__authority="")
    office.settings(station__name="st1")
    one, two, three = Stack("one"), Stack("two"), Stack("three")
    one.cover("33/1")
    for n in (2, 3):
        one.sheet(page(n, seed=n, skew=0.5))
    two.cover("33/2")
    two.sheet(page(20, seed=20))
    for n in (2, 3):
        two.sheet(page(n, seed=n, skew=-0.7, flags="b"))
    three.cover("33/3")
    three.sheet(page(20, seed=20, skew=0.8))
    office.run(one.lay(folder), "--batch", "a")
    branch.run(two.lay(folder), "--batch", "zweig")
    check("nearly equal" not in branch("status").out, "the branch has the paper once")
    answer = office("collect", branch.path)
    contains(answer.err, "nearly equal", "zweig/3..zweig/4 and a/2..a/3")
    status = office("status", "--json").json
    valid("status", status)
    theirs, = [b for b in status["batches"] if b["batch"] == "zweig"]
    equal((theirs["collected"], theirs["station"], theirs["state"], theirs["counts"]["sheets"]),
          (True, "st2", "closed", 3), "the collected batch")
    contains(waiting(office, "zweig")[0], "zweig/3..zweig/4", "a/2..a/3", "st2")
    contains(office("status").out, "collected from station st2")
    check("nearly equal" not in office("collect", branch.path).err, "found once")

    # A lead of the office keeps one; the other is void where it was scanned, and collected again.
    contains(office("review", "zweig", expect=USAGE).err, "was collected from another station")
    office("decide", "zweig/4", "void", "--by", "Max Mustermann", "--reason", "fed twice", expect=USAGE)
    office("decide", "zweig/3", "keep", "--by", "Max Mustermann", "--reason", "two copies in the file")
    office("decide", "zweig/3", "keep", "--by", "Max Mustermann", "--reason", "again", expect=USAGE)
    contains(waiting(office, "zweig")[0], "zweig/4 is nearly equal to a/3")
    office.accept("a")
    contains(office("claim", "--dry-run").err, "1 sheet of a collected batch is nearly equal")
    office.settings(review__near_equal="require")
    contains(office("claim", expect=WAITING).err, "nobody has decided")
    branch("sheet", "void", "zweig/4", "--by", "Max Mustermann", "--reason", "scanned at st1")
    branch("close", "zweig")
    office("collect", branch.path)
    equal(waiting(office, "zweig"), [], "what waits")
    contains(office.run(three.lay(folder), "--batch", "c").err, "nearly equal")
    equal(office("review", "c", "--json").json["near_equal"][0]["others"], ["zweig/2"], "a collected sheet, fed again")
    office("verify")
    independent(office.path)

    # A copy without the small images is taken, and says what cannot be told.
    third, disk = Workspace(folder, os.path.join(folder, "third")), os.path.join(folder, "disk")
    shutil.copytree(branch.path, disk, ignore=lambda path, names: ["zweig"] if path.endswith("/spool") else [])
    contains(third("collect", disk).err, "came without their small images")

    # Released at the branch: gone from its index, and with the next collect from the office's.
    branch.accept("zweig")
    for ws, collect in ((branch, False), (office, True)):
        pages, raw = indexed(ws, "zweig")
        check(len(pages) >= 3 and raw >= len(pages), (pages, raw))
        if collect:
            check(os.listdir(os.path.join(office.path, "spool/zweig")), "small images")
            ws("collect", branch.path)
            equal(os.listdir(os.path.join(office.path, "spool/zweig")), [], "small images")
        else:
            ws("release", "33/2", "--by", "Max Mustermann", "--reason", "Löschung")
        equal(indexed(ws, "zweig"), ([], 0), "what the index has of it")
        ws("verify")
        independent(ws.path)


def own_events(ws):
    """Of the workspace's own chain, in its journal: which events."""
    with sqlite3.connect(os.path.join(ws.path, "journal.sqlite")) as journal:
        return [e for (e,) in journal.execute("SELECT json_extract(line, '$.event') FROM event WHERE chain = ''")]


def test_a_collect_is_killed_while_it_looks(folder):
    """Between the batch and what is found about it: the next collect looks, and finds it once."""
    office, branch = (Workspace(folder, os.path.join(folder, name)) for name in ("office", "branch"))
    branch.settings(station__name="st2", claim__authority="")
    office.settings(station__name="st1")
    one, two = Stack("one"), Stack("two")
    one.cover("33/1")
    two.cover("33/2")
    for n in range(2, 8):
        one.sheet(page(n, seed=n, skew=0.5))
        two.sheet(page(n, seed=n, skew=-0.7, flags="b"))
    office.run(one.lay(folder), "--batch", "a")
    branch.run(two.lay(folder), "--batch", "zweig")
    before, low, high = os.path.join(folder, "before"), 0.0, 2.0
    shutil.copytree(office.path, before)
    for _ in range(40):
        shutil.rmtree(office.path)
        shutil.copytree(before, office.path)
        process = office.start("collect", branch.path)
        try:
            process.wait((low + high) / 2)
        except subprocess.TimeoutExpired:
            pass
        stop(process)
        events = own_events(office)
        if "collected" in events and "near_equal" not in events:
            break
        low, high = (low, (low + high) / 2) if "near_equal" in events else ((low + high) / 2, high)
        if high - low < 0.002:         # the machine is not as quick each time
            low, high = max(0.0, low - 0.05), high + 0.05
    else:
        raise AssertionError("no kill came between the batch and the search")
    check(not waiting(office, "zweig"), "nothing is found yet")
    for _ in range(2):
        office("collect", branch.path)
        equal(own_events(office).count("near_equal"), 1, "findings")
        contains(waiting(office, "zweig")[0], "zweig/2..zweig/7", "a/2..a/7")
    office("verify")
    independent(office.path)


if __name__ == "__main__":
    main()
