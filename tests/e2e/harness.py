"""Drives the built program for the end-to-end tests: workspaces, stacks of drawn paper, calls.

Only Python's standard library. A test is a file beside this one with functions test_…(ws) or
test_…(); harness.main() runs them in order, one temporary folder each, and says what failed.
CTest gives ALTAKT (the program), ALTAKT_BUILD, ALTAKT_SOURCE, ALTAKT_SANITIZE; alone, the
release build beside the sources is taken.
"""
import contextlib
import hashlib
import inspect
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

SOURCE = os.environ.get("ALTAKT_SOURCE") or os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("ALTAKT_BUILD") or os.path.join(SOURCE, ".build/release")
PROGRAM = os.environ.get("ALTAKT") or os.path.join(BUILD, "altakt")
SANITIZED = bool(os.environ.get("ALTAKT_SANITIZE"))
TOOL = os.path.join(BUILD, "tests/tool_sample")
# Drawn pages are the same in every test of a build: drawn once, linked into the stacks.
PAPER = os.path.join(BUILD, "tests/paper")
DPI = 200
TIMEOUT_S = 600 if SANITIZED else 300

DONE, FAILED, USAGE, WAITING, CHECK = 0, 1, 2, 3, 4


class Skip(Exception):
    """This test cannot run here, and says why."""


class Answer:
    """What a call gave: .code .out .err, .json for --json."""

    def __init__(self, args, code, out, err, seconds):
        self.args, self.code, self.out, self.err, self.seconds = args, code, out, err, seconds

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as why:
            raise AssertionError(f"{self}\n--json is not JSON: {why}") from None

    def __str__(self):
        return f"altakt {' '.join(self.args)}: exit {self.code} after {self.seconds:.1f} s\n--- out\n{self.out}--- err\n{self.err}---"


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k not in ("ALTAKT_WORKSPACE", "SANE_CONFIG_DIR", "LD_LIBRARY_PATH")}
    env.update({"LC_ALL": "C.UTF-8", "LANGUAGE": "", "TZ": "UTC"})
    if SANITIZED:
        # SANE's backends leak and are unloaded: nothing could name them. The unit tests look for leaks of ours.
        # What was freed is kept aside (256 MiB by default) and would count against a worker's memory limit.
        env["ASAN_OPTIONS"] = "detect_leaks=0:quarantine_size_mb=16"
    env.update({k: v for k, v in more.items() if v is not None})
    return env


def altakt(*args, expect=DONE, timeout=None, env=None, stdin=None, cwd=None, user=None):
    """Calls the program; expect is the exit code wanted, a tuple of them, or None for any; user the uid."""
    args = [str(a) for a in args]
    began = time.monotonic()
    process = subprocess.Popen([PROGRAM, *args], stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env or environment(), cwd=cwd,
                               start_new_session=True, **({} if user is None else {"user": user, "group": user}))
    try:
        out, err = process.communicate(stdin.encode() if stdin is not None else None, timeout or TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"altakt {' '.join(args)}: no end after {timeout or TIMEOUT_S} s\n"
                             f"{out.decode(errors='replace')}{err.decode(errors='replace')}") from None
    answer = Answer(args, process.returncode, out.decode(errors="replace"), err.decode(errors="replace"),
                    time.monotonic() - began)
    check(not re.search(r"Sanitizer|runtime error:|Assertion .* failed", answer.err), f"a sanitizer speaks:\n{answer}")
    if expect is not None:
        wanted = expect if isinstance(expect, tuple) else (expect,)
        check(answer.code in wanted, f"exit {answer.code}, expected {wanted}\n{answer}")
    return answer


def start(*args, env=None, **more):
    """Starts the program and leaves it running."""
    return subprocess.Popen([PROGRAM, *[str(a) for a in args]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=env or environment(), start_new_session=True, **more)


def stop(process):
    """Ends a started program and everything that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return process.communicate()


def wait_until(what, condition, timeout=60):
    """Waits for a condition on the disk; fails after timeout seconds."""
    end = time.monotonic() + timeout
    while not condition():
        check(time.monotonic() < end, f"after {timeout} s still not: {what}")
        time.sleep(0.02)


class Watched:
    """Tesseract under watch (tests/watched_recogniser.c): how often pages were recognised; deadly where wanted."""

    def __init__(self, folder):
        library = os.path.join(BUILD, "tests/libwatched-recogniser.so")
        if not os.path.exists(library):
            raise Skip("tests/libwatched-recogniser.so is not built")
        self.path = os.path.join(folder, "recognised")
        self.env = environment(LD_PRELOAD=library, WATCHED_RECOGNISER=self.path)
        if SANITIZED:
            self.env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"

    def deadly(self, on):
        if on:
            open(self.path + ".die", "wb").close()
        else:
            os.unlink(self.path + ".die")

    def times(self):
        """Recognitions since the last call."""
        if not os.path.exists(self.path):
            return 0
        with open(self.path, encoding="ascii") as f:
            n = len(f.readlines())
        os.unlink(self.path)
        return n


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(found, expected, what):
    check(found == expected, f"{what}: found {found!r}, expected {expected!r}")


def contains(text, *pieces):
    for piece in pieces:
        check(piece in text, f"'{piece}' is not in:\n{text}")


# --- paper -----------------------------------------------------------------------------------------


def draw(lines):
    """Draws what is not drawn yet. lines: (path, fields of tool_sample's line without OUT)."""
    os.makedirs(PAPER, exist_ok=True)
    wanted = [(path, fields) for path, fields in lines if not os.path.exists(path)]
    if not wanted:
        return
    work = tempfile.mkdtemp(dir=PAPER)
    text = "".join("\t".join([fields[0], os.path.join(work, os.path.basename(path)), *map(str, fields[1:])]) + "\n"
                   for path, fields in wanted)
    done = subprocess.run([TOOL], input=text.encode(), stderr=subprocess.PIPE, timeout=TIMEOUT_S * 4, env=environment())
    check(done.returncode == 0, f"tool_sample: {done.stderr.decode(errors='replace')}")
    for name in os.listdir(work):
        os.replace(os.path.join(work, name), os.path.join(PAPER, name))
    os.rmdir(work)


class Page:
    """One side of an ordinary sheet."""

    def __init__(self, words=None, kind="few", seed=1, skew=0.0, rotate=0, flags="-", dpi=None):
        self.fields = ("page", kind, seed, skew, rotate, flags, dpi or DPI, words or "")

    def path(self):
        return os.path.join(PAPER, hashlib.sha256(repr(self.fields).encode()).hexdigest()[:20] + ".jpg")

    def text(self):
        with open(self.path() + ".txt", encoding="utf-8") as f:
            return f.read()


BLANK = Page(kind="blank")


def words(n):
    """Words that differ for each n below 256, and that are recognised surely."""
    first = "Amsel Biber Dachs Elster Falke Hirsch Igel Kranich Luchs Marder Otter Panther Rabe Storch Tiger Wolf"
    second = "Apfel Birne Dattel Erdbeere Feige Gurke Hafer Ingwer Karotte Linse Mandel Nuss Olive Pflaume Rettich Traube"
    return f"{first.split()[n % 16]} und {second.split()[n // 16 % 16]}"


class Stack:
    """What lies in the feeder, in order: covers and sheets, two images each (duplex)."""

    def __init__(self, name="stack", dpi=None):
        self.name, self.sides, self.serial, self.dpi = name, [], 0, dpi or DPI
        self.sheets = 0  # without covers
        self.ini = ""  # stack.ini: faults and speed

    def cover(self, number, volume=1, serial=None, torn=False, same_serial_as=None):
        self.serial += 1
        serial = same_serial_as or serial or f"T{self.name.upper()}-{self.serial:04d}"
        fields = ("torn" if torn else "cover", number, volume, serial, self.dpi)
        path = os.path.join(PAPER, hashlib.sha256(repr(fields).encode()).hexdigest()[:20] + ".jpg")
        self.sides += [(path, fields), (path, fields)]
        return serial

    def sheet(self, front=None, back=BLANK):
        self.sheets += 1
        for side in (front or Page(words(self.sheets)), back):
            self.sides.append((side.path(), side.fields))
        return self

    def image(self, path):
        """Any file as one image, as it is."""
        self.sides.append((path, None))

    def lay(self, folder):
        """Lays the stack into a folder for the simulator and gives paper:FOLDER."""
        path = os.path.join(folder, self.name)
        os.makedirs(path, exist_ok=True)
        draw([side for side in dict.fromkeys(self.sides) if side[1]])
        for i, (side, _) in enumerate(self.sides):
            link = os.path.join(path, f"{i + 1:05d}{os.path.splitext(side)[1]}")
            try:
                os.link(side, link)
            except OSError:
                shutil.copy(side, link)
        if self.ini:
            with open(os.path.join(path, "stack.ini"), "w", encoding="utf-8") as f:
                f.write(self.ini)
        return "paper:" + path


# --- workspace ---------------------------------------------------------------------------------------


class Workspace:
    def __init__(self, folder, path=None):
        self.folder, self.path = folder, path or os.path.join(folder, "ws")
        self("init", self.path, w=False)
        self.settings(station__operator="Erika Mustermann", scan__resolution=DPI, ocr__languages="deu",
                      claim__authority="Stadt Musterhausen")

    def __call__(self, *args, w=True, **more):
        return altakt(*(["-w", self.path] if w else []), *args, **more)

    def start(self, *args, **more):
        return start("-w", self.path, *args, **more)

    def settings(self, **values):
        """Sets section__key=value in altakt.ini, where the shipped file has it commented out."""
        path = os.path.join(self.path, "altakt.ini")
        with open(path, encoding="utf-8") as f:
            lines = f.read().split("\n")
        for name, value in values.items():
            section, key = name.split("__")
            at = lines.index(f"[{section}]") + 1
            while not re.match(rf";?{key} =", lines[at]):
                check(not lines[at].startswith("["), f"altakt.ini has no {section}.{key}")
                at += 1
            lines[at] = f"{key} = {value}"
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines))

    def register(self, text, expect=DONE):
        path = os.path.join(self.folder, "register.csv")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return self("register", "import", path, expect=expect)

    def run(self, device, *args, expect=DONE, **more):
        return self("run", "--device", device, *args, expect=expect, **more)

    def batches(self):
        folder = os.path.join(self.path, "batches")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def batch(self):
        found = self.batches()
        equal(len(found), 1, "number of batches")
        return found[0]

    def manifest(self, batch=None):
        with open(os.path.join(self.path, "batches", batch or self.batch(), "manifest.json"), encoding="utf-8") as f:
            return json.load(f)

    def ledger(self, batch=None):
        """The events of a batch, chain checked with nothing but SHA-256."""
        path = os.path.join(self.path, "batches", batch or self.batch(), "ledger.jsonl")
        return read_chain(path)

    def fed(self, batch=None):
        return [e for e in self.ledger(batch) if e["event"] == "sheet_fed"]

    def accept(self, batch=None, lead="Max Mustermann"):
        batch = batch or self.batch()
        self("seen", batch, "--by", lead, "--all")
        return self("accept", batch, "--by", lead)


def read_chain(path):
    before, events = "0" * 64, []
    with open(path, "rb") as f:
        data = f.read()
    check(data == b"" or data.endswith(b"\n"), f"{path}: the last line is not whole")
    for n, line in enumerate(data.split(b"\n")[:-1], 1):
        event = json.loads(line)
        equal(event["n"], n, f"{path}: n")
        equal(event["prev"], before, f"{path}:{n}: prev")
        before = hashlib.sha256(line).hexdigest()
        events.append(event)
    return events


def valid(name, data):
    """Holds JSON against config/schema/<name>.json."""
    try:
        import jsonschema
    except ImportError:
        print("skipped: jsonschema is not installed")
        return
    with open(os.path.join(SOURCE, "config/schema", name + ".json"), encoding="utf-8") as f:
        schema = json.load(f)
    problems = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"
                for e in jsonschema.Draft202012Validator(schema).iter_errors(data)]
    check(not problems, f"not as config/schema/{name}.json says:\n" + "\n".join(problems[:10]))


def independent(folder, expect=DONE):
    """config/verify-manifest, the check that shares no code with the program."""
    done = subprocess.run(["/usr/bin/python3", "-B", os.path.join(SOURCE, "config/verify-manifest"), folder],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    equal(done.returncode, expect, f"verify-manifest\n{done.stdout}\n")
    return done.stdout


def files_below(folder):
    for base, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield os.path.join(base, name)


def balance(manifest):
    """Asserts the sums of DESIGN's balance."""
    c, b = manifest["counts"], manifest["balance"]
    equal(b["fed"], b["counted"] + b["blank_uncounted"] + b["separators"] + b["superseded"] + b["voided"], "fed")
    equal(c["images"], b["images_expected"] - b["images_missing"], "images received")
    equal(c["sheets"], b["counted"], "sheets")
    files = manifest["files"]
    for figure in ("sheets", "pages", "blank_pages"):
        equal(c[figure], sum(f[figure] for f in files), f"sum of the files' {figure}")
    equal(sum(f["pages"] + f["blank_pages"] for f in files), sum(f["images"] for f in files), "pages and images")


@contextlib.contextmanager
def mounted(path, *options):
    os.makedirs(path, exist_ok=True)
    done = subprocess.run(["mount", *options, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        raise Skip(f"mounting is not allowed here ({done.stdout.strip()})")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=False)


# --- running -------------------------------------------------------------------------------------------


def main(needs_program=True):
    module = sys.modules["__main__"]
    names = [n for n, f in vars(module).items() if n.startswith("test_") and inspect.isfunction(f)]
    wanted = sys.argv[1:] or names
    if needs_program and (not os.access(PROGRAM, os.X_OK) or not os.access(TOOL, os.X_OK)):
        print(f"skipped: {PROGRAM} or {TOOL} is not built")
        sys.exit(77)
    failed = skipped = 0
    for name in wanted:
        function = getattr(module, name)
        folder = tempfile.mkdtemp(prefix="altakt-e2e-")
        began, before = time.monotonic(), sum(os.times()[:4])
        try:
            parameters = list(inspect.signature(function).parameters)
            function(*([Workspace(folder)] if parameters == ["ws"] else [folder] if parameters else []))
            print(f"passed   {name} ({time.monotonic() - began:.1f} s, {sum(os.times()[:4]) - before:.1f} s of processor)",
                  flush=True)
        except Skip as why:
            skipped += 1
            print(f"skipped: {name}: {why}", flush=True)
        except Exception:  # noqa: a test may fail in any way; all of them are told, none ends the rest
            failed += 1
            print(f"FAILED   {name} ({time.monotonic() - began:.1f} s)", flush=True)
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
        finally:
            if os.environ.get("ALTAKT_KEEP"):
                print(f"         kept in {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
    if failed:
        sys.exit(1)
    sys.exit(77 if skipped == len(wanted) else 0)
