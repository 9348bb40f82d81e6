"""The main job: paper in, bundles, manifest and claim out, and every count that of the paper."""
import csv
import glob
import json
import os
import re
import subprocess
from decimal import Decimal

from harness import (BLANK, SOURCE, Page, Skip, Stack, balance, check, contains, equal, files_below, independent,
                     main, read_chain, valid, words)

A, B, C = "33/12345-04", "Ä 7 § 2", "../../etc/passwd"


def three_files(ws):
    """Three files, 10 sheets, with what a blank side, sheet, turned page and colour do to counts."""
    stack = Stack()
    stack.cover(A)
    stack.sheet(Page(words(1)))                              # blank back
    stack.sheet(Page(words(2)), Page(words(3)))              # both sides
    stack.sheet(BLANK, Page(words(4)))                       # blank front, printed back
    stack.sheet(BLANK, BLANK)                                # a blank sheet
    stack.sheet(Page(words(5), skew=1.5, flags="bh"))
    stack.cover(B)
    stack.sheet(Page(kind="letter", seed=11), Page(kind="colour", seed=12))
    stack.sheet(Page(kind="form", seed=13))
    stack.sheet(Page(kind="letter", seed=14, rotate=180))
    stack.cover(C)
    stack.sheet(Page(words(6)))
    stack.sheet(Page(words(7)), Page(words(8)))
    return stack, stack.lay(ws.folder)


def test_counts_are_those_of_the_paper(ws):
    ws.register(f"file_number;sheets\n{A};5\n{B};3\n{C};2\n")
    stack, device = three_files(ws)
    said = ws.run(device)
    manifest = ws.manifest()
    balance(manifest)
    counts = manifest["counts"]
    found = {k: counts[k] for k in ("files", "sheets", "pages", "images", "blank_pages", "blank_sheets", "separators",
                                    "superseded", "voided", "ocr_failed")}
    equal(found, {"files": 3, "sheets": 10, "pages": 12, "images": 26, "blank_pages": 8, "blank_sheets": 1,
                  "separators": 3, "superseded": 0, "voided": 0, "ocr_failed": 0}, "counts")
    equal(manifest["balance"]["fed"], 13, "fed")
    equal([(f["file_number"], f["sheets"], f["pages"], f["images"]) for f in manifest["files"]],
          [(A, 5, 5, 10), (B, 3, 4, 6), (C, 2, 3, 4)], "files")
    equal([f["bundle"] for f in manifest["files"]],
          ["files/33=2F12345-04", "files/=C3=84=207=20=C2=A7=202", "files/=2E.=2F..=2Fetc=2Fpasswd"], "bundles")
    equal(len(ws.fed()), 13, "sheets fed in the ledger")
    check(said.seconds > 0, "ran")

    ws("verify")
    answer = ws("claim", expect=None)
    check(answer.code != 0, f"an unaccepted batch was claimed\n{answer}")
    ws.accept()
    ws("verify")
    ws("claim")
    claim = ws_claim(ws)
    equal((claim["files"], claim["sheets"]), (3, 10), "claimed")
    equal(Decimal(claim["amount"]), Decimal("2.35"), "3 x 0.75 + 10 x 0.01 EUR")
    equal(Decimal(claim["amount_files"]) + Decimal(claim["amount_sheets"]), Decimal(claim["amount"]), "amount")
    ws("verify")
    answer = ws("claim", expect=None)  # nothing is claimed twice
    equal(len(glob.glob(os.path.join(ws.path, "claims/*/claim.json"))), 1, "claims")

    # The ledger's chain by sha256sum alone.
    path = os.path.join(ws.path, "batches", ws.batch(), "ledger.jsonl")
    script = r'''prev=$(printf '0%.0s' $(seq 64)); n=0
while IFS= read -r line; do
  n=$((n + 1))
  case $line in *"\"prev\":\"$prev\""*) ;; *) echo "line $n"; exit 1 ;; esac
  prev=$(printf %s "$line" | sha256sum | cut -d' ' -f1)
  [ "$n" -eq "$2" ] && echo "$prev"
done <"$1"'''
    done = subprocess.run(["bash", "-c", script, "sh", path, str(manifest["ledger"]["events"])],
                          stdout=subprocess.PIPE, text=True, check=False)
    equal(done.stdout.strip(), manifest["ledger"]["head"], "head of the chain by sha256sum")

    # The spreadsheet's manifest opens in a German one: BOM, semicolons, the same figures.
    with open(os.path.join(ws.path, "batches", ws.batch(), "manifest.csv"), "rb") as f:
        data = f.read()
    check(data.startswith(b"\xef\xbb\xbf"), "manifest.csv has no BOM")
    rows = list(csv.reader(data.decode("utf-8-sig").splitlines(), delimiter=";"))
    check(any(A in row and "5" in row for row in rows), f"manifest.csv lacks the file: {rows}")

    judge_bundles(ws)
    judge_formats(ws)
    contains(independent(ws.path), "all batches: 3 files, 10 sheets", "claim 1: 3 files, 10 sheets, 2.35 EUR")
    ws_again(ws, device)


def ws_claim(ws):
    found = glob.glob(os.path.join(ws.path, "claims/*/claim.json"))
    equal(len(found), 1, "claims")
    for name in ("claim.csv", "claim.pdf"):
        check(os.path.getsize(os.path.join(os.path.dirname(found[0]), name)) > 100, f"{name} is empty")
    with open(found[0], encoding="utf-8") as f:
        return json.load(f)


def judge_formats(ws):
    valid("manifest", ws.manifest())
    for event in ws.ledger():
        valid("event", event)
    for event in read_chain(os.path.join(ws.path, "ledger.jsonl")):
        valid("event", event)
    with open(os.path.join(ws.path, "batches", ws.batch(), "acceptance.json"), encoding="utf-8") as f:
        valid("acceptance", json.load(f))
    valid("claim", ws_claim(ws))
    valid("status", ws("status", "--json").json)
    for path in files_below(os.path.join(ws.path, "files")):
        if os.path.basename(path) == "provenance.json" and os.path.exists(os.path.join(SOURCE, "config/schema/provenance.json")):
            with open(path, encoding="utf-8") as f:
                valid("provenance", json.load(f))


def ws_again(ws, device):
    """Nothing is left to feed: a further run feeds nothing and changes nothing."""
    before = ws.manifest()
    ws.run(device, expect=3)
    equal(ws.manifest(ws.batches()[0]), before, "manifest after a run with an empty feeder")
    equal(len(ws.batches()), 1, "an empty feeder opens no batch")


def judge(tool, *args):
    done = subprocess.run([tool, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode == 77:
        print(f"skipped: {done.stdout.strip()}")
        return ""
    check(done.returncode == 0, f"{tool} {' '.join(args)}: exit {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def judge_bundles(ws):
    """What is delivered, judged by programs that no one here wrote."""
    root = os.path.join(ws.path, "files")
    bags = sorted(os.path.join(root, name) for name in os.listdir(root))
    equal(len(bags), 3, "bags")
    pdfs = sorted(p for p in files_below(root) if p.endswith(".pdf"))
    equal(len(pdfs), 3, "PDF files")
    judge(os.path.join(SOURCE, "tests/tools/bagit"), *bags)
    judge(os.path.join(SOURCE, "tests/tools/verapdf"), *pdfs)
    judge(os.path.join(SOURCE, "tests/tools/text_layer"), *bags)
    for pdf in pdfs:
        judge("qpdf", "--check", pdf)
    text = {os.path.basename(p): judge("pdftotext", "-layout", p, "-") for p in pdfs}
    contains(text["33=2F12345-04.pdf"], *[words(n) for n in (1, 2, 3, 4, 5)])
    contains(text["=2E.=2F..=2Fetc=2Fpasswd.pdf"], *[words(n) for n in (6, 7, 8)])
    letter = set(re.findall(r"\w{4,}", Page(kind="letter", seed=11).text()))
    found = set(re.findall(r"\w{4,}", text["=C3=84=207=20=C2=A7=202.pdf"]))
    check(len(letter & found) >= 0.9 * len(letter), f"of the letter's words only {len(letter & found)} of "
          f"{len(letter)} are found; missing: {sorted(letter - found)[:20]}")
    altos = sorted(p for p in files_below(root) if "/data/alto/" in p)
    equal(len(altos), 12, "ALTO files")
    schema = os.path.join(SOURCE, "../shared/standards/alto/alto-3-0.xsd")
    if os.path.exists(schema):
        judge("xmllint", "--noout", "--nonet", "--schema", schema, *altos)
    else:
        print("skipped: the ALTO schema is not there")
    for bag in bags:
        with open(os.path.join(bag, "bag-info.txt"), encoding="utf-8") as f:
            info = f.read()
        contains(info, "External-Identifier: ", "Bag-Group-Identifier: " + ws.batch(), "Payload-Oxum: ", "Sheets: ",
                 "Pages: ", "Images: ")


def test_demo_ends_with_the_claim(folder):

    from harness import altakt
    target = os.path.join(folder, "demo")
    said = altakt("demo", target, timeout=900)
    manifests = [p for p in files_below(target) if os.path.basename(p) == "manifest.json"]
    claims = [p for p in files_below(target) if os.path.basename(p) == "claim.json"]
    equal((len(manifests), len(claims)), (1, 1), "manifests and claims of the demonstration")
    with open(manifests[0], encoding="utf-8") as f:
        manifest = json.load(f)
    with open(claims[0], encoding="utf-8") as f:
        claim = json.load(f)
    balance(manifest)
    equal(manifest["counts"]["files"], 3, "files of the demonstration")
    check(12 <= manifest["counts"]["sheets"] <= 16, f"about 14 sheets: {manifest['counts']}")
    equal((claim["files"], claim["sheets"]), (3, manifest["counts"]["sheets"]), "claimed")
    equal(Decimal(claim["amount"]), Decimal("2.25") + Decimal("0.01") * manifest["counts"]["sheets"], "amount")
    contains(said.out, str(manifest["counts"]["sheets"]))
    lines = [line for line in said.out.splitlines() if "/workspace/files/" in line]
    equal((len(lines), len({line.index("/workspace/files/") for line in lines})), (3, 1), f"aligned lines: {lines}")
    workspace = os.path.dirname(os.path.dirname(os.path.dirname(manifests[0])))
    altakt("-w", workspace, "verify")
    again = altakt("demo", target, expect=None, timeout=900)
    check(again.code in (0, 2), f"the demonstration a second time\n{again}")


def test_scanimage_feeds_the_whole_stack(folder):
    """The simulator from outside: SANE's own program gets every image, then 'out of documents'."""
    import shutil

    import simulator
    if not shutil.which("scanimage"):
        raise Skip("scanimage is not installed")
    stack = Stack("outside")
    for n in range(3):
        stack.sheet(Page(words(n + 1)), Page(words(n + 2)))
    device = stack.lay(folder)
    with open(os.path.join(folder, "dll.conf"), "w", encoding="utf-8") as f:
        f.write("paper\n")
    done = subprocess.run(["scanimage", "-d", device, "--source", "ADF Duplex", "--resolution", "100",
                           f"--batch={folder}/out%d.tiff", "--format=tiff"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
                          env=simulator.environment(SANE_CONFIG_DIR=folder))
    equal(len(glob.glob(os.path.join(folder, "out*.tiff"))), 6, f"images\n{done.stdout}\n")
    contains(done.stdout.lower(), "out of documents")


if __name__ == "__main__":
    main()
