"""The register as people meet it: lists as spreadsheets write them, bad ones, what is missing or off; and that no CSV
that altakt writes runs in a spreadsheet."""
import csv
import glob
import io
import os
import subprocess

from harness import (CHECK, DONE, FAILED, PROGRAM, SANITIZED, USAGE, Page, Stack, check, contains, environment, equal,
                     main, words)

FORMULA = "=cmd|' /C calc'!A0"


def feed(ws, name, files, expect=DONE):
    stack = Stack(name)
    for number, volume, sheets in files:
        stack.cover(number, volume)
        for i in range(sheets):
            stack.sheet(Page(words(i)))
    before = set(ws.batches())
    ws.run(stack.lay(ws.folder), expect=expect)
    batch, = set(ws.batches()) - before
    return batch


def listed(ws, *args):
    return [(e["file_number"], e["volume"]) for e in ws("register", "list", *args, "--json").json]


def test_what_is_missing_twice_or_off_its_count(ws):
    ws.register("file_number;volume;sheets\n33/1;1;2\n33/1;2;1\n33/2;1;5\n33/3;1;4\n33/4;1;\n")
    first = feed(ws, "one", [("33/1", 1, 2), ("33/4", 1, 1)])
    equal(listed(ws, "--missing"), [("33/1", 2), ("33/2", 1), ("33/3", 1)], "missing")
    equal(listed(ws, "--mismatch"), [], "mismatch")
    equal(listed(ws, "--duplicates"), [], "duplicates")
    ws("register", "list", "--missing", "--mismatch", expect=USAGE)
    ws("register", "urgent", "33/3", " 33 / 2")
    equal([e["file_number"] for e in ws("register", "list", "--json").json if e["urgent"]], ["33/2", "33/3"], "urgent")
    ws.register("file_number;volume\n33/1;1\n33/5;1\n")    # says nothing of urgent files
    equal([e["file_number"] for e in ws("register", "list", "--json").json if e["urgent"]], ["33/2", "33/3"], "still urgent")
    kinds = [a["kind"] for a in ws("status", "--json").json["attention"]]
    check("urgent" in kinds, f"status names no urgent files: {kinds}")
    contains(ws("status").out, "2 urgent files are not done: 33/2, 33/3")
    second = feed(ws, "two", [("33/3", 1, 4)])
    contains(ws("status").out, "1 urgent file is not done: 33/2")
    ws.register("file_number;sheets;volume\n33/4;9;1\n33/3;4;1\n")    # a slip that was counted later
    equal(listed(ws, "--mismatch"), [("33/4", 1)], "mismatch")
    equal([e["batches"] for e in ws("register", "list", "--json").json if e["file_number"] == "33/3"], [[second]], "batches")
    # The same file and volume from a further batch.
    third = feed(ws, "three", [("33/4", 1, 1)], expect=CHECK)
    equal([(e["file_number"], e["sheets"], e["batches"]) for e in ws("register", "list", "--duplicates", "--json").json],
          [("33/4", 2, [first, third])], "duplicates")
    contains(ws("register", "urgent", "77/7", expect=USAGE).err, "does not have '77/7'")
    check(first in ws("register", "list").out, "the list names no batch")


def test_a_formula_never_runs_in_a_spreadsheet(ws):
    ws.settings(claim__authority="Stadt Musterhausen", grant__applicant="=1+1")
    ws.register('file_number;note\n"' + FORMULA + '";@SUM(A1)\n')
    contains(ws("register", "list").out, FORMULA)
    stack = Stack("formula")
    stack.sheet(Page(words(1)))
    ws.run(stack.lay(ws.folder), "--file", FORMULA, "--operator", "+49 Muster")
    ws.accept(lead="-Max Mustermann")
    ws("claim", "--by", "@Finanz")
    lists = {path: open(path, encoding="utf-8").read() for path in
             glob.glob(os.path.join(ws.path, "batches/*/*.csv")) + glob.glob(os.path.join(ws.path, "claims/*/*.csv"))}
    lists["annex"] = ws("claim", "annex", 1).out
    lists["destruction"] = ws("destruction", "list").out
    equal(len(lists), 4, "lists")
    found = 0
    for path, text in lists.items():
        check(text.startswith("\ufeff"), f"{path} has no BOM")
        for row in csv.reader(io.StringIO(text[1:]), delimiter=";"):
            for cell in row:
                check(not cell.lstrip().startswith(("=", "+", "-", "@")) or cell.lstrip("-").replace(",", "").isdigit(),
                      f"{path}: a spreadsheet would run {cell!r}")
                found += FORMULA in cell
    check(found >= 3, f"the file number stands in {found} cells only")
    ws("verify")


def test_lists_that_are_none(ws):
    at = lambda name: os.path.join(ws.folder, name)  # noqa: E731
    with open(at("two.csv"), "wb") as f:
        f.truncate(2 << 30)
    with open(at("binary.csv"), "wb") as f:
        f.write(bytes(range(256)) * 100)
    with open(at("quote.csv"), "wb") as f:
        f.write(b'file_number;x\n33/1;"' + (b"y" * 99 + b"\n") * 1200000)
    with open(at("utf16.csv"), "wb") as f:
        f.write("file_number\r\n33/1\r\n".encode("utf-16"))
    for name, said in (("two.csv", "2048 MiB"), ("binary.csv", "is binary"), ("quote.csv", "nothing was imported"),
                       ("utf16.csv", "is binary"), ("none.csv", "No such file"), (".", "Is a directory")):
        answer = ws("register", "import", at(name), expect=FAILED)
        contains(answer.err, said)
    equal(listed(ws), [], "entries after lists that are none")
    if not SANITIZED:  # whatever its size, a list takes no more memory
        done = subprocess.run(["prlimit", "--as=200000000", PROGRAM, "-w", ws.path, "register", "import", at("quote.csv")],
                              stderr=subprocess.PIPE, env=environment())
        equal(done.returncode, FAILED, done.stderr)
        contains(done.stderr.decode(), "nothing was imported")


def test_36000_files(ws):
    """As large as the whole job; the times are by hand: `time altakt register import`, `… list --missing`."""
    ws.register("file_number;volume;sheets\n" + "".join(f"33/{i:05d}-{i % 97:02d};1;{i % 180}\n" for i in range(36000)))
    out = ws("register", "list", "--missing").out
    equal(out.count("\n"), 36000, "missing")
    # One bad line, the last: it is named by its number, and nothing is taken.
    bad = "file_number;volume;sheets\n" + "".join(f"44/{i};1;1\n" for i in range(36000)) + "44/x;1;viele\n"
    answer = ws.register(bad, expect=FAILED)
    contains(answer.err, "line 36002: 'viele' is no number of sheets", "1 of 36001 lines")
    check("44/" not in ws("register", "list").out, "half a list was imported")


if __name__ == "__main__":
    main()
