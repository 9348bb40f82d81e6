"""Pages that nobody expects: each is kept with its image and without harm, bounded in time; the rest goes on."""
import collections
import html
import os
import random
import re
import shutil
import struct
import subprocess
import zlib

from harness import DONE, FAILED, Skip, Page, balance, check, contains, draw, environment, equal, files_below, independent, main, words


def png(path, width, height, pixel, dpi=200):
    """A grey PNG whose pixel(x, y) is a byte; nothing but zlib."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes(pixel(y)) for y in range(height))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
                chunk(b"pHYs", struct.pack(">IIB", round(dpi / 0.0254), round(dpi / 0.0254), 1)) +
                chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))
    return path


def noise(folder):
    dice = random.Random(1)
    return png(os.path.join(folder, "noise.png"), 1654, 2339, lambda y: dice.randbytes(1654))


def specks(folder):
    """Some 20,000 separate dots, each of 3 x 3 pixels."""
    dice = random.Random(2)
    rows = {}
    for k in range(20000):
        x, y = 12 * dice.randrange(137), 12 * dice.randrange(194)
        rows.setdefault(y, []).append(x)

    def row(y):
        line = bytearray(b"\xff" * 1654)
        for x in rows.get(y - y % 12, []) if y % 12 < 3 else []:
            line[x:x + 3] = b"\0\0\0"
        return line
    return png(os.path.join(folder, "specks.png"), 1654, 2339, row)


def strip(folder):
    return png(os.path.join(folder, "strip.png"), 1, 30000, lambda y: b"\0" if y % 7 else b"\xff")


def drawn(folder, name, page):
    draw([(page.path(), page.fields)])
    path = os.path.join(folder, name)
    shutil.copy(page.path(), path)
    return path


def scrawl(folder):
    """Handwriting, as far as a machine is concerned: loops without letters."""
    path = os.path.join(folder, "scrawl.png")
    loops = " ".join("C %d,%d %d,%d %d,%d" % tuple(200 + 12 * i + d if k % 2 == 0 else 400 + 250 * j + d
                     for k, d in enumerate((20, -90, -30, 80, 12, (i * 37) % 60 - 30)))
                     for j in range(6) for i in range(90))
    if not shutil.which("convert"):
        raise Skip("convert (imagemagick) is not installed")
    subprocess.run(["convert", "-size", "1654x2339", "xc:white", "-fill", "none", "-stroke", "black", "-strokewidth", "3",
                    "-draw", f"path 'M 200,400 {loops}'", "-density", "200", "-units", "PixelsPerInch", path], check=True)
    return path


def recalled(ws, number, pages):
    """The share of the pages' words that the bundle's ALTO has; a word counts as often as it is drawn."""
    wanted = collections.Counter(word for page in pages for word in page.text().split())
    folder = os.path.join(ws.path, next(f["bundle"] for f in ws.manifest()["files"] if f["file_number"] == number), "data/alto")
    read = collections.Counter()
    for path in files_below(folder):
        with open(path, encoding="utf-8") as f:
            read.update(html.unescape(word) for word in re.findall(r'CONTENT="([^"]*)"', f.read()))
    return (wanted & read).total() / wanted.total()


def test_each_is_kept(ws):
    photo, upside_down = Page(kind="photo"), Page(kind="letter", rotate=180)
    images = [noise(ws.folder), specks(ws.folder), strip(ws.folder), scrawl(ws.folder),
              drawn(ws.folder, "photo.jpg", photo),
              drawn(ws.folder, "upside_down.jpg", upside_down)]
    ws("run", "--import", "--simplex", "--file", "33/1", "--sheets", len(images), *images, timeout=500)
    manifest = ws.manifest()
    balance(manifest)
    equal(manifest["counts"]["sheets"], len(images), "sheets")
    equal((manifest["counts"]["pages"], manifest["counts"]["blank_pages"]), (len(images), 0), "pages kept, and blank ones")
    done = {e["sheet"].split("/")[1]: e for e in ws.ledger() if e["event"] == "page_done"}
    equal(sorted(done, key=int), [str(n) for n in range(1, len(images) + 1)], "sheets whose page was done")
    by_name = {os.path.basename(i).split(".")[0]: done[str(n)] for n, i in enumerate(images, 1)}
    unsure = "orientation_unsure"
    equal({name: (e["flags"], e["words"] > 0) for name, e in by_name.items()},
          {"noise": ([unsure, "encoding_fell_back"], False), "specks": ([unsure], False), "strip": ([unsure], False),
           "scrawl": ([], False), "photo": ([], True), "upside_down": ([], True)}, "flags, and whether words were read")
    equal(manifest["counts"]["ocr_failed"], 0, "pages without text")
    last = done[str(len(images))]
    equal(last["rotated_deg"], 180, "the page that lay upside down")
    share = recalled(ws, "33/1", [photo, upside_down])
    check(share > 0.95, f"{share:.1%} of the words were read, beside a photo and upside down")
    for n, event in done.items():
        took = event["ms"]
        check(sum(took.values()) < 130000, f"sheet {n} took {took}")
    ws("verify")
    independent(ws.path)


def test_models_that_are_not_there(ws):
    page = drawn(ws.folder, "page.jpg", Page(words(5)))
    ws("import", "--simplex", "--file", "33/1", "--sheets", "1", page)
    contains(ws("process", env=environment(TESSDATA_PREFIX="/nowhere"), expect=FAILED).err, "/nowhere", "TESSDATA_PREFIX")
    contains(ws("--set", "ocr.languages=deu+tlh", "process", expect=FAILED).err, "tesseract-ocr-tlh")
    damaged = os.path.join(ws.folder, "models")
    os.mkdir(damaged)
    with open(os.path.join(damaged, "deu.traineddata"), "wb") as f:
        f.write(b"rubbish" * 1000)
    contains(ws("--set", f"ocr.tessdata={damaged}", "process", expect=FAILED).err, "damaged", "--reinstall tesseract-ocr-deu")
    # Nothing was recorded as failed: with the models in order the page is read.
    ws("process")
    equal([e["event"] for e in ws.ledger() if e["event"].startswith("page")], ["page_done"], "events of pages")


def test_a_model_whose_inside_is_damaged(ws):
    """Its table of contents is sound, what it promises is not: the run stops and says so, no page pays for it."""
    system = "/usr/share/tesseract-ocr/5/tessdata/deu.traineddata"
    if not os.path.exists(system):
        raise Skip("no German model here")
    models = os.path.join(ws.folder, "models")
    os.mkdir(models)
    with open(system, "rb") as f, open(os.path.join(models, "deu.traineddata"), "wb") as g:
        data = f.read()
        g.write(data[:300] + bytes(len(data) - 300))
    ws("import", "--simplex", "--file", "33/1", "--sheets", "1", drawn(ws.folder, "page.jpg", Page(words(5))))
    contains(ws("--set", f"ocr.tessdata={models}", "process", expect=FAILED).err, "'deu'", "--reinstall")
    ws("process")
    equal([e["event"] for e in ws.ledger() if e["event"].startswith("page")], ["page_done"], "events of pages")


def test_languages_of_the_register_and_auto(ws):
    ws.register("file_number;languages\n33/1;tlh, deu\n33/2;\n")
    for number, name in (("33/1", "a.jpg"), ("33/2", "b.jpg")):
        ws("import", "--simplex", "--batch", "b", "--file", number, "--sheets", "1", drawn(ws.folder, name, Page(
            kind="letter", seed=ord(name[0]))))
    osd = os.path.exists("/usr/share/tesseract-ocr/5/tessdata/osd.traineddata")
    if osd:
        ws("--set", "ocr.languages=auto", "process")
    else:
        contains(ws("--set", "ocr.languages=auto", "process", expect=FAILED).err, "tesseract-ocr-osd")
        ws("process")
    ws("close", "b", expect=DONE)
    first, second = [e for e in sorted((e for e in ws.ledger() if e["event"] == "page_done"), key=lambda e: e["sheet"])]
    equal((first["languages"], first["flags"]), ("deu", ["language_missing:tesseract-ocr-tlh"]), "the register's languages")
    equal(ws.manifest()["files"][0]["flags"], ["language_missing:tesseract-ocr-tlh"], "flags of the file")
    if osd:
        equal(second["script"], "Latin", "script")
    equal(second["languages"], "deu+eng" if osd else "deu", "languages")
    for number, letter in (("33/1", "a"), ("33/2", "b")):
        share = recalled(ws, number, [Page(kind="letter", seed=ord(letter))])
        check(share > 0.95, f"{share:.1%} of the words of {number} were read")
    contains(ws("review", "b").out, "language_missing:tesseract-ocr-tlh")


main()
