"""Counting rules: what a batch was opened with holds, whatever altakt.ini says later; own rule sets; rates."""
import hashlib
import json
import os
import subprocess

from harness import (BLANK, DONE, FAILED, SOURCE, USAGE, WAITING, Page, Stack, balance, contains, equal, independent,
                     main, valid, words)

OURS = """[rules]
name = ours
version = 3
count_blank_sheets = no
photos = operator
[claim]
rate_file = 1.335
rate_sheet = 0,005
rounding = half-even
[grant]
period_from = 2026-01-01
period_to = 2020-12-31
"""


def feed(ws, number, sheets=1):
    """A file of that many written sheets and one that is blank on both sides."""
    stack = Stack(number.replace("/", "-"))
    stack.cover(number)
    for i in range(sheets):
        stack.sheet(Page(words(i)))
    stack.sheet(BLANK, BLANK)
    before = set(ws.batches())
    ws.run(stack.lay(ws.folder))
    batch, = set(ws.batches()) - before
    return batch


def write_rules(ws, text, name="ours"):
    os.makedirs(os.path.join(ws.path, "rules"), exist_ok=True)
    path = os.path.join(ws.path, f"rules/{name}.ini")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def claim_of(ws, n):
    claim = ws("claim", "show", n, "--json").json
    valid("claim", claim)
    return claim


def pdf_text(ws, n):
    path = os.path.join(ws.path, f"claims/{n:04d}/claim.pdf")
    return subprocess.run(["pdftotext", "-layout", path, "-"], stdout=subprocess.PIPE, check=True).stdout.decode()


def test_a_batch_keeps_the_rules_it_was_opened_with(ws):
    shipped = sha256(os.path.join(SOURCE, "config/rules/hessen-2020.ini"))
    first = feed(ws, "33/1")
    rules = ws.manifest(first)["rules"]
    equal((rules["name"], rules["version"], rules["hash"]), ("hessen-2020", 1, shipped), "rules of the manifest")
    equal(rules["rates"], {"file": "0.75", "sheet": "0.01", "rounding": "half-up", "currency": "EUR"}, "its rates")
    equal(rules["kinds"], {"file_covers": "count", "notes": "operator", "photos": "count", "passports": "count",
                           "oversize": "count", "volumes": "one-file"}, "what it says of each kind of paper")
    valid("manifest", ws.manifest(first))

    ours = write_rules(ws, OURS)
    ws.settings(rules__name="ours")
    second = feed(ws, "33/2", 2)
    equal(ws.manifest(second)["rules"]["hash"], ours, "hash of rules of one's own")
    equal((ws.manifest(first)["counts"]["sheets"], ws.manifest(second)["counts"]["sheets"]), (2, 2), "sheets")

    # The rules' file is changed, and the first batch opened again: each keeps what it had.
    write_rules(ws, OURS.replace("version = 3", "version = 4").replace("1.335", "2").replace("= no", "= yes"))
    sheet = ws.fed(second)[1]["sheet"]
    ws("sheet", "void", sheet, "--by", "Erika Mustermann", "--reason", "doppelt")
    sheet = ws.fed(first)[1]["sheet"]
    ws("sheet", "void", sheet, "--by", "Erika Mustermann", "--reason", "doppelt")
    ws("process")
    for batch, name, version, counted in ((first, "hessen-2020", 1, 1), (second, "ours", 3, 1)):
        ws("close", batch)
        manifest = ws.manifest(batch)
        equal((manifest["revision"], manifest["rules"]["name"], manifest["rules"]["version"]), (2, name, version), batch)
        equal(manifest["counts"]["sheets"], counted, f"sheets of {batch}, closed again")
        contains(ws("rules", batch).out, f"'{name}', version {version}", manifest["rules"]["hash"])
        equal(ws("rules", batch, "--json").json, manifest["rules"], "rules --json")
    contains(ws("rules", first).out, "blank on both sides counts", "A photo counts as a sheet", "0.75 €", "0.01 €")
    contains(ws("rules", second).out, "blank on both sides does not count", "a photo counts, whoever feeds decides",
             "1.335 €", "0.005 €", "half-even")
    contains(ws("rules").out, "'ours', version 4", "2 €")
    ws("rules", "nothing", expect=USAGE)
    ws("rules", first, second, expect=USAGE)

    # Each at the rates that it was opened with: two claims.
    for batch in (first, second):
        ws.accept(batch)
    answer = ws("claim")
    contains(answer.err, f"left out: {second} (other_rates)", "a claim of their own: altakt claim",
             "the period of the grant is 2026-01-01 to 2020-12-31")
    contains(answer.out, "counting rules hessen-2020, version 1, of 1 batch ")
    one = claim_of(ws, 1)
    equal((one["files"], one["sheets"], one["amount"]), (1, 1, "0.76"), "the first claim")
    equal((one["rules"]["name"], one["rules"]["hash"], one["rates"]["of"]), ("hessen-2020", shipped, "rules"), "its rules")
    ws("claim")
    two = claim_of(ws, 2)
    # 1.335 is 134 cents by half-even, 0.005 is none.
    equal((two["files"], two["sheets"], two["amount_files"], two["amount_sheets"]), (1, 1, "1.34", "0.00"), "the second claim")
    equal((two["rules"]["name"], two["rules"]["version"], two["rules"]["hash"]), ("ours", 3, ours), "its rules")
    equal(two["counted_by"], [{"name": "ours", "version": 3, "hash": ours, "batches": 1}], "counted by")
    text = pdf_text(ws, 2)
    contains(text, "ours, version 3", "does not count", "whoever feeds decides", ours[:20])
    contains(pdf_text(ws, 1), "hessen-2020, version 1", shipped[:20])
    ws("claim", expect=WAITING)
    ws("verify")
    independent(ws.path)


def test_rates_that_altakt_ini_says_are_those_of_each_claim(ws):
    first = feed(ws, "33/1")
    write_rules(ws, OURS)
    ws.settings(rules__name="ours")
    second = feed(ws, "33/2")
    for batch in (first, second):
        ws.accept(batch)
    # 2 files and 3 sheets
    for rate, rounding, file, sheet in (("0.005", "half-up", "0.01", "0.02"), ("0.005", "half-even", "0.01", "0.02"),
                                        ("0.005", "down", "0.01", "0.01"), ("1,335", "half-up", "2.67", "4.01"),
                                        ("1.335", "half-even", "2.67", "4.00"), ("1.335", "down", "2.67", "4.00")):
        ws.settings(claim__rate_file=rate, claim__rate_sheet=rate, claim__rounding=rounding)
        claim = ws("claim", "--dry-run", "--json").json
        equal((claim["amount_files"], claim["amount_sheets"]), (file, sheet), f"{rate} {rounding}")
    contains(ws("rules").out, "altakt.ini itself says rates")
    ws.settings(claim__rate_file="0,75", claim__rate_sheet="0.01", claim__rounding="half-up")
    ws("claim")
    claim = claim_of(ws, 1)
    equal((claim["amount"], claim["rates"]["of"], claim["rates"]["file"]), ("1.53", "settings", "0.75"), "the claim")
    equal([(r["name"], r["batches"]) for r in claim["counted_by"]], [("hessen-2020", 1), ("ours", 1)], "counted by")
    contains(pdf_text(ws, 1), "hessen-2020, version 1, batches 1", "ours, version 3, batches 1")
    # Claims of one workspace are in one currency.
    ws.settings(claim__currency="CHF")
    contains(ws("claim", expect=FAILED).err, "claim 1 is in EUR, this one would be in CHF")
    ws("verify")
    independent(ws.path)


def test_blank_sheets_that_do_not_count(ws):
    """They are in no count of the bundle; a file of nothing else keeps one page, so that it can be found."""
    write_rules(ws, OURS)
    ws.settings(rules__name="ours")
    stack = Stack("blank")
    stack.cover("33/1")
    stack.sheet(BLANK, BLANK).sheet(Page(words(1))).sheet(BLANK, BLANK)
    stack.cover("33/2")
    stack.sheet(BLANK, BLANK).sheet(BLANK, BLANK)
    ws.run(stack.lay(ws.folder))
    manifest = ws.manifest()
    balance(manifest)
    equal((manifest["counts"]["files"], manifest["counts"]["sheets"], manifest["counts"]["blank_sheets"]), (1, 1, 4), "counts")
    equal(manifest["balance"]["blank_uncounted"], 4, "blank sheets that do not count")
    for number, sheets, blank in (("33=2F1", 1, 2), ("33=2F2", 0, 2)):
        bag = os.path.join(ws.path, "files", number)
        with open(os.path.join(bag, "bag-info.txt"), encoding="utf-8") as f:
            contains(f.read(), f"Sheets: {sheets}\n", "Pages: 1\n", f"Images: {2 * sheets}\n")
        with open(os.path.join(bag, "data/provenance.json"), encoding="utf-8") as f:
            made = json.load(f)["sheets"]
        equal(sum(s.get("counted", True) for s in made), sheets, f"counted sheets of {number}")
        equal(sum("blank_uncounted" in s.get("flags", []) for s in made), blank, f"blank ones of {number}")
    ws("verify")
    independent(ws.path)
    ws.accept()
    ws("claim")
    claim = claim_of(ws, 1)
    equal((claim["files"], claim["sheets"], claim["blank_sheets"]["sheets"]), (1, 1, 0), "the claim")


def test_rules_that_cannot_be(ws):
    write_rules(ws, OURS)
    ws.settings(rules__name="ours")
    ws("status")
    for text, said in ((OURS.replace("0,005", "abc"), "ours.ini:8: 'abc' is no value for 'claim.rate_sheet'"),
                       (OURS + "applicant = x\n", "ours.ini:13: 'grant.applicant' is no counting rule"),
                       (OURS.replace("photos = operator", "volumes = each"), "'each' is no value for 'rules.volumes'"),
                       (OURS.replace("= ours", "= hessen-2020"), "these are the rules 'hessen-2020', not 'ours'")):
        write_rules(ws, text)
        contains(ws("status", expect=FAILED).err, said)
    os.remove(os.path.join(ws.path, "rules/ours.ini"))
    contains(ws("status", expect=FAILED).err, "there are no counting rules 'ours'", "rules/ours.ini")
    write_rules(ws, "[rules]\nname = ../../etc/x\n", "x")
    ws.settings(rules__name="../x")
    contains(ws("status", expect=FAILED).err, "is no value for 'rules.name'")


if __name__ == "__main__":
    main()
