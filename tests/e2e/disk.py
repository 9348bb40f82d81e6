"""A disk that fills up, a workspace that cannot be written: said clearly, nothing recorded is lost."""
import os
import subprocess

from harness import (DONE, FAILED, WAITING, Page, Stack, Workspace, altakt, balance, check, contains, equal, main,
                     mounted, words)


def colourful(ws, name="full"):
    """Paper whose raw images are some MB each."""
    stack = Stack(name)
    stack.cover("33/1")
    for n in range(10):
        stack.sheet(Page(words(n + 1), seed=n + 1, flags="bn"), Page(words(n + 20), seed=n + 1, flags="n"))
    return stack.lay(ws.folder)


def full_disk(folder, reserve):
    with mounted(os.path.join(folder, "small"), "-t", "tmpfs", "-o", "size=32m", "tmpfs") as small:
        ws = Workspace(folder, os.path.join(small, "ws"))
        ws.settings(spool__reserve=reserve)
        device = colourful(ws)
        answer = ws.run(device, expect=(FAILED, WAITING))
        batch = ws.batch()
        before = ws.fed()
        check(len(before) < 11, f"the disk was not full\n{answer}")
        ws.ledger(batch)  # its chain is whole
        subprocess.run(["mount", "-o", "remount,size=900m", small], check=True)
        status = ws("status")
        contains(status.out, batch)
        for event in before:
            for image in event["images"]:
                check(os.path.getsize(os.path.join(ws.path, image["path"])) == image["bytes"],
                      f"a recorded image is damaged: {image}")
        # The operator lays back what went through and is not recorded, as a jam has it.
        from stop import go_on, through
        check(through(device) >= len(before), "more is recorded than went through")
        go_on(ws, device)
        ws.run(device, expect=DONE)
        manifest = ws.manifest()
        balance(manifest)
        equal(manifest["counts"]["sheets"], 10, "sheets")
        equal(ws.fed()[:len(before)], before, "what was recorded before")
        ws("verify")
        return answer


def test_feeding_stops_at_the_reserve(folder):
    answer = full_disk(folder, "12 MiB")
    equal(answer.code, WAITING, f"exit code\n{answer}")
    contains(answer.err, "free")


def test_full_disk(folder):
    answer = full_disk(folder, "0 MiB")
    contains(answer.err, "space")


def test_read_only_workspace(ws):
    stack = Stack("ro")
    stack.cover("33/1")
    stack.sheet(Page(words(1)))
    device = stack.lay(ws.folder)
    ws.run(device)
    more = Stack("more")
    more.cover("33/2")
    more.sheet(Page(words(2)))
    device = more.lay(ws.folder)
    with mounted(ws.path, "--bind", ws.path):
        subprocess.run(["mount", "-o", "remount,ro,bind", ws.path], check=True)
        for command in (["run", "--device", device], ["process"], ["close", ws.batch()],
                        ["scan", "--device", device], ["claim"]):
            answer = ws(*command, expect=FAILED)
            contains(answer.err.lower(), "read-only")
            check(len(answer.err.strip().splitlines()) >= 2, f"says what to do\n{answer}")
        altakt("verify", ws.path)
    ws.run(device)
    equal(len(ws.batches()), 2, "batches")


def test_settings_file_that_is_gone(ws):
    os.rename(os.path.join(ws.path, "altakt.ini"), os.path.join(ws.path, "gone.ini"))
    answer = ws("status", expect=FAILED)
    contains(answer.err, "altakt.ini")


def test_a_damaged_journal_is_told(ws):
    path = os.path.join(ws.path, "journal.sqlite")
    with open(path, "r+b") as f:
        f.write(b"this is no database, whatever it was before" * 10)
    answer = ws("status", expect=FAILED)
    contains(answer.err, "journal")


if __name__ == "__main__":
    main()
