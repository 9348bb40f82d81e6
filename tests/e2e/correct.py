"""Corrections by paper: a double feed fed anew in its place, further views of a sheet, the box where paper lies."""
import json
import os
import shutil
import subprocess

import harness
from harness import DONE, FAILED, USAGE, WAITING, Page, Stack, balance, check, contains, equal, independent, words

WHO = ("--by", "Erika Mustermann", "--reason", "two sheets went through at once")


def lay(ws, name, *numbers, cover=None):
    stack = Stack(name)
    if cover:
        stack.cover(cover)
    for n in numbers:
        stack.sheet(Page(words(n)))
    return stack.lay(ws.folder)


def text_of(ws, entry):
    folder = os.path.join(ws.path, entry["bundle"], "data")
    pdf = next(os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(".pdf"))
    done = subprocess.run(["pdftotext", pdf, "-"], stdout=subprocess.PIPE, text=True, check=True)
    return " ".join(done.stdout.split())


def agreed(ws):
    """The manifest, after everything that proves it."""
    ws("verify")
    independent(ws.path)
    balance(ws.manifest())
    return ws.manifest()


def test_a_double_feed_is_fed_anew_in_its_place(ws):
    ws("scan", "--device", lay(ws, "first", 1, 2, 3, cover="33/1"))
    batch = ws.batch()
    equal(ws("sheet", "void", f"{batch}/1", "--refeed", *WHO, expect=USAGE).out, "", "a cover sheet has no place")
    ws("sheet", "void", f"{batch}/3", "--refeed", *WHO)
    contains(ws("sheet", "rescan", f"{batch}/2", *WHO, expect=USAGE).err, f"{batch}/3")
    # Two calls, as after a power cut between them; another file is begun, and ends nothing before its cover sheet.
    contains(ws("scan", "--device", lay(ws, "second", 21)).err, f"{batch}/3")
    contains(ws("status").out, f"{batch}/3")
    contains(ws("close", batch, expect=WAITING).err, "sheet done")
    ws("scan", "--device", lay(ws, "third", 22))
    ws("sheet", "done", f"{batch}/3", "--by", "Erika Mustermann")
    ws("sheet", "done", f"{batch}/3", "--by", "Erika Mustermann", expect=USAGE)
    ws("scan", "--device", lay(ws, "fourth", 4))
    ws("process")
    ws("close", batch)
    m = agreed(ws)
    equal((m["counts"]["sheets"], m["counts"]["voided"], m["balance"]["fed"]), (5, 1, 7), "sheets, voided, fed")
    found, at = text_of(ws, m["files"][0]), 0
    for n in (1, 21, 22, 3, 4):
        check(found.find(words(n), at) >= 0, f"'{words(n)}' is not where it belongs in: {found}")
        at = found.find(words(n), at)


def test_a_cover_sheet_ends_what_is_fed_anew(ws):
    ws("scan", "--device", lay(ws, "first", 1, 2, cover="33/1"))
    batch = ws.batch()
    ws("sheet", "void", f"{batch}/3", "--refeed", *WHO)
    ws("scan", "--device", lay(ws, "rest", 5, 6))
    ws("scan", "--device", lay(ws, "next", 7, cover="33/2"))
    ws("process")
    ws("close", batch)
    equal([(f["file_number"], f["sheets"]) for f in agreed(ws)["files"]], [("33/1", 3), ("33/2", 1)], "files")


def test_further_views_are_images_and_no_sheets(ws):
    contains(ws("scan", "--device", lay(ws, "none", 9), "--same-sheet", expect=USAGE).err, "no sheet yet")
    ws("scan", "--device", lay(ws, "first", 1, cover="33/1"))
    batch = ws.batch()
    said = ws("scan", "--device", lay(ws, "lifted", 2), "--same-sheet")
    contains(said.out, "0 sheets")
    ws("scan", "--device", lay(ws, "after", 3))
    ws("process")
    ws("close", batch)
    m = agreed(ws)
    equal((m["counts"]["sheets"], m["counts"]["images"], m["balance"]["images_expected"]), (2, 8, 8),
          "sheets, images, expected images")
    equal(m["files"][0]["pages"], 3, "pages")
    found = text_of(ws, m["files"][0])
    check(found.find(words(1)) < found.find(words(2)) < found.find(words(3)), f"not in order: {found}")
    # As images of the sheet they can be looked at, and their raw images go with the batch's.
    names = [p for p in os.listdir(os.path.join(ws.path, "spool", batch)) if p.endswith(".tif")]
    equal(sorted(names), ["1b.tif", "1f.tif", "2b.tif", "2c.tif", "2d.tif", "2f.tif", "3b.tif", "3f.tif"], "raw images")
    ws.settings(retention__raw_days=0)
    ws.accept()
    ws("purge", batch)
    left = [p for p in os.listdir(os.path.join(ws.path, "spool", batch)) if p.endswith(".tif")]
    equal(left, [], "raw images after the purge")


def test_the_box_is_on_receipt_and_destruction_list(ws):
    ws("scan", "--device", lay(ws, "first", 1, cover="33/1"), "--box", "K-17")
    ws("scan", "--device", lay(ws, "second", 2, cover="33/2"), "--box", "K-18", "--operator", "Max Mustermann")
    batch = ws.batch()
    equal([e["operator"] for e in ws.ledger() if e["event"] == "operator"], ["Erika Mustermann", "Max Mustermann"],
          "the handover")
    ws("scan", "--device", lay(ws, "bad", 3), "--box", "a,b", expect=USAGE)
    ws("process")
    contains(ws("close", batch).out, "K-18")
    ws.accept(lead="Lea Beispiel")
    listed = ws("destruction", "list", "--json").json
    equal([(e["file_number"], e["box"]) for e in listed], [("33/1", "K-17"), ("33/2", "K-18")], "boxes")
    agreed(ws)


def test_a_sheet_fed_again_after_a_stop_is_asked_about(ws):
    stack = Stack("first")
    stack.cover("33/1")
    for seed in (1, 2, 3):
        stack.sheet(Page(kind="letter", seed=seed))
    ws("scan", "--device", stack.lay(ws.folder))
    batch = ws.batch()
    # The operator lays back one sheet too much; it comes in a little skewed this time.
    again = Stack("again")
    again.sheet(Page(kind="letter", seed=3, skew=0.8))
    again.sheet(Page(kind="letter", seed=4))
    said = ws("scan", "--device", again.lay(ws.folder), expect=WAITING)
    contains(said.err, f"{batch}/5", f"{batch}/4", "fed twice")
    equal([e.get("like") for e in ws.fed() if "fed_again" in e.get("suspects", [])], [f"{batch}/4"], "findings")
    contains(ws("close", batch, expect=WAITING).err, f"{batch}/5")
    ws("decide", f"{batch}/5", "void", "--by", "Erika Mustermann", "--reason", "fed twice")
    ws("scan", "--device", "paper:" + os.path.join(ws.folder, "again"), expect=(DONE, WAITING))
    ws("process")
    ws("close", batch)
    equal([(c["sheets"], c["voided"]) for c in [agreed(ws)["counts"]]], [(4, 1)], "sheets, voided")


def test_the_scanners_own_count_names_sheets_that_are_not_recorded(ws):
    device = lay(ws, "first", 1, 2, cover="33/1")
    ws("scan", "--device", device)
    path = os.path.join(device.split(":", 1)[1], ".fed")
    with open(path, encoding="ascii") as f:
        fed = f.read()
    with open(path, "w", encoding="ascii") as f:  # as after a kill between feeding and recording
        f.write(fed.replace("feeds 3", "feeds 5"))
    said = ws("scan", "--device", device, expect=(DONE, WAITING))
    contains(said.err, "Last sheet recorded", "3f.jpg", "2 sheets went through")
    check(os.path.exists(os.path.join(ws.path, "spool", ws.batch(), "3f.jpg")), "the small image is there")


def test_a_sheet_longer_than_its_neighbours_may_be_two(ws):
    if not shutil.which("convert"):
        raise harness.Skip("ImageMagick is not installed")
    stack = Stack("lapped")
    stack.cover("33/1")
    for n in range(1, 5):
        stack.sheet(Page(words(n)), Page(words(n + 50)))
    stack.sheet(Page(words(5)), Page(words(55)))
    stack.sheet(Page(words(6)), Page(words(56)))
    folder = stack.lay(ws.folder).split(":", 1)[1]
    sides = sorted(n for n in os.listdir(folder) if n.endswith(".jpg"))
    for i in (-4, -3):  # the last sheet but one: another lies over its end, and both went through
        path = os.path.join(folder, sides[i])
        subprocess.run(["convert", path, "(", path, "-gravity", "south", "-crop", "100%x40%+0+0", "+repage", ")",
                        "-append", path + ".png"], check=True)
        os.remove(path)
        os.rename(path + ".png", path[:-4] + ".png")
    ws("scan", "--device", "paper:" + folder, expect=WAITING)
    equal([e["sheet"].split("/")[1] for e in ws.fed() if "double_feed" in e.get("suspects", [])], ["6"], "suspects")


def test_a_sheet_upon_another_is_seen_by_their_edges(ws):
    if not shutil.which("convert"):
        raise harness.Skip("ImageMagick is not installed")
    stack = Stack("upon")
    stack.cover("33/1")
    for n in range(1, 4):
        stack.sheet(Page(words(n)), Page(words(n + 50)))
    folder = stack.lay(ws.folder).split(":", 1)[1]
    sides = sorted(n for n in os.listdir(folder) if n.endswith(".jpg"))
    for i in range(2, len(sides)):  # all on a dark background, and the second upon another sheet
        path = os.path.join(folder, sides[i])
        under = [path, "-geometry", "+80+180", "-composite"] if i in (4, 5) else []
        subprocess.run(["convert", "-size", "1800x2600", "xc:gray6", *under, path, "-geometry", "+40+40", "-composite",
                        "-density", "200", "-units", "PixelsPerInch", path + ".png"], check=True)
        os.remove(path)
        os.rename(path + ".png", path[:-4] + ".png")
    said = ws("scan", "--device", "paper:" + folder, expect=WAITING)
    batch = ws.batch()
    contains(said.err, f"{batch}/3", "shows two sheets")
    equal([(e["sheet"], e["double_feed_by"]) for e in ws.fed() if "double_feed" in e.get("suspects", [])],
          [(f"{batch}/3", "overlap")], "suspects")
    contains(ws("close", batch, expect=WAITING).err, f"{batch}/3", "double feed")
    ws("sheet", "void", f"{batch}/3", "--by", "Erika Mustermann", "--reason", "two sheets went through")
    ws("process")
    ws("close", batch)
    equal([(c["sheets"], c["voided"]) for c in [agreed(ws)["counts"]]], [(2, 1)], "sheets, voided")
    # where nobody wants it
    os.remove(os.path.join(folder, ".fed"))
    ws("scan", "--device", "paper:" + folder, "--set", "scan.overlap=no", expect=None)
    equal([e["sheet"] for e in ws.fed(ws.batches()[-1]) if "double_feed" in e.get("suspects", [])], [], "suspects")


def test_the_same_form_again_and_again_is_nothing_to_ask_about(ws):
    def forms(name, cover=None):
        stack = Stack(name)
        if cover:
            stack.cover(cover)
        for _ in range(3):
            stack.sheet(Page(kind="form", seed=9))
        return stack.lay(ws.folder)

    ws("scan", "--device", forms("first", "33/1"))
    ws("scan", "--device", forms("second"))
    equal([e.get("like") for e in ws.fed() if e.get("like")], [], "findings")


def test_pages_are_made_anew_with_other_settings(ws):
    ws("run", "--device", lay(ws, "stack", 1, 2, cover="33/1"), expect=None)
    batch, before = ws.batch(), ws.manifest()

    def kinds():
        with open(os.path.join(ws.path, ws.manifest()["files"][0]["bundle"], "data/provenance.json"), encoding="utf-8") as f:
            sides = [side for sheet in json.load(f)["sheets"] for side in sheet["images"]]
        return [side["kind"] for side in sides if not side.get("blank")]

    equal(kinds(), ["bitonal", "bitonal"], "kinds")
    raw = os.path.join(ws.path, "spool", batch, "3f.tif")
    with open(raw, "rb") as f:
        image = f.read()
    contains(ws("sheet", "clean", f"{batch}/1", *WHO, expect=USAGE).err, "cover sheet")
    contains(ws("sheet", "clean", f"{batch}/2..3", *WHO).out, "4 pages")
    ws("--set", "encode.keep=colour", "process", batch)
    ws("close", batch)
    equal(kinds(), ["mixed", "mixed"], "kinds after 'sheet clean'")
    after = agreed(ws)
    equal((after["revision"], after["counts"]["sheets"]), (2, before["counts"]["sheets"]), "revision, sheets")
    with open(raw, "rb") as f:
        check(f.read() == image, "the raw image was changed")
    os.remove(raw)
    contains(ws("sheet", "clean", f"{batch}/3", *WHO, expect=FAILED).err, "3f")
    equal(agreed(ws)["revision"], 2, "revision after a refusal")


if __name__ == "__main__":
    harness.main()
