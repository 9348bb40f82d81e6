"""A lead's word: the count by hand, rejection per sheet and file, and what acceptance and verify say of it."""
import contextlib
import json
import os
import shutil

from harness import CHECK, USAGE, WAITING, Page, Skip, Stack, altakt, check, contains, equal, main, valid, words


def closed(ws):
    """Batch a, closed: 33/1 with three sheets, 33/2 with two."""
    stack = Stack("review")
    stack.cover("33/1")
    for n in range(3):
        stack.sheet(Page(words(n)))
    stack.cover("33/2")
    for n in range(3, 5):
        stack.sheet(Page(words(n)))
    ws.run(stack.lay(ws.folder), "--batch", "a")
    return ws("review", "a", "--json").json["hand_count"]["file_number"]


def acceptance(ws, name="acceptance.json"):
    with open(os.path.join(ws.path, "batches/a", name), encoding="utf-8") as f:
        read = json.load(f)
    valid("acceptance", read)
    return read


def test_the_drawn_file_is_counted_by_hand(ws):
    drawn = closed(ws)
    sheets = {"33/1": 3, "33/2": 2}[drawn]
    equal(ws("review", "a", "--json").json["hand_count"]["sheets"], None, "figure before the count")
    said = ws("review", "a").out
    contains(said, f"count the paper of file {drawn}", "altakt count a --sheets N")
    ws.settings(review__hand_count="require")
    ws("seen", "a", "--by", "Max", "--all")
    contains(ws("accept", "a", "--by", "Max", expect=WAITING).err, drawn, "altakt count")
    ws("count", "a", "--by", "Max", expect=USAGE)
    ws("count", "a", "--sheets", sheets, "--file", "99/9", "--by", "Max", expect=USAGE)
    contains(ws("count", "a", "--sheets", sheets + 1, "--by", "Max", expect=CHECK).out, str(sheets + 1), str(sheets))
    contains(ws("accept", "a", "--by", "Max", expect=WAITING).err, f"{sheets + 1} sheets were counted by hand")
    ws("settle", "a", "--file", drawn, "--by", "Max", "--reason", "a note lay on sheet 2")
    ws("accept", "a", "--by", "Max")
    equal(acceptance(ws)["hand_count"], {"file_number": drawn, "volume": 1, "sheets": sheets + 1, "fed": sheets,
                                         "settled": True}, "count by hand")
    equal(ws.manifest()["counts"]["sheets"], 5, "no count changed")
    ws("file", "renumber", "a", drawn, "33/7", "--by", "E", "--reason", "typed wrongly")
    ws("process")
    ws("close", "a")
    settled = next(f for f in ws.manifest()["files"] if f["file_number"] == "33/7")["settled"]
    equal([(s["by"], s["reason"], s["witness"]["hand"]) for s in settled],
          [("Max", "a note lay on sheet 2", sheets + 1)], "the settlement stays on the manifest")
    valid("manifest", ws.manifest())
    ws.accept("a", "Max")
    drawn = "33/7"
    ws("verify")
    ws("claim")
    with open(os.path.join(ws.path, "claims/0001/claim.json"), encoding="utf-8") as f:
        equal(json.load(f)["batches"][0]["hand_counted"], True, "hand_counted in the claim")

    # Who hides it is found out: another figure in the acceptance, the count taken out of the ledger.
    copy = os.path.join(ws.folder, "copy")
    shutil.copytree(ws.path, copy)
    os.remove(os.path.join(copy, "journal.sqlite"))
    path = os.path.join(copy, "batches/a/acceptance.json")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(f'"sheets": {sheets + 1}', f'"sheets": {sheets}'))
    contains(altakt("verify", copy, expect=CHECK).out, "acceptance.json")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    path = os.path.join(copy, "batches/a/ledger.jsonl")
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines(True)
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(line for line in lines if '"event":"hand_counted"' not in line)
    contains(altakt("verify", copy, expect=CHECK).out, "ledger.jsonl")


def test_a_second_count_by_hand_hides_no_first(ws):
    """Whoever was told the program's figure may count again; what was counted before stays in sight."""
    drawn = closed(ws)
    sheets = {"33/1": 3, "33/2": 2}[drawn]
    ws("count", "a", "--sheets", sheets + 2, "--by", "Max", expect=CHECK)
    ws("count", "a", "--sheets", sheets, "--by", "Max")
    contains(ws("review", "a").out, f"the first count, which the acceptance shows: {sheets + 2}")
    ws.accept("a", "Max")
    equal(acceptance(ws)["hand_count"], {"file_number": drawn, "volume": 1, "sheets": sheets, "fed": sheets,
                                         "settled": False, "first": sheets + 2}, "count by hand")
    valid("acceptance", acceptance(ws))
    ws("verify")
    path = os.path.join(ws.path, "batches/a/acceptance.json")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    os.chmod(path, 0o600)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(f'"first": {sheets + 2}', f'"first": {sheets}'))
    contains(ws("verify", expect=CHECK).out, "acceptance.json: it is not the acceptance that the ledger knows")


def test_not_counted_by_hand_is_said(ws):
    closed(ws)
    answer = ws.accept("a")
    contains(answer.err, "by hand")
    equal(acceptance(ws)["hand_count"], None, "count by hand")
    ws("claim")
    with open(os.path.join(ws.path, "claims/0001/claim.csv"), encoding="utf-8-sig") as f:
        contains(f.read(), "not counted by hand")
    ws("verify")


def test_a_rejected_sheet_waits_for_a_new_scan(ws):
    closed(ws)
    ws("reject", "a", "a/99", "--by", "Max", "--reason", "skewed", expect=USAGE)
    ws("reject", "a", "a/1", "--by", "Max", "--reason", "a cover sheet", expect=USAGE)
    check(not os.path.exists(os.path.join(ws.path, "batches/a/acceptance.json")), "nothing was written")
    ws("reject", "a", "a/3", "--by", "Max", "--reason", "skewed")
    word = acceptance(ws)
    equal((word["result"], word["reason"], word["sheets"]), ("rejected", "skewed", ["a/3"]), "word")
    ws("verify")
    contains(ws("accept", "a", "--by", "Max", expect=WAITING).err, "rejected")

    # It cannot be closed around it.
    ws("sheet", "move", "a/4", "--file", "33/2", "--by", "E", "--reason", "wrong file")
    contains(ws("close", "a", expect=WAITING).err, "a/3", "rejected")
    ws("sheet", "rescan", "a/3", "--by", "E", "--reason", "skewed")
    again = Stack("rescan")
    again.sheet(Page(words(1), seed=9))
    ws.run(again.lay(ws.folder), "--batch", "a")
    ws.accept("a")
    equal(acceptance(ws)["result"], "accepted", "result")
    equal(acceptance(ws, "acceptance.1.json")["result"], "rejected", "the word before")
    equal(ws.manifest()["counts"]["superseded"], 1, "superseded")
    ws("verify")

    # Each later manifest says what the leads said, and how they looked.
    ws("file", "renumber", "a", "33/2", "33/7", "--by", "E", "--reason", "typed wrongly")
    ws("process")
    ws("close", "a")
    equal([(w["revision"], w["result"], w["by"], w.get("reason"), w.get("not_opened_one_by_one"))
           for w in ws.manifest()["reviews"]],
          [(1, "rejected", "Max", "skewed", None), (2, "accepted", "Max Mustermann", None, True)], "leads' words")
    valid("manifest", ws.manifest())
    ws("verify")


def test_a_rejection_by_mistake_is_taken_back(ws):
    closed(ws)
    ws("reject", "a", "--file", "33/2", "--by", "Max", "--reason", "too dark")
    equal(acceptance(ws)["sheets"], ["a/6", "a/7"], "sheets of the file")
    ws("reject", "a", "--file", "99/9", "--by", "Max", "--reason", "too dark", expect=USAGE)
    ws("seen", "a", "--by", "Max", "--all")
    ws("accept", "a", "--by", "Max", expect=WAITING)
    ws("accept", "a", "--by", "Max", "--reason", "the wrong batch was meant")
    equal(acceptance(ws)["reason"], "the wrong batch was meant", "reason")
    equal(acceptance(ws, "acceptance.1.json")["result"], "rejected", "the word before")
    ws("reject", "a", "--by", "Max", "--reason", "after all")
    ws("accept", "a", "--by", "Max", "--reason", "once more")
    equal(acceptance(ws, "acceptance.1.3.json")["reason"], "after all", "third word on revision 1")
    ws("verify")
    os.remove(os.path.join(ws.path, "batches/a/acceptance.1.2.json"))
    contains(ws("verify", expect=CHECK).out, "acceptance.1.2.json")


def test_four_eyes_by_account(ws):
    """Whoever fed, corrected or decided cannot accept, whatever name is typed; another account can."""
    if os.geteuid() != 0:
        raise Skip("only root can call the program with another account")
    drawn = closed(ws)
    ws.settings(review__four_eyes="yes")
    contains(ws("seen", "a", "--by", "Max", "--all", expect=USAGE).err, "--all is refused")
    ws("seen", "a", "--by", "Max", *pages(ws))
    contains(ws("accept", "a", "--by", "Max", expect=USAGE).err, "fed, corrected or decided")
    with other_account(ws) as other:
        other("sheet", "clean", "a/3", "--by", "Max", "--reason", "too pale")  # a correction: not this one either
    ws("process")
    ws("close", "a")
    with other_account(ws) as other:
        other("seen", "a", "--by", "Max", *pages(ws))
        contains(other("accept", "a", "--by", "Max", expect=USAGE).err, "fed, corrected or decided")
    with other_account(ws, uid=65533) as other:
        other("count", "a", "--by", "Max", "--sheets", {"33/1": 3, "33/2": 2}[drawn])
        other("accept", "a", "--by", "Max")
    equal((acceptance(ws)["account"], acceptance(ws)["not_opened_one_by_one"]), ("uid 65533", False), "acceptance")
    ws("verify")


def pages(ws):
    return [item["page"] for item in ws("review", "a", "--json").json["items"]]


@contextlib.contextmanager
def other_account(ws, uid=65534):
    """Calls the program as another account, to which the workspace belongs meanwhile."""
    def give(to):
        os.chmod(ws.folder, 0o755)
        for base, _, names in os.walk(ws.path):
            for path in [base] + [os.path.join(base, name) for name in names]:
                os.chown(path, to, to)
    give(uid)
    try:
        yield lambda *args, **more: ws(*args, user=uid, **more)
    finally:
        give(0)


if __name__ == "__main__":
    main()
