"""The independent counts of a file: kept apart, held against each other at close, and a difference named with
its figures and likely cause; a lead's decision on it stays on the manifest and changes no count."""
import os

from harness import (CHECK, USAGE, Page, Stack, balance, check, contains, equal, independent, main, valid,
                     words)

LEAD = ("--by", "Max Mustermann", "--reason", "Begleitzettel verschrieben")


def lay(ws, *files, name="paper"):
    """files: (number, words of its sheets)."""
    stack = Stack(name)
    for number, numbers in files:
        if number:
            stack.cover(number)
        for n in numbers:
            stack.sheet(Page(words(n)))
    return stack.lay(ws.folder)


def entry(ws, number):
    return next(f for f in ws.manifest()["files"] if f["file_number"] == number)


def proved(ws):
    ws("verify")
    independent(ws.path)
    balance(ws.manifest())
    valid("manifest", ws.manifest())


def test_a_cover_sheet_in_the_wrong_place(ws):
    """Two slips are off by one, each the other way: the cause is named with both files."""
    ws.register("file_number;sheets\n33/1;2\n33/2;2\n33/3;1\n")
    said = ws.run(lay(ws, ("33/1", (0, 1, 2)), ("33/2", (3,)), ("33/3", (4,))), "--batch", "a", expect=CHECK).err
    contains(said, "file 33/1: the preparation slip says 2 sheets, 3 were fed and are valid",
             "likely cause: they belong to file 33/2", "file 33/2: the preparation slip says 2 sheets, 1 were fed",
             "likely cause: they are in file 33/1", "altakt settle a --file '33/1'")
    check("33/3" not in said, f"33/3 has what its slip says:\n{said}")
    check(not os.path.exists(os.path.join(ws.path, "batches/a/manifest.json")), "nothing was closed")
    equal(ws("status", "--json").json["batches"][0]["state"], "open", "state")
    contains(ws("status").out, "2 differences between witnesses")
    ws("sheet", "move", "a/4", "--file", "33/2", "--by", "E", "--reason", "cover sheet too late")
    ws("process")
    ws("close", "a")
    equal(entry(ws, "33/2")["witness_counts"],
          {"fed": 2, "images": 4, "sides": 4, "slip": 2, "bundle_pages": 2}, "what each witness counted")
    proved(ws)


def test_voided_sheets_and_the_operators_count(ws):
    ws("scan", "--device", lay(ws, (None, (0, 1, 2))), "--batch", "a", "--file", "33/1", "--sheets", "3")
    ws("sheet", "void", "a/2", "--by", "E", "--reason", "double feed")
    ws("process")
    said = ws("close", "a", expect=CHECK).err
    contains(said, "the operator counted 3 sheets, 2 were fed and are valid (1 voided, 0 superseded)",
             "likely cause: the voided sheets are among those counted")
    ws("settle", "a", "--file", "33/1", *LEAD)
    contains(ws("close", "a").out, "a: 1 file, 2 sheets, 2 pages, 6 images (revision 1, ledger ")
    equal(ws.manifest()["counts"]["sheets"], 2, "no count changed")
    equal(entry(ws, "33/1")["witness_counts"]["operator"], 3, "the operator's count stays")
    ws("settle", "a", "--file", "33/1", *LEAD, expect=USAGE)
    proved(ws)


def test_the_imprinter_counts_along(ws):
    """Its numbers are in the ledger, its count beside the others on the manifest."""
    ws.run(lay(ws, ("33/1", (0, 1, 2)), ("33/2", (3,))), "--batch", "a", "--set", "option.endorser=yes",
           "--set", "option.endorser-val=1000")
    fed = [e for e in ws.ledger() if e["event"] == "sheet_fed"]
    equal([e["imprint"] for e in fed], [f"{1000 + i:08d}" for i in range(6)], "numbers of covers and sheets")
    equal([(f["witnesses"], f["witness_counts"]["imprinter"]) for f in ws.manifest()["files"]],
          [(["feed", "imprinter"], 3), (["feed", "imprinter"], 1)], "what the imprinter counted")
    proved(ws)


def test_a_listed_file_that_is_not_there(ws):
    """The batch's own list: its counts are the slip's; a file without a sheet blocks until a lead settles it."""
    path = os.path.join(ws.folder, "list.csv")
    with open(path, "w", encoding="utf-8") as f:
        f.write("Aktenzeichen;Blatt\n33/1;2\n33/5;4\n")
    said = ws.run(lay(ws, ("33/1", (0,))), "--batch", "a", "--expect", path, expect=CHECK).err
    contains(said, "file 33/1: the preparation slip says 2 sheets, 1 were fed", "sheets were forgotten",
             "file 33/5 is on the batch's list, but no sheet of it was fed", "altakt settle a --file '33/5'")
    ws("settle", "a", "--file", "33/9", *LEAD, expect=USAGE)
    ws("settle", "a", "--file", "33/1", *LEAD)
    check("33/1" not in ws("close", "a", expect=CHECK).err, "33/1 is settled")
    ws("settle", "a", "--file", "33/5", "--by", "Max Mustermann", "--reason", "beim Gericht")
    ws("close", "a")
    wanted = [("33/5", 4, [("Max Mustermann", "beim Gericht")])]
    for revision in (1, 2):
        absent = ws.manifest()["absent"]
        equal([(a["file_number"], a["sheets"], [(s["by"], s["reason"]) for s in a["settled"]]) for a in absent],
              wanted, f"absent in revision {revision}")
        equal((ws.manifest()["counts"]["files"], ws.manifest()["revision"]), (1, revision), "files, revision")
        proved(ws)
        if revision == 1:  # a listed number that was typed wrongly has no sheet any more
            ws("file", "renumber", "a", "33/1", "33/7", "--by", "E", "--reason", "typed wrongly")
            ws("process")
            contains(ws("close", "a", expect=CHECK).err, "file 33/1 is on the batch's list")
            ws("settle", "a", "--file", "33/1", *LEAD)
            ws("close", "a")
            wanted.insert(0, ("33/1", 2, [("Max Mustermann", "Begleitzettel verschrieben")]))
    with open(path, "w", encoding="utf-8") as f:
        f.write("file_number;sheets\n33/8;two\n")
    contains(ws("scan", "--device", lay(ws, ("33/8", (1,)), name="more"), "--batch", "b", "--expect", path, expect=1).err,
             "list.csv:2", "'two'")
    check("b" not in ws.batches(), "nothing was opened")


if __name__ == "__main__":
    main()
