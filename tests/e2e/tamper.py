"""One changed byte anywhere: verify exits with 4 and names the file. On a copy, without a journal."""
import json
import os
import random
import shutil

from harness import CHECK, DONE, USAGE, Page, Stack, altakt, check, contains, files_below, main, words


def made(ws):
    """A workspace with an accepted and claimed batch of two files."""
    stack = Stack("tamper")
    for number in ("33/1", "33/2"):
        stack.cover(number)
        stack.sheet(Page(words(1)), Page(words(2)))
        stack.sheet(Page(words(3)))
    ws.run(stack.lay(ws.folder))
    ws.accept()
    ws("claim")
    ws("verify")


def copy_of(ws, name):
    """Only what proves itself: bundles, manifests, ledgers, claims."""
    target = os.path.join(ws.folder, name)
    os.makedirs(target)
    for part in ("files", "batches", "claims", "ledger.jsonl", "ledger.head"):
        path = os.path.join(ws.path, part)
        if os.path.isdir(path):
            shutil.copytree(path, os.path.join(target, part))
        elif os.path.exists(path):
            shutil.copy(path, target)
    return target


def test_one_changed_byte_anywhere(ws):
    made(ws)
    random.seed(7)
    copy = copy_of(ws, "copy")
    altakt("verify", copy)
    missed = []
    for path in list(files_below(copy)):
        relative = os.path.relpath(path, copy)
        if path.endswith(".lock"):
            continue
        with open(path, "rb") as f:
            data = bytearray(f.read())
        if not data:
            continue
        at = random.randrange(len(data))
        with open(path, "wb") as f:
            f.write(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        answer = altakt("verify", copy, expect=None)
        with open(path, "wb") as f:
            f.write(data)
        if answer.code != CHECK or os.path.basename(path) not in answer.out + answer.err:
            missed.append(f"{relative}, byte {at}: {answer}")
    check(not missed, f"{len(missed)} changes were not found or not named:\n" + "\n".join(missed[:6]))
    altakt("verify", copy)


def test_missing_added_and_swapped_files(ws):
    made(ws)
    copy = copy_of(ws, "copy")
    batch = ws.batch()
    ledger = os.path.join(copy, "batches", batch, "ledger.jsonl")
    with open(ledger, "rb") as f:
        lines = f.read().split(b"\n")

    def with_lines(changed):
        with open(ledger, "wb") as f:
            f.write(b"\n".join(changed))
        answer = altakt("verify", copy, expect=CHECK)
        contains(answer.out + answer.err, "ledger.jsonl")
        with open(ledger, "wb") as f:
            f.write(b"\n".join(lines))

    with_lines(lines[:4] + lines[5:])                           # a line deleted
    with_lines(lines[:4] + [lines[5], lines[4]] + lines[6:])    # two swapped
    with_lines(lines[:4] + [lines[4]] + lines[4:])              # one twice
    with_lines(lines[:6] + [b""])                               # the end cut off

    bag = os.path.join(copy, "files", "33=2F1")
    pdf = os.path.join(bag, "data", "33=2F1.pdf")
    other = os.path.join(copy, "files", "33=2F2", "data", "33=2F2.pdf")
    with open(pdf, "rb") as f:
        data = f.read()
    os.remove(pdf)
    contains(altakt("verify", copy, expect=CHECK).out + altakt("verify", copy, expect=CHECK).err, "33=2F1")
    shutil.copy(other, pdf)
    altakt("verify", copy, expect=CHECK)
    with open(pdf, "wb") as f:
        f.write(data)
    altakt("verify", copy)
    with open(os.path.join(bag, "data", "more.txt"), "wb") as f:
        f.write(b"more")
    answer = altakt("verify", copy, expect=CHECK)
    contains(answer.out + answer.err, "more.txt")
    os.remove(os.path.join(bag, "data", "more.txt"))

    # A manifest with one sheet more, and nothing else.
    path = os.path.join(copy, "batches", batch, "manifest.json")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    manifest = json.loads(text)
    manifest["counts"]["sheets"] += 1
    with open(path, "w", encoding="utf-8") as f:
        json.dump(manifest, f)
    answer = altakt("verify", copy, expect=CHECK)
    contains(answer.out + answer.err, "manifest.json")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    altakt("verify", copy, expect=DONE)
    shutil.rmtree(bag)
    answer = altakt("verify", copy, expect=CHECK)
    contains(answer.out + answer.err, "33=2F1")


def test_verify_of_what_does_not_exist(folder):
    altakt("verify", os.path.join(folder, "absent"), expect=USAGE)
    altakt("verify", "--bag", os.path.join(folder, "absent"), expect=USAGE)
    os.makedirs(os.path.join(folder, "empty"))
    answer = altakt("verify", "--bag", os.path.join(folder, "empty"), expect=CHECK)
    contains(answer.out + answer.err, "bagit.txt")


if __name__ == "__main__":
    main()
