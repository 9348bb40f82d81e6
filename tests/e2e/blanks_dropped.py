"""A device that removed blank sides itself: nobody knows the pairs until a person assigns the images."""
import glob
import os
import shutil
import signal

from harness import (WAITING, Page, Stack, balance, check, contains, equal, independent, main, stop, valid,
                     wait_until, words)

A, B = "33/4711", "33/4712"


def images(ws):
    """What such a device leaves: two covers (both sides), five written sides, no blank one."""
    stack = Stack("dropped")
    stack.cover(A)
    stack.sheet(Page(words(1)), Page(words(2)))
    stack.sheet(Page(words(3)), Page(words(4)))  # of this sheet somebody will say: two sheets of one side
    stack.cover(B)
    stack.sheet(Page(words(5)), Page(words(6)))
    stack.lay(ws.folder)
    folder = os.path.join(ws.folder, "dropped")
    os.remove(os.path.join(folder, "00010.jpg"))  # the last back was blank
    return folder


def test_images_wait_for_somebody(ws):
    folder = images(ws)
    said = ws("import", "--blanks-dropped", folder)
    contains(said.out, "9 images wait")
    batch = ws.batch()
    for event in ws.ledger():
        valid("event", event)
    equal(ws.fed(), [], "no sheet before somebody assigned one")
    said = ws("import", "--blanks-dropped", "--batch", batch, folder)  # repeated: nothing twice
    contains(said.err, "9 images are in batch")
    contains(ws("close", batch, expect=3).err, "9 images wait")
    check(any(a["kind"] == "images" and a["n"] == 9 for a in ws("status", "--json").json["attention"]), "status")
    listed = ws("sheet", "images", batch)
    equal(len(listed.out.splitlines()), 9, "images listed")
    contains(listed.out, f"cover sheet of file {A}", f"cover sheet of file {B}")

    # Only in order, each image once, and no more than there are.
    for bad in (["2"], ["1+2", "4"], ["1+3"], ["1..10"], ["0"], ["x"]):
        ws("sheet", "assign", batch, *bad, "--by", "Erika", expect=2)
    ws("sheet", "assign", batch, expect=2)
    equal(ws.fed(), [], "a refused assignment assigns nothing")
    ws("sheet", "assign", batch, "1+2", "3+4", "--by", "Erika Mustermann")
    contains(ws("close", batch, expect=3).err, "5 images wait")
    ws("sheet", "assign", batch, "5..6", "7+8", "9", "--by", "Erika Mustermann")
    contains(ws("sheet", "images", batch).out, "no image waits")

    # No feed witnesses them: each file's count is needed, and it must be right.
    contains(ws("close", batch, expect=3).err, "its count is needed")
    ws("import", "--batch", batch, "--file", A, "--sheets", 3)
    ws("import", "--batch", batch, "--file", B, "--sheets", 2)
    contains(ws("close", batch, expect=4).err, "the operator counted 2 sheets, 1")
    ws("import", "--batch", batch, "--file", B, "--sheets", 1)
    ws("close", batch)
    manifest = ws.manifest()
    balance(manifest)
    counts = manifest["counts"]
    equal((counts["files"], counts["sheets"], counts["pages"], counts["images"], counts["separators"]),
          (2, 4, 5, 9, 2), "counts")
    equal(manifest["balance"]["images_expected"], 9, "expected is what the device kept")
    ws("verify")
    independent(ws.path)
    left = [n for n in os.listdir(os.path.join(ws.path, "spool", batch)) if n.endswith("w.tif")]
    equal(left, [], "images that wait, in the spool")
    ws.accept()
    ws("claim")


def test_one_file_named_by_the_operator(ws):
    folder = images(ws)
    for name in ("00001.jpg", "00002.jpg", "00007.jpg", "00008.jpg"):
        os.remove(os.path.join(folder, name))
    ws("import", "--blanks-dropped", "--duplex", folder, expect=2)
    ws("scan", "--blanks-dropped", expect=2)
    ws("import", "--blanks-dropped", "--file", A, "--sheets", 5, folder)
    batch = ws.batch()
    ws("sheet", "assign", batch, "--single", "--by", "Erika Mustermann")
    ws("close", batch)
    equal([(f["file_number"], f["sheets"]) for f in ws.manifest()["files"]], [(A, 5)], "files")
    shutil.rmtree(folder)
    ws("verify")
    independent(ws.path)


def test_a_file_that_the_register_does_not_know(ws):
    ws.register(f"file_number\n{A}\n")
    folder = images(ws)
    for name in ("00001.jpg", "00002.jpg", "00007.jpg", "00008.jpg"):
        os.remove(os.path.join(folder, name))
    ws("import", "--blanks-dropped", "--file", "99/9", "--sheets", 5, folder)
    batch = ws.batch()
    said = ws("sheet", "assign", batch, "--single", "--by", "Erika Mustermann", expect=WAITING)
    contains(said.err, "1 sheet waits for a decision")
    contains(ws("close", batch, expect=WAITING).err, f"{batch}/1", "register does not know")
    ws("decide", f"{batch}/1", "keep", "--by", "Erika Mustermann", "--reason", "steht auf der Akte")
    ws("close", batch)
    equal([(f["file_number"], f["sheets"]) for f in ws.manifest()["files"]], [("99/9", 5)], "files")
    ws("verify")
    independent(ws.path)


def test_a_watched_folder(ws):
    folder = images(ws)
    for name in ("00001.jpg", "00002.jpg", "00007.jpg", "00008.jpg"):
        os.remove(os.path.join(folder, name))
    inbox = os.path.join(ws.folder, "inbox")
    os.makedirs(inbox)
    process = ws.start("import", "--watch", inbox, "--blanks-dropped", "--file", A)
    try:
        for n, name in enumerate(sorted(os.listdir(folder)), 1):
            os.rename(os.path.join(folder, name), os.path.join(inbox, name))
            wait_until("it is taken", lambda: taken(ws) == n)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        stop(process)
    contains(out.decode(), "5 images wait")
    contains(err.decode(), "1 image waits", "5 images wait")
    batch = ws.batch()  # one, whatever came when
    ws("sheet", "assign", batch, "1+2", "3..5", "--by", "Erika Mustermann")
    contains(ws("close", batch, expect=WAITING).err, "its count is needed")
    ws("import", "--batch", batch, "--file", A, "--sheets", 4)
    ws("close", batch)
    equal([(f["file_number"], f["sheets"], f["images"]) for f in ws.manifest()["files"]], [(A, 4, 5)], "files")
    ws("verify")
    independent(ws.path)


def taken(ws):
    """Images taken, by ledgers of which the last line may be half written."""
    n = 0
    for path in glob.glob(os.path.join(ws.path, "batches/*/ledger.jsonl")):
        with open(path, "rb") as f:
            n += f.read().count(b'"event":"image_taken"')
    return n


def test_init_takes_no_folder_of_other_things(folder):
    from harness import altakt
    with open(os.path.join(folder, "brief.odt"), "w", encoding="utf-8") as f:
        f.write("x")
    os.chmod(folder, 0o755)
    contains(altakt("init", folder, expect=2).err, "is not empty: 'brief.odt' lies there")
    equal((os.stat(folder).st_mode & 0o777, os.listdir(folder)), (0o755, ["brief.odt"]), "left as it was")
    os.makedirs(os.path.join(folder, "ws", "spool"))  # what a broken-off init left
    altakt("init", os.path.join(folder, "ws"))


def test_each_handover_is_recorded_once(ws):
    folder = images(ws)
    names = sorted(os.listdir(folder))
    for who, name in zip(["Anna", "Bernd", "Anna", "Anna", "Bernd"], names):
        ws("import", "--simplex", "--operator", who, os.path.join(folder, name), expect=None)
    equal([e["operator"] for e in ws.ledger() if e["event"] == "operator"], ["Anna", "Bernd", "Anna", "Bernd"],
          "handovers")


if __name__ == "__main__":
    main()
