"""Stopped at any moment, by Ctrl-C, by kill -9, by a jam: it goes on, and the count is the paper's."""
import fcntl
import os
import pty
import random
import re
import select
import signal
import subprocess
import glob
import termios
import time

import simulator
from harness import (DONE, PROGRAM, SANITIZED, WAITING, Page, Stack, balance, check, contains, environment, equal,
                     main, stop, wait_until, words)

UNRECORDED_MOST = 8  # scan/feeder.h: FEEDER_UNRECORDED_MOST
FILES = (("33/1", 3), ("33/2", 2), ("33/3", 3))
SHEETS = sum(n for _, n in FILES)
FED = SHEETS + len(FILES)


def paper(ws, ini=""):
    """Three files, each behind its cover (1, 5 and 8 of the stack); every sheet has a word of its own."""
    stack = Stack("paper")
    stack.ini = ini
    n = 0
    for number, sheets in FILES:
        stack.cover(number)
        for _ in range(sheets):
            n += 1
            stack.sheet(Page(words(n)))
    return stack.lay(ws.folder)


def through(device):
    """How many sheets the simulated feeder has put into its output tray."""
    path = os.path.join(device[len("paper:"):], ".fed")
    if not os.path.exists(path):
        return 0
    with open(path, encoding="utf-8") as f:
        return sum(int(n) for n in re.findall(r"^tray (\d+) sheets", f.read(), re.M))


def put_back(ws, device, sheets):
    """The operator's hand: lays the last sheets of the tray onto the feeder again."""
    if sheets == 0:
        return
    conf = os.path.join(ws.folder, "sane")
    os.makedirs(conf, exist_ok=True)
    with open(os.path.join(conf, "dll.conf"), "w", encoding="utf-8") as f:
        f.write("paper\n")
    before = through(device)
    done = subprocess.run(["scanimage", "-d", device, "--source", "ADF Duplex", f"--put-back={sheets}", "-n"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                          env=simulator.environment(SANE_CONFIG_DIR=conf))
    equal(through(device), before - sheets, f"sheets in the tray\n{done.stdout}\n")


def recorded(ws):
    return sum(len({e["sheet"] for e in ws.fed(batch)}) for batch in ws.batches())


def recorded_so_far(ws):
    """While it runs: whole lines only, and the file may not be there yet."""
    n = 0
    for path in glob.glob(os.path.join(ws.path, "batches/*/ledger.jsonl")):
        with open(path, "rb") as f:
            n += f.read().count(b'"event":"sheet_fed"')
    return n


def right(ws):
    """The end of it all: everything fed once, everything counted once."""
    equal(len(ws.batches()), 1, "batches")
    manifest = ws.manifest()
    balance(manifest)
    equal([(f["file_number"], f["sheets"], f["pages"]) for f in manifest["files"]], [(f, n, n) for f, n in FILES],
          "files")
    equal(manifest["counts"]["separators"], len(FILES), "separators")
    hashes = [tuple(i["sha256"] for i in e["images"]) for e in ws.fed()]
    equal(len(hashes), FED, "sheets fed")
    ws("verify")
    text = ""
    for pdf in sorted(glob.glob(os.path.join(ws.path, "files/*/data/*.pdf"))):
        text += subprocess.run(["pdftotext", pdf, "-"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for n in range(1, SHEETS + 1):
        equal(len(re.findall(words(n), text)), 1, f"'{words(n)}' in the bundles")


def go_on(ws, device, batch_known=True):
    """As an operator would: lay back what is not recorded, then the same command."""
    missing = through(device) - recorded(ws)
    check(0 <= missing <= UNRECORDED_MOST, f"{missing} sheets went through and are not recorded")
    put_back(ws, device, missing)


def answers(process, number):
    """Whether it is the program already and has taken this signal; SIGKILL nobody takes."""
    if number == signal.SIGKILL:
        return True
    try:
        with open(f"/proc/{process.pid}/status") as f:
            caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", f.read(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return caught is not None and int(caught[1], 16) >> (number - 1) & 1 == 1


def killed_at(ws, number, seed, moments):
    random.seed(seed)
    device = paper(ws, "[stack]\nspeed = 300\n")
    stopped = 0
    for at in moments:
        process = ws.start("run", "--device", device)
        target = at
        try:
            wait_until("it runs", lambda: recorded_so_far(ws) >= target or process.poll() is not None, 60)
            time.sleep(random.random() * 0.3)
            wait_until("it answers signals", lambda: process.poll() is not None or answers(process, number), 60)
        finally:
            running = process.poll() is None
            if running:
                process.send_signal(number)
                stopped += 1
            if number == signal.SIGKILL:
                stop(process)
            else:
                out, err = process.communicate(timeout=60)
                text = (out + err).decode(errors="replace")
                check("Sanitizer" not in text, text)
                if running:
                    check(process.returncode in (DONE, WAITING), f"stopped by {number}: exit {process.returncode}\n{text}")
        # What is recorded is whole, and status says where it stands.
        status = ws("status")
        if ws.batches() and recorded(ws) and not manifests(ws):
            last = ws.fed()[-1]["sheet"]
            contains(status.out, last)
        go_on(ws, device)
    check(stopped > 0, "it was never stopped while it ran")
    for _ in range(3):
        if manifests(ws):
            break
        answer = ws.run(device, expect=(DONE, WAITING))
        if answer.code == WAITING and not manifests(ws):
            ws("close", ws.batch(), expect=None)
    right(ws)


def manifests(ws):
    return glob.glob(os.path.join(ws.path, "batches/*/manifest.json"))


def test_kill_9_at_many_moments(ws):
    killed_at(ws, signal.SIGKILL, 1, (0, 2, 5, 8, FED))


def test_ctrl_c_at_many_moments(ws):
    killed_at(ws, signal.SIGINT, 2, (1, 6, 10))


def test_terminated_at_many_moments(ws):
    killed_at(ws, signal.SIGTERM, 3, (3, 9))


def test_killed_between_scan_and_process(ws):
    device = paper(ws)
    ws("scan", "--device", device)
    equal(recorded(ws), FED, "sheets recorded by scan alone")
    for seconds in (0.1, 0.4, 1.0):
        process = ws.start("process")
        time.sleep(seconds * (6 if SANITIZED else 1))
        stop(process)
    ws("process")
    ws("close", ws.batch())
    right(ws)


def test_killed_while_closing(ws):
    device = paper(ws)
    ws("scan", "--device", device)
    ws("process")
    for seconds in (0.01, 0.03, 0.06, 0.1, 0.2):
        process = ws.start("close", ws.batch())
        time.sleep(seconds * (4 if SANITIZED else 1))
        stop(process)
    ws("close", ws.batch(), expect=None)
    if not manifests(ws):
        ws("close", ws.batch())
    right(ws)


def test_workers_killed(ws):
    """A worker that dies costs one try of one page."""
    device = paper(ws)
    ws("scan", "--device", device)
    process = ws.start("process", "--jobs", "2")
    killed = 0
    end = time.monotonic() + 60
    while killed < 2 and process.poll() is None and time.monotonic() < end:
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], stdout=subprocess.PIPE, text=True,
                                  check=False).stdout.split()
        if children:
            os.kill(int(children[0]), signal.SIGKILL)
            killed += 1
            time.sleep(0.5)
    out, err = process.communicate(timeout=120)
    check(process.returncode == DONE, (out + err).decode(errors="replace"))
    check(killed > 0, "no worker was there to be killed")
    ws("close", ws.batch())
    right(ws)


def test_jam_and_cover_open(ws):
    """The feeder stops twice: exit 3, a word to the operator, and the same command goes on."""
    device = paper(ws, "[sheet 4]\nfault = jam\n[sheet 9]\nfault = cover-open\nside = back\nafter_lines = 300\n")
    first = ws.run(device, expect=WAITING)
    equal(recorded(ws), 3, f"sheets before the jam\n{first}")
    contains(first.err.lower(), "jam")
    go_on(ws, device)
    second = ws.run(device, expect=WAITING)
    contains(second.err.lower(), "cover")
    go_on(ws, device)
    ws.run(device)
    right(ws)


def test_false_out_of_documents(ws):
    """'Out of documents' though there is paper is no proof of completeness."""
    ws.register("file_number;sheets\n" + "".join(f"{f};{n}\n" for f, n in FILES))
    device = paper(ws, "[sheet 7]\nfault = no-docs\n")
    answer = ws.run(device, expect=(WAITING, 4))
    check(not manifests(ws), f"closed though a file is not complete\n{answer}")
    ws.run(device)
    right(ws)


def test_false_end_right_behind_a_cover(ws):
    """Nobody counted anything; but a cover sheet without sheets is never the end of a stack."""
    device = paper(ws, "[sheet 6]\nfault = no-docs\n")
    answer = ws.run(device, expect=WAITING)
    contains(answer.err, "nothing came after it")
    check(not manifests(ws), f"closed behind a cover sheet\n{answer}")
    ws.run(device)
    right(ws)


def test_two_covers_in_a_row(ws):
    stack = Stack("paper")
    stack.cover("33/1")
    stack.cover("33/2")
    stack.sheet(Page(words(1)))
    answer = ws.run(stack.lay(ws.folder), expect=WAITING)
    contains(ws("status").out, "cover sheet right after another one")
    check(not manifests(ws), f"closed with a file that has no sheets\n{answer}")
    equal(ws.fed()[1]["suspects"], ["cover_after_cover"], "suspects")
    batch = ws.batch()
    ws("decide", f"{batch}/2", "keep", "--by", "Erika Mustermann", "--reason", "the first file is empty")
    ws("close", batch)
    manifest = ws.manifest()
    balance(manifest)
    equal([(f["file_number"], f["sheets"]) for f in manifest["files"]], [("33/2", 1)], "files")
    ws("verify")


class Terminal:
    """The program at a terminal, with somebody who reads and types."""

    def __init__(self, *args):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([PROGRAM, *args], stdin=slave, stdout=slave, stderr=slave,
                                        env=environment(), start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.text = ""

    def read(self, until):
        """Everything up to the words wanted, or to the end where they are None."""
        end = time.monotonic() + 120
        while until is None or until not in self.text:
            check(time.monotonic() < end, f"'{until}' does not come:\n{self.text}")
            if not select.select([self.master], [], [], 1)[0]:
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the other side is closed
                data = b""
            if not data:
                check(until is None, f"'{until}' does not come:\n{self.text}")
                break
            self.text += data.decode(errors="replace")
        text, self.text = self.text, ""
        return text

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        text = self.read(None)
        os.close(self.master)
        return self.process.wait(60), text


def test_the_operators_word_is_the_second_witness(ws):
    """On a terminal: 'empty' is asked about where nobody counted, and page work goes on meanwhile."""
    device = paper(ws, "[sheet 7]\nfault = no-docs\n")
    at = Terminal("-w", ws.path, "run", "--device", device)
    try:
        said = at.read("more paper is in the feeder: ")
        contains(said, "file 33/2")
        wait_until("the pages so far are worked on", lambda: sum(
            e["event"] == "page_done" for e in ws.ledger(ws.batch())) >= 8 if ws("status") else False)
        at.type("\n")
        said = at.read("more paper is in the feeder: ")
        contains(said, "file 33/3")
        at.type("what\n")
        at.read("more paper is in the feeder: ")
        at.type("y\n")
        code, said = at.end()
        equal(code, DONE, said)
    finally:
        stop(at.process)
    right(ws)
    stops = [e for e in ws.ledger(ws.batch()) if e["event"] == "feeding_stopped"]
    equal([e.get("whole_stack") for e in stops], [True], "the operator's word")


def test_nobody_says_that_it_was_all(ws):
    """Ctrl-D or Ctrl-C at the question: the batch stays open."""
    stack = Stack("paper")
    stack.cover("33/1")
    stack.sheet(Page(words(1)))
    device = stack.lay(ws.folder)
    more = Stack("more")
    more.sheet(Page(words(2)))
    more.lay(ws.folder)
    for key in ("\4", "\3"):
        at = Terminal("-w", ws.path, "run", "--device", device)
        try:
            at.read("more paper is in the feeder: ")
            at.type(key)
            code, said = at.end()
            equal(code, WAITING, said)
        finally:
            stop(at.process)
        check(not manifests(ws), f"closed without the operator's word\n{said}")
        device = "paper:" + os.path.join(ws.folder, "more")
    ws("close", ws.batch())
    equal(ws.manifest()["counts"]["sheets"], 2, "sheets")


if __name__ == "__main__":
    main()
