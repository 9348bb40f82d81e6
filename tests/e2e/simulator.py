"""The simulator from outside: `scanimage`, which nobody here wrote, feeds from stacks through SANE's
dll backend.

The sides are written and the scans are read with Python alone, so that what is compared with what
does not depend on any decoder that the simulator uses.
"""
import os
import shutil
import signal
import struct
import subprocess
import sys
import zlib

import harness
from harness import Skip, check, contains, equal

SANE = os.path.join(harness.BUILD, "sane")
MODULE = os.path.join(SANE, "libsane-paper.so.1")
JAMMED, NO_DOCS, COVER_OPEN, IO_ERROR = 6, 7, 8, 9


# --- sides -----------------------------------------------------------------------------------------------


def pixels(seed, width, height, channels):
    """Lines of noise that differ for each seed."""
    lines = []
    for _ in range(height):
        line = bytearray()
        for _ in range(width * channels):
            seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
            line.append(seed >> 24)
        lines.append(bytes(line))
    return lines


def png(path, width, height, lines, depth=8, kind=2, dpi=300):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    per_metre = round(dpi / 0.0254)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)) +
                chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)) +
                chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines), 1)) + chunk(b"IEND", b""))


def tiff(path, width, height, lines, samples=3, dpi=300):
    """Uncompressed, in two strips."""
    half = (height + 1) // 2
    strips = [b"".join(lines[:half]), b"".join(lines[half:])]
    n = 11
    extra = 8 + 2 + 12 * n + 4
    offsets, counts, bits, resolution, data = extra, extra + 8, extra + 16, extra + 22, extra + 38
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, samples, bits if samples == 3 else 8),
               (259, 3, 1, 1), (262, 3, 1, 2 if samples == 3 else 1), (273, 4, 2, offsets), (277, 3, 1, samples),
               (278, 4, 1, half), (279, 4, 2, counts), (282, 5, 1, resolution), (283, 5, 1, resolution + 8)]
    with open(path, "wb") as f:
        f.write(struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", n))
        for entry in entries:
            f.write(struct.pack("<HHII", *entry))
        f.write(struct.pack("<I", 0) + struct.pack("<II", data, data + len(strips[0])) +
                struct.pack("<II", len(strips[0]), len(strips[1])) + struct.pack("<HHH", 8, 8, 8) +
                struct.pack("<IIII", dpi, 1, dpi, 1) + b"".join(strips))


def lay(folder, n, width=61, height=43, ini=""):
    """A stack of n colour sides, PNG and TIFF in turn; gives its folder and the sides' pixels."""
    stack = os.path.join(folder, "stack")
    os.makedirs(stack)
    sides = []
    for i in range(n):
        lines = pixels(i + 1, width, height, 3)
        if i % 3 == 2:
            tiff(os.path.join(stack, f"{i + 1:03d}.tif"), width, height, lines)
        else:
            png(os.path.join(stack, f"{i + 1:03d}.png"), width, height, lines)
        sides.append((width, height, 3, b"".join(lines)))
    if ini:
        with open(os.path.join(stack, "stack.ini"), "w", encoding="ascii") as f:
            f.write(ini)
    return stack, sides


def read_tiff(path):
    """(width, height, channels, bytes) of what scanimage wrote: one strip, not compressed."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[:2] == b"II" else ">"
    at = struct.unpack(order + "I", data[4:8])[0]
    tags = {}
    for i in range(struct.unpack(order + "H", data[at:at + 2])[0]):
        entry = data[at + 2 + 12 * i:at + 14 + 12 * i]
        tag, kind, _ = struct.unpack(order + "HHI", entry[:8])
        tags[tag] = struct.unpack(order + ("H" if kind == 3 else "I"), entry[8:10 if kind == 3 else 12])[0]
    return tags[256], tags[257], tags.get(277, 1), data[tags[273]:]


# --- SANE ------------------------------------------------------------------------------------------------


def preload():
    """A sanitized backend in a program that is not wants the sanitizer's library first."""
    symbols = subprocess.run(["nm", "-D", MODULE], stdout=subprocess.PIPE, check=True).stdout.decode()
    if "__tsan_init" in symbols:
        raise Skip("a backend under the thread sanitizer cannot be loaded into scanimage")
    if "__asan_init" not in symbols:
        return None
    needed = subprocess.run(["ldd", MODULE], stdout=subprocess.PIPE, check=True).stdout.decode()
    for line in needed.splitlines():
        if "libasan" in line:
            return line.split("=>")[1].split()[0]
    for clang in ("clang", "clang-14"):
        if shutil.which(clang):
            name = subprocess.run([clang, "-print-file-name=libclang_rt.asan-x86_64.so"], stdout=subprocess.PIPE,
                                  check=True).stdout.decode().strip()
            if os.path.exists(name):
                return name
    raise Skip("the address sanitizer's library is not found")


def environment(**more):
    env = harness.environment(**{"LD_LIBRARY_PATH": SANE, "LD_PRELOAD": preload(), **more})
    env["ASAN_OPTIONS"] = "detect_leaks=0"  # those of scanimage and saned
    return env


class Scan:
    """What a call of scanimage gave: .code, .err, .pages as read_tiff() has them."""

    def __init__(self, code, err, out):
        self.code, self.err, self.pages, n = code, err, [], 1
        while os.path.exists(os.path.join(out, f"out{n}.tiff")):
            self.pages.append(read_tiff(os.path.join(out, f"out{n}.tiff")))
            n += 1


def arguments(device, *args, out):
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    return ["scanimage", "-d", device, *args, f"--batch={out}/out%d.tiff", "--format=tiff"]


def scan(device, *args, out, env=None):
    done = subprocess.run(arguments(device, *args, out=out), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env or environment(), timeout=harness.TIMEOUT_S)
    err = done.stderr.decode(errors="replace")
    check("Sanitizer" not in err and "runtime error" not in err, err)
    return Scan(done.returncode, err, out)


def same(pages, sides, what):
    equal(len(pages), len(sides), f"{what}: pages")
    for i, (page, side) in enumerate(zip(pages, sides), 1):
        equal(page[:3], side[:3], f"{what}: size of page {i}")
        check(page[3][:len(side[3])] == side[3], f"{what}: pixels of page {i} differ")


# --- through the dll backend -------------------------------------------------------------------------


def test_duplex_batch_delivers_every_side_and_ends_with_out_of_documents(folder):
    stack, sides = lay(folder, 8)
    done = scan("paper:" + stack, "--source", "ADF Duplex", out=folder + "/out")
    contains(done.err, "Document feeder out of documents", "Batch terminated, 8 pages scanned")
    same(done.pages, sides, "duplex")
    again = scan("paper:" + stack, "--source", "ADF Duplex", out=folder + "/out")
    equal(again.code, NO_DOCS, "exit code on an empty feeder")
    equal(again.pages, [], "pages of an empty feeder")


def test_simplex_and_flatbed_take_each_image_as_a_sheet(folder):
    stack, sides = lay(folder, 5)
    done = scan("paper:" + stack, "--source", "ADF Front", "--batch-count=2", out=folder + "/out")
    same(done.pages, sides[:2], "simplex")
    done = scan("paper:" + stack, "--source", "Flatbed", out=folder + "/out")
    same(done.pages, sides[2:], "flatbed")


def test_grey_and_lineart(folder):
    stack, sides = lay(folder, 2)
    done = scan("paper:" + stack, "--mode", "Gray", out=folder + "/out")
    grey = []
    for width, height, _, data in sides:
        values = bytes((19595 * r + 38470 * g + 7471 * b + 32768) >> 16
                       for r, g, b in zip(data[::3], data[1::3], data[2::3]))
        grey.append((width, height, 1, values))
    same(done.pages, grey, "grey")
    done = scan("paper:" + stack, "--put-back", "2", "--mode", "Lineart", "--threshold", "90", out=folder + "/out")
    for i, (width, height, _, packed) in enumerate(done.pages):
        line = (width + 7) // 8
        for y in range(height):
            for x in range(width):
                black = packed[y * line + x // 8] >> (7 - x % 8) & 1
                equal(black, int(grey[i][3][y * width + x] < 90), f"page {i + 1}, pixel {x}, {y}")


def test_resolution_and_area(folder):
    stack, sides = lay(folder, 1, width=600, height=300)
    done = scan("paper:" + stack, "--resolution", "100", out=folder + "/out")
    equal(done.pages[0][:2], (200, 100), "size at 100 dpi")
    # 10 mm at 300 dpi are 118 pixels
    done = scan("paper:" + stack, "--put-back", "1", "-l", "10", "-t", "5", "-x", "20", "-y", "10", out=folder + "/out")
    width, height, _, data = done.pages[0]
    equal((width, height), (236, 118), "size of the area")
    for y in range(height):
        at = ((y + 59) * 600 + 118) * 3
        check(data[y * width * 3:(y + 1) * width * 3] == sides[0][3][at:at + width * 3], f"line {y} of the area")


def test_faults_stop_and_the_sheet_comes_again(folder):
    ini = "[sheet 2]\nfault = jam\nside = back\nafter_lines = 20\n[sheet 3]\nfault = cover-open\nfault = io-error\n"
    stack, sides = lay(folder, 8, ini=ini)
    codes, whole = [], []
    for status in (JAMMED, COVER_OPEN, IO_ERROR, None):
        done = scan("paper:" + stack, "--source", "ADF Duplex", out=folder + "/out")
        codes.append(done.code)
        # a page that a fault cut is no page; a front without its back comes again
        whole += done.pages[:len(done.pages) // 2 * 2]
        if status:
            equal(done.code, status, "exit code")
    same(whole, sides, "after all faults")


def test_double_feed_is_jammed_after_the_sheet(folder):
    stack, sides = lay(folder, 8, ini="[sheet 2]\nfault = double-feed\n")
    done = scan("paper:" + stack, "--source", "ADF Duplex", out=folder + "/out")
    equal(done.code, JAMMED, "exit code")
    same(done.pages, sides[:4], "up to the double feed")
    done = scan("paper:" + stack, "--source", "ADF Duplex", "--double-feed-detection=no", out=folder + "/out")
    same(done.pages, sides[6:], "after it")


def hanging(folder, env):
    """A scanimage that reads the second sheet's back, which has come to a stop."""
    out = folder + "/out"
    device = "paper:" + os.path.join(folder, "stack")
    process = subprocess.Popen(arguments(device, "--source", "ADF Duplex", out=out), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, start_new_session=True)
    fed = os.path.join(folder, "stack/.fed")

    def stopped():
        with open(fed, encoding="ascii") as f:
            return "fired 2.1 1" in f.read()
    harness.wait_until("the feeder hangs", lambda: os.path.exists(fed) and stopped())
    return process


def test_a_killed_or_interrupted_program_leaves_the_sheet(folder):
    for how in (signal.SIGKILL, signal.SIGINT):
        work = os.path.join(folder, how.name)
        os.makedirs(work)
        stack, sides = lay(work, 6, ini="[sheet 2]\nfault = hang\nside = back\nafter_lines = 7\n")
        process = hanging(work, environment())
        process.send_signal(how)
        process.communicate(timeout=30)
        done = scan("paper:" + stack, "--source", "ADF Duplex", out=work + "/out")
        same(done.pages, sides[2:], f"after {how.name}")


def test_bad_images_are_said_and_stay(folder):
    stack, sides = lay(folder, 2)
    with open(os.path.join(stack, "000.jpg"), "wb") as f:
        f.write(b"no picture at all")
    done = scan("paper:" + stack, out=folder + "/out", env=environment(SANE_DEBUG_PAPER="1"))
    equal(done.code, IO_ERROR, "exit code")
    contains(done.err, "000.jpg", "not an image")
    os.remove(os.path.join(stack, "000.jpg"))
    same(scan("paper:" + stack, out=folder + "/out").pages, sides, "without it")


def test_devices_are_listed(folder):
    stack, _ = lay(folder, 1)
    with open(os.path.join(folder, "dll.conf"), "w", encoding="ascii") as f:
        f.write("paper\n")
    done = subprocess.run(["scanimage", "-L"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                          env=environment(SANE_CONFIG_DIR=folder, ALTAKT_PAPER=stack))
    contains(done.stdout.decode(), f"device `paper:{stack}' is a altakt paper stack virtual device")
    done = subprocess.run(["scanimage", "-d", "paper:" + stack, "-A"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, env=environment())
    contains(done.stdout.decode(), "--source Flatbed|ADF Front|ADF Duplex", "--mode Lineart|Gray|Color",
             "--feed-count", "--put-back", "--page-loaded")


def main():
    if not shutil.which("scanimage") or not os.path.exists(MODULE):
        print("skipped: scanimage is not installed, or the simulator is not built")
        sys.exit(77)
    harness.main(needs_program=False)


if __name__ == "__main__":
    main()
