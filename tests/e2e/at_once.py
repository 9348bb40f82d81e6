"""Two people at the same moment: leads who accept, a claim while batches are collected, claims that
are made twice. One wins, the other is told; nothing counts twice."""
import os
import shutil

from harness import CHECK, DONE, SOURCE, USAGE, WAITING, Page, Stack, Workspace, check, contains, equal, main, start, words


def feed(ws, name, files):
    stack = Stack(name)
    for number, sheets in files:
        stack.cover(number)
        for i in range(sheets):
            stack.sheet(Page(words(i)))
    ws.run(stack.lay(ws.folder))


def together(*processes):
    """Their exit codes and words, all started before the first is waited for."""
    answers = []
    for process in processes:
        out, err = process.communicate(timeout=300)
        check(b"Sanitizer" not in err, err.decode())
        answers.append((process.returncode, (out + err).decode()))
    return answers


def test_two_leads_accept(ws):
    feed(ws, "one", [("33/1", 2)])
    batch = ws.batch()
    ws("seen", batch, "--by", "A", "--all")
    answers = together(*(ws.start("accept", batch, "--by", lead) for lead in ("A", "B", "C", "D")))
    codes = sorted(code for code, _ in answers)
    equal(codes[0], DONE, f"exit codes of four leads: {answers}")
    check(all(code in (USAGE, WAITING) for code in codes[1:]), f"exit codes of four leads: {answers}")
    equal(sum(e["event"] == "accepted" for e in ws.ledger()), 1, "acceptances")
    answers = together(ws.start("accept", batch, "--by", "A"), ws.start("reject", batch, "--by", "B", "--reason", "x"))
    check(sum(e["event"] == "accepted" for e in ws.ledger()) == 1, f"accepted again: {answers}")
    ws("verify")


def test_claims_at_once(ws):
    feed(ws, "one", [("33/1", 3), ("33/2", 2)])
    ws.accept()
    for number in range(1, 6):
        claims = [ws.start("claim") for _ in range(4)]
        readers = [ws.start(*command) for command in (("claim", "list"), ("report",), ("verify",))]
        answers = together(*claims, *readers)
        equal(sorted(code for code, _ in answers[:4]), [DONE, WAITING, WAITING, WAITING], f"four claims: {answers}")
        equal([code for code, _ in answers[4:]], [DONE] * 3, f"who reads meanwhile: {answers}")
        equal([c["amount"] for c in ws("claim", "list", "--json").json], ["1.55"] * number, "claims")
        ws("claim", "cancel", str(number), "--reason", "once more")
    ws("verify")


def test_claim_while_collecting(ws):
    feed(ws, "one", [("33/1", 2)])
    ws.accept()
    other = Workspace(ws.folder, os.path.join(ws.folder, "other"))
    other.settings(station__name="st2", claim__authority="")
    feed(other, "two", [("33/2", 3), ("33/1", 1)])
    other.accept()
    collect, claim = together(ws.start("collect", other.path), ws.start("claim"))
    equal((collect[0], claim[0]), (DONE, DONE), f"exit codes: {collect} {claim}")
    ws("claim", expect=(DONE, WAITING))     # what the first did not see yet
    claims = ws("claim", "list", "--json").json
    equal((sum(c["files"] for c in claims), sum(c["sheets"] for c in claims)), (2, 6), "files and sheets of all claims")
    ws("verify")
    # A batch with a changed byte is refused, and a claim beside it is none the worse.
    third = Workspace(ws.folder, os.path.join(ws.folder, "third"))
    third.settings(station__name="st3", claim__authority="")
    feed(third, "three", [("33/3", 1)])
    third.accept()
    path = os.path.join(third.path, "files/33=2F3/data/33=2F3.pdf")
    with open(path, "r+b") as f:
        f.seek(200)
        byte = f.read(1)
        f.seek(200)
        f.write(bytes([byte[0] ^ 1]))
    collect, claim = together(ws.start("collect", third.path), ws.start("claim"))
    equal((collect[0], claim[0]), (CHECK, WAITING), f"exit codes: {collect} {claim}")
    contains(collect[1], "33=2F3")
    ws("verify")


if __name__ == "__main__":
    main()
