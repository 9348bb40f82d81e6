"""The same paper scanned twice is found, flags the batch, and somebody decides; other sheets are not taken for it."""
import json
import os

from harness import CHECK, USAGE, WAITING, Page, Stack, check, contains, equal, main, valid, words


def page(n, **how):
    """A page of thirty words of its own."""
    return Page(" ".join(words((n * 37 + k * 11) % 256) for k in range(10)), **how)


def fed_again(ws):
    """Batch a has five sheets; b three of them again, scanned anew, between others."""
    first, again = Stack("first"), Stack("again")
    first.cover("33/1")
    for n in range(1, 5):
        first.sheet(page(n, seed=n, skew=0.5, flags="n"))
    first.sheet(Page(kind="letter", seed=40), Page(kind="letter", seed=41))
    again.cover("33/2")
    again.sheet(page(20, seed=20))
    for n in (2, 3):
        again.sheet(page(n, seed=n, skew=-0.7, flags="b"))
    again.sheet(page(4, seed=4, skew=0.9))
    again.sheet(page(21, seed=21))
    again.sheet(Page(kind="letter", seed=40, skew=1.1), Page(kind="letter", seed=42))  # another back
    ws.run(first.lay(ws.folder), "--batch", "a")
    return ws.run(again.lay(ws.folder), "--batch", "b")


def test_a_run_fed_twice_is_one_finding(ws):
    answer = fed_again(ws)
    contains(answer.err, "3 sheets are nearly equal to others")
    review = ws("review", "b", "--json").json
    equal(len(review["near_equal"]), 1, "findings")
    finding = review["near_equal"][0]
    equal(finding["sheets"], ["b/3", "b/4", "b/5"], "sheets")
    equal(finding["others"], ["a/3", "a/4", "a/5"], "others")
    check(0.95 < finding["likeness"] <= 1, finding)
    contains(ws("review", "b").out, "b/3..b/5 are nearly equal to a/3..a/5", "altakt decide b/3..b/5 void")
    status = ws("status", "--json").json
    valid("status", status)
    contains(json.dumps(status["attention"]), "near_equal")
    equal(ws.manifest("b")["files"][0]["flags"], ["near_equal"], "flags")
    equal(ws("review", "a", "--json").json["near_equal"], [], "findings of a")
    ws("verify")

    # Two are kept, the batch stays closed; the third was scanned twice.
    ws("decide", "b/3..b/4", "keep", "--by", "Max Mustermann", "--reason", "two copies in the file")
    finding = ws("review", "b", "--json").json["near_equal"][0]
    equal((finding["decided"], finding["reason"]), ("Max Mustermann", "two copies in the file"), "decision")
    ws("decide", "b/3", "keep", "--by", "Max", "--reason", "again", expect=USAGE)
    ws("decide", "b/5", "void", "--by", "Max Mustermann", "--reason", "fed twice")
    ws("close", "b")
    review = ws("review", "b", "--json").json
    equal([f["sheets"] for f in review["near_equal"] if not f.get("decided")], [], "what was decided does not come again")
    manifest = ws.manifest("b")
    equal(manifest["counts"]["sheets"], 5, "sheets")
    equal(manifest["files"][0]["flags"], ["near_equal_kept"], "flags")
    check("near_equal" not in json.dumps(ws("status", "--json").json["attention"]), "status")
    ws.accept("b")
    ws("verify")


def test_accepted_without_a_decision_says_so(ws):
    fed_again(ws)
    answer = ws.accept("b")
    contains(answer.err, "nobody decided")
    with open(os.path.join(ws.path, "batches/b/acceptance.json"), encoding="utf-8") as f:
        acceptance = json.load(f)
    valid("acceptance", acceptance)
    equal(acceptance["near_equal_undecided"], 1, "findings in the acceptance")
    ws("verify")
    for name, old, new in (("acceptance.json", '"near_equal_undecided": 1', '"near_equal_undecided": 0'),
                           ("manifest.json", '"near_equal"', '"nothing"')):
        path = os.path.join(ws.path, "batches/b", name)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        check(old in text, text)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))
        contains(ws("verify", expect=CHECK).out, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    ws("reject", "b", "--by", "Max", "--reason", "look at the findings first")
    ws.settings(review__near_equal="require")
    contains(ws("accept", "b", "--by", "Max", "--reason", "by mistake", expect=WAITING).err, "b/3", "decide")


def test_a_stack_of_one_form_is_no_finding(ws):
    stack = Stack("forms")
    stack.cover("33/9")
    for n in range(12):
        stack.sheet(Page(kind="form", seed=500 + n, skew=(n % 5 - 2) / 4))
    ws.run(stack.lay(ws.folder), "--batch", "f")
    equal(ws("review", "f", "--json").json["near_equal"], [], "findings")


if __name__ == "__main__":
    main()
