"""Memory is flat: 1 file with 2 sheets and 40 files with 600 sheets, main process and largest worker."""
import os
import subprocess
import threading
import time

from harness import DONE, SANITIZED, Page, Skip, Stack, balance, check, equal, main, words


DPI = 200  # at less, the feeder's queue is not full with two sheets: it is bounded by bytes


def peaks_of(process):
    """Peak resident memory in KiB of the process itself and of its largest child, until it ends."""
    peaks = {"main": 0, "worker": 0}

    def peak(pid):
        try:
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                return next((int(line.split()[1]) for line in f if line.startswith("VmHWM")), 0)
        except (OSError, ProcessLookupError):
            return 0

    def watch():
        while process.poll() is None:
            peaks["main"] = max(peaks["main"], peak(process.pid))
            try:
                with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as f:
                    children = f.read().split()
            except OSError:
                children = []
            for child in children:
                peaks["worker"] = max(peaks["worker"], peak(child))
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    return peaks, thread


def run(ws, files, sheets):
    stack = Stack(f"m{files}", dpi=DPI)
    for f in range(files):
        stack.cover(f"33/{f + 1}")
        for s in range(sheets // files):
            stack.sheet(Page(words(s % 4 + 1), dpi=DPI), Page(kind="blank", dpi=DPI))
    process = ws.start("run", "--device", stack.lay(ws.folder), "--batch", f"m{files}")
    peaks, thread = peaks_of(process)
    out, err = process.communicate(timeout=1500)
    thread.join()
    check(process.returncode == DONE, (out + err).decode(errors="replace"))
    manifest = ws.manifest(f"m{files}")
    balance(manifest)
    equal((manifest["counts"]["files"], manifest["counts"]["sheets"]), (files, sheets), "files and sheets")
    return peaks


def test_memory_is_flat(ws):
    if SANITIZED:
        raise Skip("memory is measured without sanitizers only")
    ws.settings(scan__resolution=DPI, encode__mixed="no")
    small = run(ws, 1, 2)
    large = run(ws, 40, 600)
    for who in ("main", "worker"):
        print(f"         {who}: {small[who] / 1024:.1f} MiB for 2 sheets, {large[who] / 1024:.1f} MiB for 600")
    for who in ("main", "worker"):
        check(large[who] <= 1.2 * small[who], f"{who}: {small[who]} KiB became {large[who]} KiB")


if __name__ == "__main__":
    main()
