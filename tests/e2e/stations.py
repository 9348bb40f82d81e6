"""The same case file in several batches, volumes and stations: its sheets add, the file counts once, over
all claims, through collect, cancellation and correction; and each cent drills down to its sheet."""
import csv
import hashlib
import io
import json
import os
import shutil
import subprocess

from harness import (CHECK, DONE, USAGE, WAITING, Page, Skip, Stack, Workspace, altakt, check, contains, equal, files_below,
                     independent, main, read_chain, stop, valid, words)


def station(folder, name, **settings):
    ws = Workspace(folder, os.path.join(folder, name))
    ws.settings(station__name=name, **({"claim__authority": ""} | settings))
    return ws


def batch(ws, name, *files):
    """A batch, fed, closed and accepted; files: (number, volume, sheets)."""
    stack = Stack(f"{name}-paper")
    for number, volume, sheets in files:
        stack.cover(number, volume)
        for i in range(sheets):
            stack.sheet(Page(words(i)))
    ws.run(stack.lay(ws.folder), "--batch", name)
    ws.accept(name)


def counted(n, thing):
    return f"{n} {thing}{'s' * (n != 1)}"


def claim(ws, n, *figures):
    """Makes claim n; figures: (files, sheets, amount). What stands behind it adds up to it."""
    answer = ws("claim")
    with open(os.path.join(ws.path, f"claims/{n:04d}/claim.json"), "rb") as f:
        sha256 = hashlib.sha256(f.read()).hexdigest()
    with open(os.path.join(ws.path, "ledger.jsonl"), "rb") as f:
        head = hashlib.sha256(f.read().splitlines()[-1]).hexdigest()
    contains(answer.out, f"receipt: claim {n}, {counted(figures[0], 'file')}, {counted(figures[1], 'sheet')}, {figures[2]} EUR, "
             f"SHA-256 {sha256}, ledger {head}\n")
    made = ws("claim", "show", n, "--json").json
    valid("claim", made)
    equal((made["files"], made["sheets"], made["amount"]), figures, f"claim {n}")
    changed = {key: made[key] + sum(c[key] for c in made["corrections"]) for key in ("files", "sheets")}
    sheets = ws("claim", "show", n, "--sheets", "--json").json
    equal(sum(s.get("correction", 1) for s in sheets), changed["sheets"], "sheets, one by one")
    rows = list(csv.DictReader(io.StringIO(ws("claim", "annex", n).out.lstrip("\ufeff")), delimiter=";"))
    equal([sum(int(r[key]) for r in rows) for key in ("files", "sheets")], list(changed.values()), "the annex")
    ws("verify")
    independent(ws.path)
    return made


def copied(ws):
    copy = os.path.join(ws.folder, "copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ws.path, copy)
    os.remove(os.path.join(copy, "journal.sqlite"))
    return copy


def edited(ws, n, change):
    """A copy of the workspace whose claim n somebody edited, with all sums in it right."""
    copy = copied(ws)
    path = os.path.join(copy, f"claims/{n:04d}/claim.json")
    with open(path, encoding="utf-8") as f:
        made = json.load(f)
    change(made)
    os.chmod(path, 0o600)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(made, f, indent=1)
    return copy


def chain_rewrite(copy, n):
    """The workspace's ledger anew, with the hash that claim n has now, and all hashes after it."""
    with open(os.path.join(copy, f"claims/{n:04d}/claim.json"), "rb") as f:
        sha256 = hashlib.sha256(f.read()).hexdigest()
    path, before, lines = os.path.join(copy, "ledger.jsonl"), "0" * 64, []
    for event in read_chain(path):
        if event["event"] == "claim_made" and event["claim"] == n:
            event["sha256"] = sha256
        event["prev"] = before
        lines.append(json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode())
        before = hashlib.sha256(lines[-1]).hexdigest()
    with open(path, "wb") as f:
        f.write(b"".join(line + b"\n" for line in lines))
    os.remove(os.path.join(copy, "ledger.head"))


def test_a_file_counts_once_over_batches_volumes_and_stations(folder):
    office = station(folder, "st1", claim__authority="Stadt Musterhausen")
    other = station(folder, "st2")
    batch(office, "a1", ("33/Ü-1", 1, 3))
    batch(other, "b1", ("33 / ü-1", 1, 2), ("33/2", 1, 1))  # the same number, as somebody else typed it
    contains(other("claim", expect=1).err, "claim.authority")
    contains(office("collect", other.path).out, "1 batch taken, 0 brought up to date, 0 were here already, 0 are still")
    first = claim(office, 1, 2, 6, "1.56")
    equal([(b["batch"], b["files"], b["sheets"], b["files_again"]) for b in first["batches"]],
          [("a1", 1, 3, 0), ("b1", 1, 3, 1)], "the file counts in the first batch that has it")

    # Once more from a copy on a disk: nothing is new. A second volume, after the first was claimed.
    disk = os.path.join(folder, "disk")
    shutil.copytree(other.path, disk)
    contains(office("collect", disk).out, "0 batches taken, 0 brought up to date, 1 was here already")
    office("claim", expect=3)
    batch(other, "b2", ("33/Ü-1", 2, 4))
    office("collect", other.path)
    second = claim(office, 2, 0, 4, "0.04")
    equal((second["total"], second["batches"][0]["files_again"]), ("1.60", 1), "the second volume")
    lines = office("claim", "show", 2, "--sheets", "--json").json
    equal({(s["sheet"].split("/")[0], s["volume"]) for s in lines}, {("b2", 2)}, "where its sheets lie")

    # Cancelled: its sheets can be claimed again, its number stays used.
    office("claim", "cancel", 1, "--by", "f.finanz", "--reason", "zuerst die zweite", expect=USAGE)
    office("claim", "cancel", 2, "--by", "f.finanz", "--reason", "falscher Zeitraum")
    independent(office.path)
    equal(claim(office, 3, 0, 4, "0.04")["earlier"][1]["state"], "cancelled", "claim 2")

    # What the first batch had of it was a mistake: its sheets go, the file stays, for other batches have it.
    office("abandon", "a1", "--by", "Max Mustermann", "--reason", "falscher Stapel", expect=USAGE)
    office("sheet", "void", "a1/2..a1/4", "--by", "Max Mustermann", "--reason", "falscher Stapel")
    office("process")
    office("close", "a1")
    office.accept("a1")
    line, = claim(office, 4, 0, 0, "-0.03")["corrections"]
    equal((line["claim"], line["files"], line["sheets"], line["amount"]), (1, 0, -3, "-0.03"), "the correction")
    equal(sum(int(c["amount"].replace(".", "")) for c in office("claim", "list", "--json").json
              if c["state"] != "cancelled"), 2 * 75 + 7, "cents of all claims")

    # A claim with a file more, in which each sum is right; a batch in it twice: both checks say so.
    def more(made):
        made["files"] += 1
        made["batches"][0]["files"] += 1
        made["amount_files"], made["amount"] = "2.25", "2.31"

    def twice(made):
        made["batches"].append(first["batches"][0])
        made["sheets"] += 3
        made["files"] += 1
        made["amount_files"], made["amount_sheets"], made["amount"] = "0.75", "0.07", "0.82"

    for n, change, where in ((1, more, "files of batch a1"), (3, twice, "a1 is in an earlier claim")):
        copy = edited(office, n, change)
        contains(altakt("verify", copy, expect=CHECK).out, f"claims/{n:04d}/claim.json")
        contains(independent(copy, CHECK), where, "sha256")


def test_a_claim_says_who_else_counted(ws):
    """The count by hand, settled differences, files that nobody else counted: in JSON, CSV and PDF."""
    ws.register("file_number;sheets\n33/1;2\n33/2;\n33/3;4\n")
    for name, number, sheets in (("a", "33/1", 2), ("b", "33/2", 1), ("c", "33/3", 3)):
        stack = Stack(name)
        stack.cover(number)
        for i in range(sheets):
            stack.sheet(Page(words(i)))
        ws.run(stack.lay(ws.folder), "--batch", name, expect=(DONE, CHECK))
    ws("settle", "c", "--file", "33/3", "--by", "Max Mustermann", "--reason", "Begleitzettel verschrieben")
    ws("close", "c")
    ws("count", "a", "--sheets", 3, "--by", "Max Mustermann", expect=CHECK)
    ws("settle", "a", "--file", "33/1", "--by", "Max Mustermann", "--reason", "ein Notizzettel mitgezählt")
    for name in "abc":
        ws.accept(name)
    # The newest event of a chain, with the difference taken out of it: the acceptance stands against it.
    copy = copied(ws)
    path = os.path.join(copy, "batches/a/ledger.jsonl")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    check('"hand_settled":true' in text.splitlines()[-1], f"the last event does not say what was settled: {text}")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace('"hand_settled":true', '"hand_settled":false'))
    contains(altakt("verify", copy, expect=CHECK).out, "difference to the count by hand")
    ws("claim")
    made = ws("claim", "show", 1, "--json").json
    valid("claim", made)
    nothing = {"files": 0, "sheets": 0}
    equal([(b["hand_counted"], b["hand_settled"], b["witnesses"]) for b in made["batches"]],
          [(True, True, {"settled": nothing, "none": nothing}),
           (False, False, {"settled": nothing, "none": {"files": 1, "sheets": 1}}),
           (False, False, {"settled": {"files": 1, "sheets": 3}, "none": nothing})], "who else counted")
    with open(os.path.join(ws.path, "claims/0001/claim.csv"), encoding="utf-8-sig") as f:
        notes = {row["batch"]: row["note"] for row in csv.DictReader(f, delimiter=";") if row["line"] == "batch"}
    contains(notes["a"], "count by hand settled")
    contains(notes["b"], "not counted by hand", "files without another count: 1")
    contains(notes["c"], "not counted by hand", "differences settled: 1")
    text = subprocess.run(["pdftotext", "-layout", os.path.join(ws.path, "claims/0001/claim.pdf"), "-"],
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    contains(text, "before accepting: 1 of 3.", "which a lead settled: 1.", "a lead settled it: case files 1, sheets 3.",
             "operator, imprinter or hand: case files 1, sheets 1.", "*‡", "*†", "*†‡")
    ws("verify")
    independent(ws.path)

    def hidden(made):
        made["batches"][2]["witnesses"]["settled"] = nothing

    def seen(made):
        made["batches"][1]["hand_counted"] = True

    copy = edited(ws, 1, seen)
    chain_rewrite(copy, 1)  # whoever edited the claim made its ledger anew, too
    contains(altakt("verify", copy, expect=CHECK).out, "no lead accepted the manifest of batch 'b' in the way")
    contains(independent(copy, CHECK), "no lead accepted the manifest of batch b as")
    copy = edited(ws, 1, hidden)
    contains(altakt("verify", copy, expect=CHECK).out, "claims/0001/claim.json")
    contains(independent(copy, CHECK), "witnesses.settled of batch c")


def restored(ws, name, backup):
    """A workspace made from a backup."""
    again = copy_of(ws, os.path.join(ws.folder, name))
    again("restore", backup)
    return again


def copy_of(ws, path):
    other = Workspace.__new__(Workspace)
    other.folder, other.path = ws.folder, path
    return other


def test_a_workspace_and_its_restored_copy(folder):
    """A backup holds what was collected; a station goes on from its backup; two that both go on are told."""
    office, other = station(folder, "st1", claim__authority="Stadt Musterhausen"), station(folder, "st2")
    batch(office, "a1", ("33/1", 1, 2))
    batch(other, "b1", ("33/2", 1, 2))
    saved = os.path.join(folder, "saved")
    other("backup", saved)
    batch(other, "b2", ("33/3", 1, 1))
    office("collect", other.path)
    office("claim")

    # The station's disk is lost after its second batch was collected: it goes on from the backup.
    station2 = restored(other, "st2-again", saved)
    stack = Stack("later")
    stack.cover("33/4")
    stack.sheet(Page(words(9)))
    station2.run(stack.lay(folder))
    new = next(b for b in station2.batches() if b != "b1")
    contains(new, "-r2-")
    station2.accept(new)
    contains(office("collect", station2.path).out, "1 batch taken, 0 brought up to date, 1 was here already")
    contains(office("verify").err, f"batch '{new}': its station was restored from a backup")
    independent(office.path)

    # The office from its backup, with what was collected; it and its copy must not both go on.
    saved = os.path.join(folder, "office-saved")
    office("backup", saved)
    twin = restored(office, "st1-again", saved)
    twin("verify")
    independent(twin.path)
    equal(twin("claim", "list", "--json").json, office("claim", "list", "--json").json, "claims of the restored office")
    before = os.listdir(os.path.join(office.path, "claims"))
    contains(office("collect", twin.path, expect=CHECK).err, "is a copy of this very workspace")
    equal(os.listdir(os.path.join(office.path, "claims")), before, "claims of the office")
    office("verify")
    office("backup", saved)
    office("claim", "--by", "f.finanz")
    twin("claim", "--by", "a.anderer")
    third = station(folder, "st9", claim__authority="Land Musterland")
    contains(third("collect", office.path, expect=CHECK).err, "is in claim 1 of the other workspace")
    contains(third("collect", twin.path, expect=CHECK).err, "not those that were collected before")
    third("collect", saved, expect=CHECK)              # an older copy says nothing new
    third("verify")
    events = [e for e in read_chain(os.path.join(third.path, "ledger.jsonl")) if e["event"] == "claims_collected"]
    equal([[c["claim"] for c in e["claims"]] for e in events], [[1, 2]], "claims that were taken along")


def test_a_collect_is_killed(folder):
    """Whole or not at all, and the next one takes it from there; claims that come along, too."""
    office = station(folder, "st1", claim__authority="Stadt Musterhausen")
    other = station(folder, "st2", claim__authority="Gemeinde Musterdorf")
    batch(other, "b1", ("33/1", 1, 2))
    other("claim")
    for k in range(12):
        process = office.start("collect", other.path)
        try:
            process.wait(0.01 + 0.01 * k)
        except subprocess.TimeoutExpired:
            pass
        stop(process)
        found = office("verify", expect=(DONE, CHECK)).out
        check(".part" not in found, f"what a killed collect left is no finding: {found}")
        contains(office("status").out, "There is no batch yet")
    contains(office("collect", other.path, expect=CHECK).err, "is in claim 1 of the other workspace")
    other("claim", "cancel", 1, "--by", "f.finanz", "--reason", "die Stadt rechnet ab")
    for k in range(12):
        process = office.start("collect", other.path)
        try:
            process.wait(0.02 + 0.01 * k)
        except subprocess.TimeoutExpired:
            pass
        stop(process)
    office("collect", other.path)
    office("verify")
    left = [name for _, folders, names in os.walk(os.path.join(office.path, "collected")) for name in folders + names
            if name.startswith(".")]
    equal(left, [], "what the killed ones left")
    claim(office, 1, 1, 2, "0.77")


def test_a_file_is_released_everywhere(folder):
    """A bundle deleted by law: the copies that were collected are named until they are gone, too."""
    office, other = station(folder, "st1", claim__authority="Stadt Musterhausen"), station(folder, "st2")
    batch(office, "a1", ("33/1", 1, 2))
    batch(other, "b1", ("33/1", 1, 1), ("33/2", 1, 1))
    office("collect", other.path)
    office("claim")
    release = ("release", "33/1", "--by", "Max Mustermann", "--reason", "Löschung nach Frist")
    contains(office(*release, expect=WAITING).err, "is still in the collected batch 'b1'", "station 'st2'")
    contains(other(*release).out, "1 bundle and its images are deleted")
    office("collect", other.path)
    contains(office(*release).out, "1 bundle and its images are deleted")
    left = [path for path in files_below(folder) if "33=2F1" in path and "/files/" in path]
    equal(left, [], "what is left of the file")
    for ws in (office, other):
        contains(ws("verify").err, "was released: its tombstone is in the ledger")
        independent(ws.path)
    equal(len(office("claim", "show", 1, "--sheets", "--json").json), 4, "sheets of the claim, afterwards")
    equal(claim_amount(office), "1.54", "the claim, afterwards")


def claim_amount(ws):
    one, = ws("claim", "list", "--json").json
    return one["amount"]


def test_a_station_whose_key_is_unknown(folder):
    """Where the stations' certificates are named, only batches that one of these has signed are collected."""
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")

    def key(name):
        pem = [os.path.join(folder, f"{name}.{kind}") for kind in ("pem", "key")]
        done = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-out", pem[0], "-keyout",
                               pem[1], "-days", "2", "-subj", f"/CN={name}"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        equal(done.returncode, 0, f"openssl\n{done.stdout}\n")
        return {"sign__certificate": pem[0], "sign__key": pem[1]}

    known, stranger = key("st2"), key("stranger")
    office = station(folder, "office", collect__certificates=known["sign__certificate"])
    two = station(folder, "st2", **known)
    batch(two, "a", ("33/1", 1, 1))
    three = station(folder, "st3", **stranger)
    batch(three, "b", ("33/2", 1, 1))
    unsigned = station(folder, "st4")
    batch(unsigned, "c", ("33/3", 1, 1))
    contains(office("collect", three.path, expect=CHECK).err, "batches/b/manifest.json", "a key that is not known here")
    contains(office("collect", unsigned.path, expect=CHECK).err, "batches/c/manifest.json", "is not signed")
    check(not list(files_below(os.path.join(office.path, "collected"))), "nothing was taken")
    office("collect", two.path)
    equal(os.listdir(os.path.join(office.path, "collected")), ["a"], "collected")

    # The stranger's signature under a known station's batch.
    for name in ("manifest.json", "acceptance.json"):
        path = os.path.join(two.path, "batches/a", name)
        done = subprocess.run(["openssl", "cms", "-sign", "-binary", "-in", path, "-signer",
                               stranger["sign__certificate"], "-inkey", stranger["sign__key"], "-outform", "DER", "-out",
                               path + ".p7s"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        equal(done.returncode, 0, f"openssl\n{done.stdout}\n")
    second = station(folder, "second", collect__certificates=known["sign__certificate"])
    contains(second("collect", two.path, expect=CHECK).err, "batches/a/", "a key that is not known here")


if __name__ == "__main__":
    main()
