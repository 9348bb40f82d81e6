"""Page work: what cannot be done waits for a person while everything else goes on; what is urgent comes first."""
import os
import shutil
import subprocess

from harness import (WAITING, Page, Stack, Watched, balance, check, contains, equal, independent, main, valid, words)


def two_files(ws):
    stack = Stack()
    for number in ("33/1", "33/2"):
        stack.cover(number)
        stack.sheet()
        stack.sheet()
    ws("scan", "--device", stack.lay(ws.folder))
    return ws.batch(), os.path.join(ws.path, "spool", ws.batch())


def damage(path):
    """Cuts a raw image in the middle, as a failing disk would; gives the good one's place."""
    shutil.copy(path, path + ".good")
    os.chmod(path, 0o600)
    with open(path, "r+b") as f:
        f.truncate(os.path.getsize(path) // 2)
    return path + ".good"


def test_a_page_that_cannot_be_read_waits_and_is_tried_again(ws):
    batch, spool = two_files(ws)
    raw = os.path.join(spool, "5f.tif")  # 1 and 4 are cover sheets
    good = damage(raw)
    answer = ws("process", expect=WAITING)
    contains(answer.err, "1 page waits for a person")
    events = ws.ledger()
    failed = [e for e in events if e["event"] == "page_failed"]
    equal([(e["sheet"], e["side"]) for e in failed], [(f"{batch}/5", "f")], "pages given up")
    equal(len([e for e in events if e["event"] == "page_done"]), 7, "pages done")
    equal(len([e for e in events if e["event"] == "bundle_made"]), 1, "bundles: the other file's")
    status = ws("status", "--json").json
    valid("status", status)
    check([a for a in status["attention"] if a["kind"] == "page_failed" and f"{batch}/5f" in a["text"]], str(status))
    contains(ws("status").out, f"{batch}/5f", "altakt process --retry")
    # Neither process nor close tries in vain, and both say what to do.
    before = len(ws.ledger())
    ws("process", expect=WAITING)
    contains(ws("close", batch, expect=WAITING).err, f"{batch}/5f", "sheet rescan", "--retry")
    equal([e["event"] for e in ws.ledger()[before:] if e["event"].startswith("page")], [], "further tries")
    os.replace(good, raw)
    ws("process", "--retry")
    ws("close", batch)
    balance(ws.manifest())
    equal(ws.manifest()["counts"]["sheets"], 4, "sheets")
    ws("verify")
    independent(ws.path)


def test_run_goes_on_beside_it_and_a_voided_sheet_frees_its_file(ws):
    batch, spool = two_files(ws)
    damage(os.path.join(spool, "2f.tif"))
    damage(os.path.join(spool, "2b.tif"))
    # run goes on with the interrupted batch: more paper comes, the page is set aside meanwhile
    more = Stack("more")
    more.cover("33/3")
    more.sheet(Page(words(9)))
    contains(ws.run(more.lay(ws.folder), expect=WAITING).err, f"{batch}/2f")
    equal(len([e for e in ws.ledger() if e["event"] == "bundle_made"]), 2, "bundles")
    ws("sheet", "void", f"{batch}/2", "--by", "Erika Mustermann", "--reason", "image is damaged")
    ws("process")
    ws("close", batch)
    manifest = ws.manifest()
    balance(manifest)
    equal((manifest["counts"]["sheets"], manifest["counts"]["voided"]), (4, 1), "sheets, voided")
    ws("verify")
    independent(ws.path)


def test_a_page_whose_worker_dies_has_two_tries(ws):
    """Recognition kills its worker: after the second the page is kept with its image; retry on the closed batch reads it."""
    tesseract = Watched(ws.folder)
    stack = Stack()
    stack.cover("33/1")
    stack.sheet()
    stack.sheet()
    ws("scan", "--device", stack.lay(ws.folder))
    batch = ws.batch()
    tesseract.deadly(True)
    answer = ws("process", env=tesseract.env)
    contains(answer.out, "2 pages without text")
    equal(tesseract.times(), 4, "tries of two pages, and none of their blank backs")
    equal({(e["sheet"], e["side"]) for e in ws.ledger() if e["event"] == "page_done" and "ocr_failed" in e["flags"]},
          {(f"{batch}/{n}", "f") for n in (2, 3)}, "pages without text")
    ws("process", env=tesseract.env)
    equal(tesseract.times(), 0, "tries that nobody asked for")
    ws("close", batch)
    manifest = ws.manifest()
    balance(manifest)
    equal((manifest["counts"]["pages"], manifest["counts"]["ocr_failed"]), (2, 2), "pages, those without text")
    check("ocr_failed" in manifest["files"][0]["flags"], manifest["files"][0]["flags"])
    contains(ws("review", batch, "--json").out, "ocr_failed")
    pdf = os.path.join(ws.path, manifest["files"][0]["bundle"], "data/33=2F1.pdf")
    images = subprocess.run(["pdfimages", "-list", pdf], stdout=subprocess.PIPE, text=True, check=True).stdout
    check(" 1     0 image" in images and " 2     1 image" in images, f"images of the pages\n{images}")
    tesseract.deadly(False)
    answer = ws("process", "--retry", env=tesseract.env)
    equal(tesseract.times(), 2, "pages read when asked")
    contains(answer.err, f"altakt close {batch}")
    ws("close", batch)
    manifest = ws.manifest()
    equal((manifest["revision"], manifest["counts"]["ocr_failed"]), (2, 0), "revision, pages without text")
    check("ocr_failed" not in manifest["files"][0]["flags"], manifest["files"][0]["flags"])
    ws("verify")
    independent(ws.path)


def test_urgent_files_come_first(ws):
    batch, _ = two_files(ws)
    ws.register("file_number;urgent\n33/1;\n33/2;1\n")
    ws("process", "--jobs", "1")
    done = [e["sheet"] for e in ws.ledger() if e["event"] == "page_done"]
    equal([s.removeprefix(batch + "/") for s in done], list("55662233"), "order of the pages")


main()
