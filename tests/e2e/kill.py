"""Random faults of the feeder, random ends of the program, and an operator who does what it says: in
the end every sheet is recorded once, in the order of the paper.

    kill.py [rounds [seed]]     25 rounds by default; each prints its seed, and the same seed does
                                the same again (but for the moments at which signals arrive)

A round is a stack with faults laid at random. `altakt scan` is started again and again; it is
killed, interrupted or left to end at what it meets. In between the operator lays back what went
through the feeder and is not recorded, which must never be more than what can be under way.
"""
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
from harness import DONE, FAILED, WAITING, Page, Stack, Workspace, check, contains, equal

ROUNDS, SEED = 25, 20261123
FAULTS = ("jam", "cover-open", "io-error", "disconnect", "hang", "no-docs", "busy", "cancelled", "no-mem", "inval")
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
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
            stack.sheet(Page(kind="letter", seed=n, dpi=100), Page(kind="minutes", seed=n + 50, dpi=100))
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


def end(process, rng, seconds):
    """Ends it at some moment, or waits for its end. Gives (signal or None, exit code, what it said)."""
    number = rng.choice(SIGNALS) if rng.random() < 0.65 else None
    if number:
        try:
            process.wait(rng.random() * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
    try:
        out, err = process.communicate(timeout=harness.TIMEOUT_S)
    except subprocess.TimeoutExpired:
        harness.stop(process)
        raise AssertionError(f"no end after signal {number}") from None
    text = (out + err).decode(errors="replace")
    check(not re.search(r"Sanitizer|runtime error:|Assertion .* failed", text), text)
    if process.returncode != -(number or 0) or not number:  # a signal at its very start just ends it
        check(process.returncode in (DONE, FAILED, WAITING), f"exit {process.returncode} after {number}\n{text}")
    return number, process.returncode, text


def a_round(folder, seed, stack, wanted):
    rng = random.Random(seed)
    stack.ini = faults(rng)
    ws = Workspace(folder)
    device = stack.lay(folder)
    seconds, log = 4.0 if harness.SANITIZED else 1.2, []
    for _ in range(MOST_STARTS):
        began = time.monotonic()
        number, code, text = end(ws.start("--set", "scan.timeout=2", "scan", "--device", device), rng, seconds)
        ws("status")  # as an operator would ask first; it also brings ledger.jsonl up to the journal
        have = recorded(ws)
        log.append(f"signal {number}, exit {code}, {time.monotonic() - began:.1f} s, {len(have)} recorded, "
                   f"{tray(device)} in the tray\n{text}")
        story = f"seed {seed}\n{stack.ini}" + "\n".join(log)
        check(have == wanted[:len(have)], f"what is recorded is not the paper so far\n{story}")
        lost = tray(device) - len(have)
        check(0 <= lost <= MOST_UNRECORDED, f"{lost} sheets went through and are not recorded\n{story}")
        if have:
            contains(ws("status").out, ws.fed()[-1]["sheet"])
        if lost:
            put_back(device, lost)
        if len(have) == SHEETS:
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
                starts += a_round(folder, seed + i, stack, wanted)
            except Exception:
                print(f"FAILED   round {i + 1}: kill.py 1 {seed + i}", flush=True)
                raise
            finally:
                if not os.environ.get("ALTAKT_KEEP"):
                    shutil.rmtree(folder, ignore_errors=True)
    finally:
        shutil.rmtree(whole, ignore_errors=True)
    print(f"{rounds} rounds, {starts} starts of the program, {time.monotonic() - began:.0f} s: "
          f"each of the {SHEETS} sheets recorded once, in order")


if __name__ == "__main__":
    main()
