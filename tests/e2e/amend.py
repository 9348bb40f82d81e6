"""Corrections of batches that are closed, accepted and claimed: a new revision, and a line in the next claim."""
import os

from harness import (DONE, USAGE, WAITING, Page, Stack, balance, check, contains, equal, independent, main, words)

WHO = ("--by", "Erika Mustermann", "--reason", "falsche Akte getippt")


def fed(ws, files, name="stack"):
    stack, n = Stack(name), 0
    for number, sheets in files:
        stack.cover(number)
        for _ in range(sheets):
            n += 1
            stack.sheet(Page(words(n)))
    return stack.lay(ws.folder)


def one(ws, name, n):
    stack = Stack(name)
    stack.sheet(Page(words(n)))
    return stack.lay(ws.folder)


class Claimed:
    """A batch that was claimed; next() closes it again and holds the next claim's line against what the paper says."""

    def __init__(self, ws, files):
        self.ws, self.n = ws, 1
        ws("run", "--device", fed(ws, files))
        self.batch = ws.batch()
        self.end()
        self.files, self.sheets = len(files), sum(n for _, n in files)
        equal(self.claim(), (self.files, self.sheets, []), "the first claim")

    def sheet(self, n):
        return f"{self.batch}/{n}"

    def end(self):
        self.ws.accept(self.batch)
        self.ws("claim")

    def claim(self):
        c = self.ws("claim", "show", self.n, "--json").json
        return c["files"], c["sheets"], [(line["files"], line["sheets"]) for line in c["corrections"]]

    def next(self, files, **counts):
        ws = self.ws
        contains(ws("status").out, self.batch)
        ws("process")
        ws("close", self.batch)
        self.n += 1
        m = ws.manifest()
        balance(m)
        equal(m["revision"], self.n, "revision")
        check(os.path.exists(os.path.join(ws.path, "batches", self.batch, f"manifest.{self.n - 1}.json")), "the old one stays")
        equal([(f["file_number"], f["sheets"]) for f in m["files"] if f["sheets"]], files, "files")
        for key, n in counts.items():
            equal(m["counts"][key], n, key)
        # It goes back to review: nothing of it can be claimed before.
        ws("claim", expect=WAITING)
        self.end()
        n_files, n_sheets = len(files), sum(n for _, n in files)
        lines = self.claim()[2]
        equal((sum(f for f, _ in lines), sum(s for _, s in lines)), (n_files - self.files, n_sheets - self.sheets),
              f"what claim {self.n} corrects: {lines}")
        self.files, self.sheets = n_files, n_sheets
        ws("verify")
        independent(ws.path)


def test_sheets_moved_voided_inserted_and_scanned_again(ws):
    c = Claimed(ws, [("33/1", 3), ("33/2", 3)])  # 1 cover, 2-4, 5 cover, 6-8
    # the operator typed the wrong number: a range goes to another file, which is new
    ws("sheet", "move", f"{c.sheet(7)}..{c.sheet(8)}", "--file", "33/3", *WHO)
    c.next([("33/1", 3), ("33/2", 1), ("33/3", 2)])
    # to a place in another file
    ws("sheet", "move", c.sheet(8), "--file", "33/1", "--after", c.sheet(2), *WHO)
    c.next([("33/1", 4), ("33/2", 1), ("33/3", 1)])
    # voided; another one comes behind the first; one is fed anew
    ws("sheet", "void", c.sheet(4), *WHO)
    c.next([("33/1", 3), ("33/2", 1), ("33/3", 1)], voided=1)
    ws("sheet", "insert", "--after", c.sheet(2), *WHO)
    ws("scan", "--batch", c.batch, "--device", one(ws, "insert", 40))
    ws("sheet", "rescan", c.sheet(3), *WHO)
    ws("scan", "--batch", c.batch, "--device", one(ws, "again", 41))
    c.next([("33/1", 4), ("33/2", 1), ("33/3", 1)], superseded=1, voided=1)
    # a file whose last sheet is void is no file any more
    ws("sheet", "void", c.sheet(6), *WHO)
    c.next([("33/1", 4), ("33/3", 1)], voided=2)


def test_a_file_that_had_the_wrong_number(ws):
    c = Claimed(ws, [("33/1", 2), ("33/2", 1)])
    ws("file", "renumber", c.batch, "33/2", "33/7", *WHO)
    c.next([("33/1", 2), ("33/7", 1)])
    # a number that is there already: its sheets are moved, one file is left
    contains(ws("file", "renumber", c.batch, "33/7", "33/1", *WHO, expect=USAGE).err, "'33/1' already", "sheet move")
    ws("sheet", "move", c.sheet(5), "--file", "33/1", *WHO)
    c.next([("33/1", 3)])


def test_a_decision_is_changed_by_what_changes_paper(ws):
    device = fed(ws, [("33/1", 3)])
    with open(os.path.join(device.split(":", 1)[1], "stack.ini"), "w", encoding="ascii") as f:
        f.write("[sheet 3]\nfault = double-feed\n")
    ws("scan", "--device", device, expect=(DONE, WAITING))
    batch = ws.batch()
    suspect = next(e["sheet"] for e in ws.fed() if "double_feed" in e.get("suspects", []))
    decide = ("--by", "Erika Mustermann", "--reason", "angesehen")
    ws("decide", suspect, "keep", *decide)
    # kept by mistake: it is voided; to take that back the paper is fed again, in its place
    contains(ws("decide", suspect, "void", *decide, expect=USAGE).err, "waits for no decision", "sheet void")
    ws("sheet", "void", suspect, *decide)
    contains(ws("decide", suspect, "keep", *decide, expect=USAGE).err, "is void", f"sheet insert --after {suspect}")
    ws("sheet", "insert", "--after", suspect, *decide)
    ws("scan", "--device", one(ws, "again", 50), expect=(DONE, WAITING))
    ws("process")
    ws("close", batch)
    balance(ws.manifest())
    equal(ws.manifest()["counts"]["voided"], 1, "voided")
    ws("verify")
    independent(ws.path)


if __name__ == "__main__":
    main()
