"""A scanner at another machine: saned with the simulator, SANE's net backend in front of it, on a
loopback that this test has to itself (saned's port is one for the whole machine).

scanimage shows that the way itself is true; altakt must feed the same over it, and take a saned
that is killed in the middle of a sheet as a fault like any other.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys

import harness
import simulator
from harness import Page, Skip, Stack, Workspace, check, contains, equal, words
from simulator import JAMMED, arguments, environment, lay, same, scan

SANE_PORT = 6566


class Saned:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "sane")
        os.makedirs(self.folder, exist_ok=True)
        for name, text in (("saned.conf", "127.0.0.1\n"), ("net.conf", "connect_timeout = 20\n127.0.0.1\n"),
                           ("dll.conf", "net\n")):
            with open(os.path.join(self.folder, name), "w", encoding="ascii") as f:
                f.write(text)
        self.env = environment(SANE_CONFIG_DIR=self.folder)
        # whoever comes over the network finds the net backend and no other
        self.client = environment(SANE_CONFIG_DIR=self.folder, LD_LIBRARY_PATH=None, LD_PRELOAD=None)
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(["saned", "-l", "-b", "127.0.0.1"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.env,
                                        start_new_session=True)
        harness.wait_until("saned listens", self.listens)
        return self

    @staticmethod
    def listens():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", SANE_PORT)) == 0

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # those that serve a client too
        except ProcessLookupError:
            pass
        self.process.wait()

    def __exit__(self, *_):
        self.kill()


def hangs(stack):
    def fired():
        try:
            with open(os.path.join(stack, ".fed"), encoding="ascii") as f:
                return "fired 2.1 1" in f.read()
        except FileNotFoundError:
            return False
    harness.wait_until("the feeder hangs", fired)


# --- scanimage ------------------------------------------------------------------------------------------


def test_scanimage_delivers_the_same(folder):
    stack, sides = lay(folder, 8, ini="[sheet 2]\nfault = jam\nside = back\nafter_lines = 20\n")
    with Saned(folder) as saned:
        device = "net:127.0.0.1:paper:" + stack
        first = scan(device, "--source", "ADF Duplex", out=folder + "/out", env=saned.client)
        equal(first.code, JAMMED, "exit code")
        second = scan(device, "--source", "ADF Duplex", out=folder + "/out", env=saned.client)
        contains(second.err, "Document feeder out of documents")
        same(first.pages[:2] + second.pages, sides, "over the network")


def test_a_killed_saned_leaves_the_sheet(folder):
    stack, sides = lay(folder, 6, ini="[sheet 2]\nfault = hang\nside = back\nafter_lines = 7\n")
    device, out = "net:127.0.0.1:paper:" + stack, folder + "/out"
    with Saned(folder) as saned:
        process = subprocess.Popen(arguments(device, "--source", "ADF Duplex", out=out), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=saned.client)
        hangs(stack)
        saned.kill()
        # SANE's net backend now says GOOD with no bytes, for ever, and scanimage believes it
        process.kill()
        process.communicate(timeout=30)
    with Saned(folder) as saned:
        done = scan(device, "--source", "ADF Duplex", out=out, env=saned.client)
        same(done.pages, sides[2:], "after saned was killed")


# --- altakt -----------------------------------------------------------------------------------------------


def paper(folder, ini=""):
    stack = Stack()
    stack.cover("NETZ-1")
    for n in range(1, 4):
        stack.sheet(Page(words(n)), Page(words(n + 10)))
    stack.ini = ini
    return stack.lay(folder)


def raw_hashes(ws):
    return [image["sha256"] for e in ws.fed() for image in e["images"]]


def test_altakt_feeds_the_same_over_the_network(folder):
    if not os.access(harness.PROGRAM, os.X_OK) or not os.access(harness.TOOL, os.X_OK):
        raise Skip("altakt is not built")
    near, far = (Workspace(folder, os.path.join(folder, name)) for name in ("near", "far"))
    device = paper(folder)
    alone = os.path.join(folder, "alone")  # no other backend: they leak, and take their time
    os.makedirs(alone)
    with open(os.path.join(alone, "dll.conf"), "w", encoding="ascii") as f:
        f.write("paper\n")
    near("scan", "--device", device, env=harness.environment(SANE_CONFIG_DIR=alone))
    os.remove(os.path.join(device.removeprefix("paper:"), ".fed"))
    with Saned(folder) as saned:
        far("scan", "--device", "net:127.0.0.1:" + device, env=saned.client)
    equal(len(near.fed()), 4, "sheets")
    equal(raw_hashes(far), raw_hashes(near), "raw images over the network")


def test_altakt_takes_a_killed_saned_as_a_fault(folder):
    if not os.access(harness.PROGRAM, os.X_OK) or not os.access(harness.TOOL, os.X_OK):
        raise Skip("altakt is not built")
    ws = Workspace(folder)
    device = "net:127.0.0.1:" + paper(folder, "[sheet 2]\nfault = hang\nside = back\nafter_lines = 100\n")
    with Saned(folder) as saned:
        process = ws.start("scan", "--device", device, "--set", "scan.timeout=5", env=saned.client)
        hangs(os.path.join(folder, "stack"))
        saned.kill()
        _, err = process.communicate(timeout=harness.TIMEOUT_S)
        check(process.returncode in (harness.WAITING, harness.FAILED), f"exit {process.returncode}:\n{err.decode()}")
        contains(err.decode(), "net:127.0.0.1")
    equal(len(ws.fed()), 1, "sheets recorded before")
    with Saned(folder) as saned:
        ws("scan", "--device", device, env=saned.client)
    equal(len(ws.fed()), 4, "sheets in the end")


def main():
    for tool in ("saned", "scanimage", "unshare"):
        if not shutil.which(tool):
            print(f"skipped: {tool} is not installed")
            sys.exit(77)
    if not os.path.exists(simulator.MODULE):
        print("skipped: the simulator is not built")
        sys.exit(77)
    if not os.environ.get("ALTAKT_OWN_LOOPBACK"):
        up = ("import fcntl, socket, struct\n"
              "s = socket.socket()\n"
              "fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', 0x49))\n")  # SIOCSIFFLAGS: up, running
        flags = "-n" if os.geteuid() == 0 else "-rn"
        if subprocess.run(["unshare", flags, sys.executable, "-c", up], stderr=subprocess.DEVNULL).returncode != 0:
            print("skipped: this machine gives no network of its own (unshare -n)")
            sys.exit(77)
        inside = f"{up}import os, sys\nos.execv(sys.executable, [sys.executable, '-B', *sys.argv[1:]])\n"
        os.execvpe("unshare", ["unshare", flags, sys.executable, "-c", inside, os.path.abspath(__file__),
                               *sys.argv[1:]], {**os.environ, "ALTAKT_OWN_LOOPBACK": "1"})
    harness.main(needs_program=False)


if __name__ == "__main__":
    main()
