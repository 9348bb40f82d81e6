"""What goes wrong in an office: each with one clear message, the right exit code, nothing lost."""
import os
import shutil
import struct
import zlib

from harness import (CHECK, DONE, FAILED, USAGE, WAITING, BLANK, Page, Stack, altakt, balance, check, contains, draw,
                     environment, equal, main, words)


def one_file(name="good", number="33/1", sheets=2):
    stack = Stack(name)
    stack.cover(number)
    for n in range(sheets):
        stack.sheet(Page(words(n + 1)))
    return stack


def test_empty_feeder(ws):
    answer = ws.run(Stack("empty").lay(ws.folder), expect=WAITING)
    contains(answer.err, "empty")
    equal(ws.batches(), [], "batches of an empty feeder")
    ws("scan", "--device", "paper:" + os.path.join(ws.folder, "empty"), expect=WAITING)


def test_device_not_found(ws):
    for device in ("paper:" + os.path.join(ws.folder, "absent"), "nosuchbackend:0"):
        answer = ws.run(device, expect=FAILED)
        contains(answer.err, device.removeprefix("paper:"))
        check(len(answer.err.strip().splitlines()) >= 2, f"says what to do\n{answer}")
    equal(ws.batches(), [], "batches")


def test_unknown_option_in_the_settings(ws):
    path = os.path.join(ws.path, "altakt.ini")
    with open(path, encoding="utf-8") as f:
        n = len(f.read().splitlines())
    with open(path, "a", encoding="utf-8") as f:
        f.write("\n[scan]\ndip = 300\n")
    for command in (["status"], ["run", "--device", "test:0"], ["close", "b1"]):
        answer = ws(*command, expect=FAILED)
        contains(answer.err, f"altakt.ini:{n + 3}: unknown key 'scan.dip'")


def test_settings_with_nonsense_values(ws):
    with open(os.path.join(ws.path, "altakt.ini"), encoding="utf-8") as f:
        good = f.read()
    for key, value in (("scan__resolution", "many"), ("scan__mode", "Sepia"), ("clean__deskew", "perhaps"),
                       ("claim__rate_file", "abc"), ("grant__deadline", "2026-02-30"), ("spool__reserve", "lots"),
                       ("review__sample_percent", "400"), ("rules__name", "elsewhere")):
        ws.settings(**{key: value})
        answer = ws("status", expect=FAILED)
        contains(answer.err, "altakt.ini:", value)
        with open(os.path.join(ws.path, "altakt.ini"), "w", encoding="utf-8") as f:
            f.write(good)
    ws("status")
    # On the command line it is wrong usage, and what touches the count is refused there.
    contains(ws("--set", "scan.resolution=many", "status", expect=USAGE).err, "many")
    contains(ws("--set", "claim.rate_file=100", "status", expect=USAGE).err, "claim.rate_file")
    contains(ws("--set", "scan.dip=3", "status", expect=USAGE).err, "scan.dip")


def test_missing_language_data(ws):
    ws.settings(ocr__languages="deu+tlh")
    answer = ws.run(one_file().lay(ws.folder), expect=FAILED)
    contains(answer.err, "tesseract-ocr-tlh")
    # The paper that was fed is not lost: with the setting mended it goes on.
    ws.settings(ocr__languages="deu")
    ws.run("paper:" + os.path.join(ws.folder, "good"))
    equal(ws.manifest()["counts"]["sheets"], 2, "sheets")


def test_stack_without_a_cover_sheet(ws):
    stack = Stack("bare")
    stack.sheet(Page(words(1))).sheet(Page(words(2)))
    answer = ws.run(stack.lay(ws.folder), expect=WAITING)
    contains(answer.err, "cover")
    batch = ws.batch()
    fed = ws.fed()
    check(fed, "the sheets that went through are recorded")
    ws("close", batch, expect=WAITING)
    # They are moved to a file by hand, what is still in the feeder follows, and the batch closes.
    for event in fed:
        ws("sheet", "move", event["sheet"], "--file", "33/77", "--by", "Erika Mustermann", "--reason", "no cover sheet")
    ws.run("paper:" + os.path.join(ws.folder, "bare"), "--file", "33/77", expect=(DONE, WAITING))
    if not os.path.exists(os.path.join(ws.path, "batches", batch, "manifest.json")):
        ws("close", batch)
    equal(ws.manifest()["counts"]["sheets"], 2, "sheets")
    equal(ws.manifest()["files"][0]["file_number"], "33/77", "file")


def test_stack_without_a_cover_sheet_for_a_file_that_is_named(ws):
    stack = Stack("bare")
    stack.sheet(Page(words(1))).sheet(Page(words(2)))
    ws.run(stack.lay(ws.folder), "--file", "33/77")
    equal([(f["file_number"], f["sheets"]) for f in ws.manifest()["files"]], [("33/77", 2)], "files")


def test_unreadable_cover_sheet(ws):
    stack = one_file()
    stack.cover("33/2", torn=True)
    stack.sheet(Page(words(8)))
    stack.sheet(Page(words(9)))
    device = stack.lay(ws.folder)
    answer = ws.run(device, expect=WAITING)
    contains(answer.err, "cover")
    batch = ws.batch()
    ws("close", batch, expect=WAITING)
    status = ws("status", "--json").json
    torn = [e["sheet"] for e in ws.fed() if "unreadable_cover" in e.get("suspects", [])]
    equal(len(torn), 1, "unreadable cover sheets")
    contains(str(status), torn[0])
    ws("decide", torn[0], "cover", "--file", "33/2", "--by", "Erika Mustermann", "--reason", "code torn off")
    for _ in range(3):  # a lead may have to say where the sheets belong that went through already
        answer = ws.run(device, expect=(DONE, WAITING))
        if answer.code == DONE:
            break
    if not os.path.exists(os.path.join(ws.path, "batches", batch, "manifest.json")):
        ws("close", batch)
    equal([(f["file_number"], f["sheets"]) for f in ws.manifest()["files"]], [("33/1", 2), ("33/2", 2)], "files")
    equal(ws.manifest()["counts"]["separators"], 2, "separators")
    balance(ws.manifest())


def test_same_file_number_twice(ws):
    stack = one_file()
    stack.cover("33/2")
    stack.sheet(Page(words(5)))
    stack.cover("33/1")
    stack.sheet(Page(words(6)))
    device = stack.lay(ws.folder)
    answer = ws.run(device, expect=WAITING)
    contains(answer.err + ws("status").out, "33/1")
    batch = ws.batch()
    suspects = [e["sheet"] for e in ws.fed() if e.get("suspects")]
    check(suspects, "no suspect")
    for sheet in suspects:
        ws("decide", sheet, "keep", "--by", "Max Mustermann", "--reason", "second half of the same file")
    ws.run(device, expect=(DONE, WAITING))
    if not os.path.exists(os.path.join(ws.path, "batches", batch, "manifest.json")):
        ws("close", batch)
    manifest = ws.manifest()
    balance(manifest)
    equal((manifest["counts"]["sheets"], manifest["counts"]["separators"]), (4, 3), "sheets and separators")
    equal(len({f["file_number"] for f in manifest["files"]}), 2, "file numbers")


def test_odd_number_of_images_in_duplex(ws):
    stack = one_file()
    stack.sheet(Page(words(7)))
    stack.sides.pop()  # the last back never came
    device = stack.lay(ws.folder)
    answer = ws.run(device, expect=(WAITING, FAILED))
    batch = ws.batch()
    odd = [e["sheet"] for e in ws.fed() if e["expected"] != len(e["images"])]
    if odd:  # the front is there: somebody decides, and the balance shows the missing one
        contains(answer.err + ws("status").out, odd[0])
        ws("close", batch, expect=WAITING)
        ws("decide", odd[0], "keep", "--by", "Max Mustermann", "--reason", "its back is blank, looked at")
        ws("close", batch)
        manifest = ws.manifest()
        balance(manifest)
        equal((manifest["counts"]["sheets"], manifest["balance"]["images_missing"]), (3, 1), "sheets, missing images")
    else:  # nothing of the sheet was kept: it is asked for again, and nothing else is lost
        check(len(ws.fed()) == 3, f"cover and two sheets are recorded\n{answer}")


def png(width, height, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def test_images_that_are_none(ws):
    page = Page(words(1))
    draw([(page.path(), page.fields)])
    with open(page.path(), "rb") as f:
        whole = f.read()
    bad = {"empty.jpg": b"", "text.png": b"this is no image\n", "zero.png": png(0, 0, b""),
           "huge.png": png(60000, 60000, b"\0" * 100), "head.png": png(200, 200, b"\0" * 40201)[:30],
           "noise.tif": b"II*\0\xff\xff\xff\xff"}
    for name, data in bad.items():
        folder = os.path.join(ws.folder, "in-" + name)
        os.makedirs(folder)
        shutil.copy(page.path(), os.path.join(folder, "0001.jpg"))
        with open(os.path.join(folder, "0002" + os.path.splitext(name)[1]), "wb") as f:
            f.write(data)
        answer = ws("import", folder, "--simplex", "--file", "33/1", "--sheets", "2", expect=None)
        check(answer.code in (FAILED, WAITING), f"{name}\n{answer}")
        contains(answer.err, "0002")
        # What came before it is recorded, or nothing is; never what is none.
        for batch in ws.batches():
            for event in ws.fed(batch):
                for image in event["images"]:
                    check("0001" in image["source"]["path"], f"{name} was recorded: {image}")
            ws("abandon", batch, "--by", "Erika Mustermann", "--reason", "a test of bad images", expect=None)
    # Half a JPEG: the page may be kept with what is there, but never silently.
    folder = os.path.join(ws.folder, "half")
    os.makedirs(folder)
    with open(os.path.join(folder, "0001.jpg"), "wb") as f:
        f.write(whole[:len(whole) // 2])
    answer = ws("import", folder, "--simplex", "--file", "33/1", expect=None)
    check(answer.code in (FAILED, WAITING) and "0001.jpg" in answer.err, f"half a JPEG\n{answer}")


def test_bad_images_in_the_feeder(ws):
    """The simulator cannot deliver them: the sheets before stay, the next run goes on behind."""
    stack = one_file()
    path = os.path.join(ws.folder, "bad.jpg")
    with open(path, "wb") as f:
        f.write(b"no image at all")
    stack.image(path)
    stack.image(path)
    answer = ws.run(stack.lay(ws.folder), expect=(FAILED, WAITING))
    check(answer.err.strip(), "says nothing")
    equal(len(ws.fed()), 3, "cover and two sheets are recorded")


def test_file_numbers_that_are_none(ws):
    device = one_file().lay(ws.folder)
    for number in ("", "x" * 300, "a\nb", "a\x1b[2J", "   "):
        answer = ws.run(device, "--file", number, expect=USAGE)
        contains(answer.err, "file number")
        check("\x1b" not in answer.err, "control characters reach the terminal")
    answer = altakt(*[os.fsencode(a).decode("utf-8", "surrogateescape") for a in
                      ("-w", ws.path, "run", "--device", device, "--file", b"a\xff".decode("utf-8", "surrogateescape"))],
                    expect=USAGE)
    contains(answer.err, "UTF-8")
    equal(ws.batches(), [], "batches")
    for text in ("file_number\n" + "x" * 300 + "\n", "file_number\ngood\na\x01b\n"):
        answer = ws.register(text, expect=FAILED)
        contains(answer.err, "register.csv")
    equal(ws("register", "list").out.count("good"), 0, "never half an import")


def test_a_file_number_like_a_path_stays_in_its_folder(ws):
    number = "../../etc/passwd"
    ws.run(one_file(number=number).lay(ws.folder))
    bundle = os.path.join(ws.path, "files", "=2E.=2F..=2Fetc=2Fpasswd")
    check(os.path.isdir(bundle), "the bundle is not in its folder")
    equal(ws.manifest()["files"][0]["file_number"], number, "file number")
    equal(sorted(os.listdir(os.path.join(ws.path, "files"))), ["=2E.=2F..=2Fetc=2Fpasswd"], "folders")


def test_wrong_usage(ws):
    for args in (["frobnicate"], ["run", "--frobnicate"], ["close"], ["close", "no-such-batch"], ["accept", "x"],
                 ["decide", "nonsense", "keep"], ["sheet", "void", "../../x/1"], ["run", "--batch", "../x"],
                 ["verify", "/no/such/path"]):
        answer = ws(*args, expect=USAGE)
        check(answer.err.strip(), f"says nothing\n{answer}")
    device = one_file().lay(ws.folder)
    for option, value in (("--source", "Nonsense"), ("--mode", "Blue"), ("--resolution", "99999")):
        answer = ws("run", "--device", device, option, value, expect=USAGE)
        contains(answer.err, value, "it ")
    altakt(expect=USAGE)
    answer = altakt("--help")
    contains(answer.out, "init", "run", "claim")
    for command in ("init", "devices", "register", "covers", "scan", "import", "process", "run", "status", "close",
                    "review", "seen", "accept", "reject", "verify", "claim", "demo"):
        check(altakt(command, "--help").out.strip(), f"{command} --help says nothing")


def test_no_workspace(folder):
    answer = altakt("-w", os.path.join(folder, "absent"), "status", expect=(FAILED, USAGE))
    contains(answer.err, "altakt init")


def test_covers_are_read_back(ws):
    """What covers prints, drawn by poppler as a scanner would see it, is a cover sheet again."""
    import glob
    import subprocess
    ws.register("file_number;volume;sheets\n33/1;1;1\n33/2;1;1\n")
    pdf = os.path.join(ws.folder, "covers.pdf")
    ws("covers", "--missing", "-o", pdf)
    subprocess.run(["pdftoppm", "-r", "200", "-jpeg", pdf, os.path.join(ws.folder, "cover")], check=True)
    sides = sorted(glob.glob(os.path.join(ws.folder, "cover-*.jpg")))
    equal(len(sides), 4, "sides: front and back of two covers")
    stack = Stack("printed")
    for n in (0, 1):
        stack.image(sides[2 * n])
        stack.image(sides[2 * n + 1])
        stack.sheet(Page(words(n + 1)))
    ws.run(stack.lay(ws.folder))
    equal([(f["file_number"], f["sheets"]) for f in ws.manifest()["files"]], [("33/1", 1), ("33/2", 1)], "files")
    check("33/1" not in ws("register", "list", "--missing").out, "a scanned file is still missing")


def test_sheets_off_the_prepared_count(ws):
    ws.register("file_number;sheets\n33/1;3\n")
    answer = ws.run(one_file().lay(ws.folder), expect=CHECK)
    contains(answer.err, "33/1", "3", "2")
    check(not os.path.exists(os.path.join(ws.path, "batches", ws.batch(), "manifest.json")), "it was closed")


def test_german_messages(ws):
    answer = altakt("-w", ws.path, "run", "--device", Stack("empty").lay(ws.folder), expect=WAITING,
                    env=environment(LC_ALL="C.UTF-8", LANGUAGE="de"))
    check(answer.err.strip(), "says nothing")


if __name__ == "__main__":
    main()
