"""Random faults of the feeder, random ends of the program, and an operator who does what it says: in
the end every sheet is recorded once, in the order of the paper.

    kill.py [rounds [seed]]     25 rounds by default, 8 under sanitizers; each prints its seed, and the same seed does
                                the same again (but for the moments at which signals arrive)

A round is a stack with faults laid at random. `altakt scan`, in every fifth round `altakt run`, is
started again and again; it is killed, interrupted, finds its disk full, or is left to end at what it
meets. In between the operator lays back what went through the feeder and is not recorded, which must
never be more than what can be under way. A round of `run` ends with the batch closed and verified.
"""
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import harness
import simulator
from harness import (CHECK, DONE, FAILED, WAITING, Page, Skip, Stack, Workspace, balance, check, contains, equal,
                     words)

ROUNDS, SEED = 8 if harness.SANITIZED else 25, 20261123
FAULTS = ("jam", "cover-open", "io-error", "disconnect", "hang", "no-docs", "busy", "cancelled", "no-mem", "inval")
DISK_FULL = "a full disk"
ENDS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
DISK_BYTES = 256 << 20
FILES = (("K/1", 4), ("K/2", 3), ("K/3", 2))
SHEETS = sum(n for _, n in FILES) + len(FILES)
# What may be past the feeder without a record: a queue of four, two being written, one being fed.
MOST_UNRECORDED = 8
MOST_STARTS = 60


def paper():
    stack, n = Stack("stack"), 0
    for number, sheets in FILES:
        stack.cover(number, serial=f"KILL-{number[-1]}")
        for _ in range(sheets):
            n += 1
            stack.sheet(Page(words(n), seed=n), Page(words(n + 50), seed=n + 50))
    return stack


def faults(rng):
    """stack.ini: about every third sheet meets something, some of them more than once."""
    text = f"[stack]\nspeed = {rng.choice((0, 0, 600, 1500))}\n"
    for sheet in range(1, SHEETS + 1):
        if rng.random() > 0.35:
            continue
        text += f"[sheet {sheet}]\n"
        for _ in range(rng.choice((1, 1, 2))):
            fault = rng.choice(FAULTS)
            # before a back it would lose that side, which somebody would have to decide
            side = "front" if fault == "no-docs" else rng.choice(("front", "back"))
            text += f"fault = {fault}\nside = {side}\n"
            if rng.random() < 0.6:
                text += f"after_lines = {rng.randrange(0, 1200)}\n"
    return text


def folder_of(device):
    return device[len("paper:"):]


def tray(device):
    """Sheets that went through and were not put back."""
    try:
        with open(os.path.join(folder_of(device), ".fed"), encoding="ascii") as f:
            return sum(int(n) for n in re.findall(r"^tray (\d+) sheets", f.read(), re.M))
    except FileNotFoundError:
        return 0


def put_back(device, sheets):
    before = tray(device)
    done = subprocess.run(["scanimage", "-d", device, f"--put-back={sheets}", "-n"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, env=simulator.environment())
    equal(tray(device), before - sheets, f"sheets in the tray\n{done.stdout}\n")


def recorded(ws):
    """The raw images of each sheet recorded, in order."""
    batches = ws.batches()
    check(len(batches) <= 1, f"several batches: {batches}")
    return [tuple(i["sha256"] for i in e["images"]) for batch in batches for e in ws.fed(batch)]


def reference(folder, stack):
    """What a scan without any fault records."""
    ws = Workspace(folder, os.path.join(folder, "reference"))
    ws("scan", "--device", stack.lay(os.path.join(folder, "whole")))
    wanted = recorded(ws)
    equal(len(wanted), SHEETS, "sheets of the reference")
    equal(len(set(wanted)), SHEETS, "different sheets of the reference")
    return wanted


@contextlib.contextmanager
def disk(folder):
    """A small disk of its own for the workspace, or None where mounting is not allowed."""
    try:
        with harness.mounted(os.path.join(folder, "disk"), "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs") as path:
            yield path
    except Skip as why:
        print(f"no disk is filled here: {why}", flush=True)
        yield None


def fill(path, left_bytes):
    """Takes all of the disk but so much, while somebody else writes on it."""
    with open(os.path.join(path, "filler"), "wb") as f:
        for _ in range(10):
            free = os.statvfs(path).f_bavail * os.statvfs(path).f_frsize
            with contextlib.suppress(OSError):
                os.posix_fallocate(f.fileno(), 0, max(1, free - left_bytes))
                return


def end(process, rng, seconds, ends, path):
    """Ends it at some moment, or waits for its end. Gives (how or None, exit code, what it said)."""
    how = rng.choice(ends) if rng.random() < 0.65 else None
    moment, left_bytes = rng.random() * seconds, rng.choice((0, 1 << 20, 8 << 20))
    if how:
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            if how == DISK_FULL:
                fill(path, left_bytes)
            else:
                process.send_signal(how)
    try:
        out, err = process.communicate(timeout=harness.TIMEOUT_S)
    except subprocess.TimeoutExpired:
        harness.stop(process)
        raise AssertionError(f"no end after {how}") from None
    finally:
        if how == DISK_FULL:
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(path, "filler"))
    text = (out + err).decode(errors="replace")
    check(not re.search(r"Sanitizer|runtime error:|Assertion .* failed", text), text)
    if how in (None, DISK_FULL) or process.returncode != -how:  # a signal at its very start just ends it
        check(process.returncode in (DONE, FAILED, WAITING, CHECK), f"exit {process.returncode} after {how}\n{text}")
    return how, process.returncode, text


def closed(ws, device):
    """The batch of a round of `run`: closed, and counted as the paper is."""
    path = os.path.join(ws.path, "batches", ws.batch(), "manifest.json")
    for _ in range(3):
        if not os.path.exists(path):
            ws.run(device, expect=None)
    manifest = ws.manifest()
    balance(manifest)
    equal([(f["file_number"], f["sheets"], f["pages"]) for f in manifest["files"]],
          [(number, sheets, 2 * sheets) for number, sheets in FILES], "files, sheets, pages")
    equal(manifest["counts"]["separators"], len(FILES), "separators")
    ws("verify")


def a_round(folder, small, seed, stack, wanted):
    rng = random.Random(seed)
    stack.ini = faults(rng)
    command = "run" if rng.random() < 0.2 else "scan"
    ws = Workspace(folder, small and os.path.join(small, "ws"))
    ws.settings(spool__reserve="0 MiB")
    options = []
    if command == "run":  # which closes: somebody has counted, so that a false end is none
        ws.register("file_number;sheets\n" + "".join(f"{number};{sheets}\n" for number, sheets in FILES))
        options = ["--expect", os.path.join(folder, "register.csv")]
    device = stack.lay(folder)
    ends = ENDS + ((DISK_FULL,) if small else ())
    seconds, log = 4.0 if harness.SANITIZED else 1.2, []
    for _ in range(MOST_STARTS):
        began = time.monotonic()
        process = ws.start("--set", "scan.timeout=2", command, "--device", device, *options)
        how, code, text = end(process, rng, seconds, ends, small)
        ws("status")  # as an operator would ask first; it also brings ledger.jsonl up to the journal
        have = recorded(ws)
        log.append(f"{command}, {how}, exit {code}, {time.monotonic() - began:.1f} s, {len(have)} recorded, "
                   f"{tray(device)} in the tray\n{text}")
        story = f"seed {seed}\n{stack.ini}" + "\n".join(log)
        check(have == wanted[:len(have)], f"what is recorded is not the paper so far\n{story}")
        lost = tray(device) - len(have)
        check(0 <= lost <= MOST_UNRECORDED, f"{lost} sheets went through and are not recorded\n{story}")
        if have and len(have) < SHEETS:
            contains(ws("status").out, ws.fed()[-1]["sheet"])
        if lost:
            put_back(device, lost)
        if len(have) == SHEETS:
            if command == "run":
                closed(ws, device)
            return len(log)
    raise AssertionError(f"not through after {MOST_STARTS} starts\n{story}")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    if not all(os.access(tool, os.X_OK) for tool in (harness.PROGRAM, harness.TOOL)) or not shutil.which("scanimage"):
        print("skipped: altakt, tool_sample or scanimage is not there")
        sys.exit(77)
    stack, began, starts = paper(), time.monotonic(), 0
    whole = tempfile.mkdtemp(prefix="altakt-kill-")
    try:
        wanted = reference(whole, stack)
        for i in range(rounds):
            folder = tempfile.mkdtemp(prefix="altakt-kill-")
            try:
                with disk(folder) as small:
                    starts += a_round(folder, small, seed + i, stack, wanted)
            except Exception:
                print(f"FAILED   round {i + 1}: kill.py 1 {seed + i}", flush=True)
                raise
            finally:
                if not os.environ.get("ALTAKT_KEEP"):
                    shutil.rmtree(folder, ignore_errors=True)
            if (i + 1) % 50 == 0:
                print(f"{i + 1} rounds, {starts} starts, {time.monotonic() - began:.0f} s", flush=True)
    finally:
        shutil.rmtree(whole, ignore_errors=True)
    print(f"{rounds} rounds, {starts} starts of the program, {time.monotonic() - began:.0f} s: "
          f"each of the {SHEETS} sheets recorded once, in order")


if __name__ == "__main__":
    main()
