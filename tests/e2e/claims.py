"""Claims as finance staff meet them: files that the register does not know, payments, each cent down
to its sheet, the annex by file number, and settings that cannot be."""
import csv
import io
import json
import os
import shutil
import subprocess

from harness import (DONE, FAILED, SOURCE, USAGE, WAITING, Page, Stack, Workspace, altakt, check, contains, environment,
                     equal, main, words)


def second_check(path, expect=DONE):
    done = subprocess.run([os.path.join(SOURCE, "config/verify-manifest"), path], stdout=subprocess.PIPE)
    equal(done.returncode, expect, f"the second check: {done.stdout.decode()}")
    return done.stdout.decode()


def feed(ws, name, files, expect=DONE):
    stack = Stack(name)
    for number, sheets in files:
        stack.cover(number)
        for i in range(sheets):
            stack.sheet(Page(words(i)))
    return ws.run(stack.lay(ws.folder), expect=expect)


def claim_of(ws, n):
    return ws("claim", "show", n, "--json").json


def annex(ws, n):
    text = ws("claim", "annex", n).out
    check(text.startswith("\ufeff"), "the annex has no BOM")
    return list(csv.DictReader(io.StringIO(text[1:]), delimiter=";"))


def drilled(ws, n):
    """Sheets and files of a claim as --sheets has them, signed."""
    lines = ws("claim", "show", n, "--sheets", "--json").json
    signed = [(line.get("correction", 1), line["file_number"]) for line in lines]
    return sum(sign for sign, _ in signed), signed


def pdf_text(ws, n, **env):
    path = os.path.join(ws.path, f"claims/{n:04d}/claim.pdf")
    return subprocess.run(["pdftotext", "-layout", path, "-"], stdout=subprocess.PIPE, check=True).stdout.decode()


def test_files_that_the_register_does_not_know(ws):
    ws.settings(review__leads="l.lead", grant__applicant="Stadt Musterhausen", grant__deadline="2027-06-30",
                grant__ceiling="100,00")
    with open(os.path.join(ws.path, "altakt.ini"), encoding="utf-8") as f:
        text = f.read()
    with open(os.path.join(ws.path, "altakt.ini"), "w", encoding="utf-8") as f:
        f.write(text.replace("[payments]\n", "[payments]\n2026-03-01 = 0,50\n2026-09-01 = 0.25\n"))
    ws.register("file_number\n33/1\n33/2\n")
    feed(ws, "one", [("33/1", 3), ("33/9", 2)], expect=WAITING)
    batch = ws.batch()
    unknown = next(e["sheet"] for e in ws.fed() if "unknown_file" in e.get("suspects", []))
    ws("decide", unknown, "keep", "--by", "Erika Mustermann", "--reason", "steht auf der Akte")  # no lead
    ws("run", "--device", "paper:" + os.path.join(ws.folder, "one"), expect=(DONE, WAITING))
    ws("process")
    ws("close", batch)
    ws.accept(lead="l.lead")
    answer = ws("claim")
    contains(answer.err, "unregistered", "altakt register allow",
             "a dash there: grant.reference, grant.period_from, grant.period_to\n")
    one = claim_of(ws, 1)
    equal((one["files"], one["sheets"], one["amount"]), (1, 3, "0.78"), "the first claim")
    equal(one["unregistered"]["left_out"], {"files": 1, "sheets": 2}, "what the first claim leaves out")
    equal((one["paid"], one["unpaid"]), ("0.75", "0.03"), "payments")
    equal(len(one["payments"]), 2, "payments")
    equal(drilled(ws, 1)[0], 3, "sheets of the first claim")
    text = pdf_text(ws, 1)
    contains(text, "Not in the register and not claimed: case files 1, sheets 2.", "Payment received on 2026-03-01",
             "Deadline of the application", "Factually correct", "Arithmetically correct")
    check("33/1" not in text and "33/9" not in text, "the PDF names file numbers")
    ws("verify")
    second_check(ws.path)

    # The operator cannot, the lead can; then it is a signed line of the next claim.
    ws("claim", expect=WAITING)
    ws("register", "allow", "33/9", "--by", "Erika Mustermann", "--reason", "x", expect=USAGE)
    ws("register", "allow", "33/1", "--by", "l.lead", "--reason", "x", expect=USAGE)
    ws("register", "allow", "33/9", "--by", "l.lead", expect=USAGE)
    ws("register", "allow", " 33 / 9", "--by", "l.lead", "--reason", "Zuzug, Liste nicht nachgezogen")
    feed(ws, "two", [("33/2", 2), ("33/1", 1)])
    second = next(b for b in ws.batches() if b != batch)
    ws.accept(second, lead="l.lead")
    ws("claim")
    two = claim_of(ws, 2)
    line, = two["corrections"]
    equal((line["files"], line["sheets"], line["amount"], line["reason"]), (1, 2, "0.77", "registered"), "the line")
    equal((two["files"], two["sheets"], two["amount"], two["total"]), (1, 3, "1.55", "2.33"), "the second claim")
    equal(two["unregistered"]["claimed"], {"files": 1, "sheets": 2}, "let in by a lead")
    ws("verify")
    second_check(ws.path)
    for n, claim in ((1, one), (2, two)):
        rows = annex(ws, n)
        corrections = {key: sum(c[key] for c in claim["corrections"]) for key in ("files", "sheets")}
        for key in ("files", "sheets"):
            equal(sum(int(r[key]) for r in rows), claim[key] + corrections[key], f"the annex's {key} of claim {n}")
        equal(drilled(ws, n)[0], claim["sheets"] + corrections["sheets"], f"sheets of claim {n}, one by one")

    # A sheet voided and another moved after the claim: both claims still drill down to the same.
    sheets = [e["sheet"] for e in ws.fed(second) if not e["separator"]]
    ws("sheet", "void", sheets[0], "--by", "l.lead", "--reason", "doppelt")
    ws("process")
    ws("close", second)
    ws.accept(second, lead="l.lead")
    ws("claim")
    three = claim_of(ws, 3)
    equal((three["files"], three["sheets"], three["amount"]), (0, 0, "-0.01"), "the third claim")
    total, lines = drilled(ws, 3)
    equal((total, lines), (-1, [(-1, "33/2")]), "sheets of the third claim")
    equal([(r["file_number"], r["sheets"], r["files"]) for r in annex(ws, 3)], [("33/2", "-1", "0")], "its annex")
    equal(drilled(ws, 2)[0], 5, "sheets of the second claim, afterwards")
    ws("verify")
    second_check(ws.path)

    # The whole batch was a mistake: everything comes back, and the file 33/2 with it.
    ws("abandon", second, "--by", "l.lead", "--reason", "falscher Stapel", expect=(DONE, USAGE))
    for args in (("claim", "settle", 1, "--amount", "-1"), ("claim", "settle", 1, "--amount", "abc"),
                 ("claim", "settle", 9, "--amount", "1")):
        ws(*args, expect=USAGE)
    contains(ws("claim", "settle", 1, "--amount", "0,78", "--by", "f.finanz").out, "Claim 1: 0.78 € were granted")
    ws("verify")


def test_report_with_people_and_costs(ws):
    feed(ws, "one", [("33/1", 2)])
    quiet = ws("report", "--json").json
    equal((quiet["operators"], quiet["cost"]), ([], {}), "a report without settings of its own")
    contains(ws("report").out, "<svg", "</html>")
    ws.settings(report__by_operator="yes", report__budget="500", report__cost_fixed="100,50",
                report__cost_station_day="350")
    report = ws("report", "--json").json
    equal(report["cost"], {"station_days": 1, "spent": "450.50", "expected": "450.50", "budget": "500.00",
                           "over": False}, "costs")
    person, = report["operators"]
    equal(person["sheets"], 2, "sheets of a person, cover sheets apart")
    scanner, = report["scanners"]
    equal((scanner["station"], scanner["sheets"]), ("st1", 2), "sheets of a scanner")
    html = ws("report").out
    check(person["operator"] in html and "Mustermann" not in html, "the report names a person")
    try:
        import jsonschema
    except ImportError:
        return
    with open(os.path.join(SOURCE, "config/schema/report.json"), encoding="utf-8") as f:
        schema = json.load(f)
    for one in (quiet, report):
        jsonschema.validate(one, schema)


def test_the_longest_names(ws):
    """A file system takes 255 bytes for a name: number and batch together may be longer."""
    number = "ä" * 32
    for letter in "ab":
        stack = Stack(letter)
        stack.sheet(Page(words(1)))
        ws.run(stack.lay(ws.folder), "--file", number, "--batch", letter * 64)
        ws.accept(letter * 64)
    bundles = os.listdir(os.path.join(ws.path, "files"))
    equal(len(bundles), 2, f"bundles: {bundles}")
    ws("verify")
    second_check(ws.path)
    ws("claim")
    claim = claim_of(ws, 1)
    equal((claim["files"], claim["sheets"]), (1, 2), "files and sheets")


def test_settings_that_cannot_be(ws):
    """Named with file and line at the start of any command; a German comma is none of them."""
    ini = os.path.join(ws.path, "altakt.ini")
    with open(ini, encoding="utf-8") as f:
        good = f.read()
    ws.settings(claim__rate_file="0,75", claim__rate_sheet="0,01", grant__ceiling="27000,00")
    ws("status")
    for name, value in (("claim__rate_file", "abc"), ("claim__rate_file", "1e3"), ("claim__rate_file", "-1"),
                        ("claim__timezone", "Europe/Bielefeld"), ("claim__timezone", "Europe"),
                        ("claim__timezone", "../../etc/passwd"), ("register__pattern", "33/[0-9"),
                        ("grant__deadline", "2026-02-30"), ("claim__rounding", "up"), ("station__clock_tolerance", "61")):
        with open(ini, "w", encoding="utf-8") as f:
            f.write(good)
        ws.settings(**{name: value})
        with open(ini, encoding="utf-8") as f:
            key = name.split("__")[1]
            line = next(i for i, text in enumerate(f, 1) if text.startswith(f"{key} = {value}"))
        contains(ws("status", expect=FAILED).err, f"altakt.ini:{line}: ", value)
    for payment in ("2026-13-01 = 5", "2026-03-01 = fünf", "gestern = 5"):
        with open(ini, "w", encoding="utf-8") as f:
            f.write(good.replace("[payments]\n", "[payments]\n" + payment + "\n"))
        contains(ws("status", expect=FAILED).err, "altakt.ini:", "is no payment")
    with open(ini, "w", encoding="utf-8") as f:
        f.write(good)
    ws("--set", "payments.2026-03-01=5", "status", expect=USAGE)
    ws("--set", "claim.rate_file=5", "status", expect=USAGE)
    for inside in ("copy", "spool/copy", "a/b/c"):
        contains(ws("backup", os.path.join(ws.path, inside), expect=USAGE).err, "lies in the workspace")
        check(not os.path.exists(os.path.join(ws.path, inside)), "a folder was made in the workspace")


if __name__ == "__main__":
    main()
