"""What others say of the count: timestamps (RFC 3161) of a real service, outside seals, the clock.

The service is `openssl ts` behind a small HTTP server, with a certificate authority made here.
"""
import glob
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import threading

from harness import (BUILD, CHECK, DONE, FAILED, SANITIZED, SOURCE, USAGE, WAITING, Page, Skip, Stack, altakt, check,
                     contains, environment, equal, main, read_chain, words)

TSA_CONFIG = """
[tsa]
default_tsa = it
[it]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/ca.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
"""


CA_CONFIG = """
[ca]
default_ca = it
[it]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


def openssl(*args, **more):
    done = subprocess.run(["openssl", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, **more)
    check(done.returncode == 0, f"openssl {' '.join(args)}: {done.stderr.decode(errors='replace')}")
    return done.stdout


class Service:
    """A timestamp service on loopback. .mode: good, stale (another request's answer), refuse, away."""

    def __init__(self, folder):
        self.folder, self.mode, self.old = os.path.join(folder, "tsa"), "good", None
        os.makedirs(self.folder)
        at = lambda name: os.path.join(self.folder, name)  # noqa: E731
        for name in ("ca", "other"):
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", at(name + ".key"), "-out",
                    at(name + ".pem"), "-days", "30", "-subj", f"/CN=Muster-CA {name}")
        openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", at("tsa.key"), "-out", at("tsa.csr"), "-subj",
                "/CN=Muster-Zeitstempel")
        with open(at("ext"), "w", encoding="utf-8") as f:
            f.write("extendedKeyUsage = critical,timeStamping\n")
        openssl("x509", "-req", "-in", at("tsa.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial",
                "-days", "30", "-extfile", at("ext"), "-out", at("tsa.pem"))
        with open(at("serial"), "w", encoding="utf-8") as f:
            f.write("01\n")
        with open(at("tsa.cnf"), "w", encoding="utf-8") as f:
            f.write(TSA_CONFIG.format(folder=self.folder))
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = service.reply(body)
                self.send_response(200 if answer else 503)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/tsr"

    def reply(self, query):
        if self.mode == "away":
            return b""
        if self.mode == "stale" and self.old:
            return self.old
        if self.mode == "rubbish":
            return b"<html>no timestamp</html>"
        path = os.path.join(self.folder, f"query{threading.get_ident()}")
        with open(path, "wb") as f:
            f.write(query)
        self.old = openssl("ts", "-reply", "-config", os.path.join(self.folder, "tsa.cnf"), "-queryfile", path)
        return self.old


def closed(ws, number="33/1", **more):
    stack = Stack("proof" + number.replace("/", "-"))
    stack.cover(number)
    stack.sheet(Page(words(1)))
    return ws.run(stack.lay(ws.folder), **more)


def events(path, *kinds):
    return [e for e in read_chain(path) if e["event"] in kinds]


def judge(path, ca):
    openssl("ts", "-verify", "-in", path + ".tsr", "-data", path, "-CAfile", ca)


def test_timestamps(ws):
    service = Service(ws.folder)
    ca = os.path.join(service.folder, "ca.pem")
    ws.settings(timestamp__url=service.url, timestamp__ca=ca)
    closed(ws)
    batch = ws.batch()
    manifest = os.path.join(ws.path, "batches", batch, "manifest.json")
    judge(manifest, ca)
    stamp, = [e for e in ws.ledger() if e["event"] == "timestamped"]
    contains(stamp["signer"], "Muster-Zeitstempel")
    with open(manifest + ".tsr", "rb") as f:
        token = f.read()
    equal(hashlib.sha256(token).hexdigest(), stamp["sha256"], "hash of the token in the ledger")
    contains(ws("verify").out + ws("verify").err, "Muster-Zeitstempel")
    ws.accept()

    # The service away at the claim: a warning and a record, never a lost claim; then asked again.
    service.mode = "away"
    answer = ws("claim")
    contains(answer.err, "claim 1 has no timestamp", "altakt seal")
    claim = os.path.join(ws.path, "claims/0001/claim.json")
    check(os.path.exists(claim), "the claim is lost")
    own = os.path.join(ws.path, "ledger.jsonl")
    equal(len(events(own, "claim_timestamp_missing")), 1, "claims whose missing timestamp is recorded")
    contains(str(ws("verify")), "has no timestamp")
    ws("seal", expect=FAILED)
    equal(len(events(own, "claim_timestamp_missing")), 1, "claims whose missing timestamp is recorded")
    service.mode = "good"
    contains(ws("seal").out, "new: 1 timestamp and 0 seals; still missing: 0")
    judge(claim, ca)
    equal(len(events(own, "claim_timestamped")), 1, "timestamps of claims")
    contains(ws("seal").out, "0 timestamps")
    ws("verify")
    subprocess.run([os.path.join(SOURCE, "config/verify-manifest"), ws.path], check=True, stdout=subprocess.DEVNULL)

    # A token changed, taken away, of another file.
    for path in (manifest, claim):
        with open(path + ".tsr", "rb") as f:
            good = f.read()
        for bad in (good[:-9] + bytes([good[-9] ^ 1]) + good[-8:], token if path == claim else b"", None):
            os.remove(path + ".tsr")
            if bad is not None:
                with open(path + ".tsr", "wb") as f:
                    f.write(bad)
            contains(str(ws("verify", expect=CHECK)), os.path.basename(path) + ".tsr")
            done = subprocess.run([os.path.join(SOURCE, "config/verify-manifest"), ws.path], stdout=subprocess.PIPE)
            equal(done.returncode, CHECK, "the second check's exit code")
            with open(path + ".tsr", "wb") as f:
                f.write(good)
    ws("verify")

    # A correction: the second revision has a timestamp of its own, the first keeps its.
    ws("sheet", "void", f"{batch}/2", "--by", "Erika Mustermann", "--reason", "falsche Akte")
    ws("close", batch, expect=(DONE, WAITING))
    ws("verify")


def test_answers_that_are_none(ws):
    service = Service(ws.folder)
    ca = os.path.join(service.folder, "ca.pem")
    ws.settings(timestamp__url=service.url, timestamp__timeout=2,
                timestamp__ca=os.path.join(service.folder, "other.pem"))
    contains(closed(ws).err, "has no timestamp")         # signed by whom nobody named
    batch = ws.batch()
    missing = [e for e in ws.ledger() if e["event"] == "timestamp_missing"]
    equal(len(missing), 1, "missing timestamps that are recorded")
    ws.settings(timestamp__ca=ca)
    service.mode = "rubbish"
    contains(ws("seal", batch, expect=FAILED).err, "has no timestamp")
    service.reply(openssl("ts", "-query", "-data", os.path.join(SOURCE, "LICENSE"), "-sha256", "-cert"))
    service.mode = "stale"                               # a good answer to another question
    contains(ws("seal", batch, expect=FAILED).err, "not good")
    service.server.shutdown()
    service.server.server_close()                        # nobody listens
    ws.settings(timestamp__timeout=300)                  # refused at once: the time is not waited for
    contains(ws("seal", batch, expect=FAILED).err, "gave no timestamp", "Connection refused")
    check(not glob.glob(os.path.join(ws.path, "batches/*/*.tsr")), "a bad answer was kept")
    ws("verify")


def test_seals(ws):
    tool = os.path.join(ws.folder, "seal tool")
    program = os.path.join(ws.folder, "seal.sh")
    with open(program, "w", encoding="utf-8") as f:
        f.write('#!/bin/sh\n[ -e "$0.good" ] || { echo "the card is locked"; exit 7; }\n'
                'sha512sum "$2/tagmanifest-sha512.txt" > "$3" && [ "$1" = "--card;touch" ]\n')
    os.chmod(program, 0o700)
    ws.settings(seal__command=f"{program} --card;touch")
    answer = closed(ws)
    contains(answer.err, "is not sealed", "ended with 7: the card is locked")
    batch = ws.batch()
    failed, = [e for e in ws.ledger() if e["event"] == "seal_failed"]
    equal(failed["exit"], 7, "exit code in the ledger")
    open(program + ".good", "w", encoding="utf-8").close()
    contains(ws("seal", batch).out, "0 timestamps and 1 seal;")
    sealed, = [e for e in ws.ledger() if e["event"] == "sealed"]
    equal(sealed["exit"], 0, "exit code in the ledger")
    path = os.path.join(ws.path, "batches", batch, sealed["seal"])
    with open(path, "rb") as f:
        equal(hashlib.sha256(f.read()).hexdigest(), sealed["seal_sha256"], "hash of the seal")
    ws("verify")
    with open(path, "ab") as f:
        f.write(b" ")
    contains(str(ws("verify", expect=CHECK)), os.path.basename(path))
    ws("seal", batch)
    shutil.copy(path, path + "2")
    contains(str(ws("verify", expect=CHECK)), os.path.basename(path) + "2")
    # A program that is not there, and one that does not end.
    os.remove(path + "2")
    os.makedirs(tool)
    ws.settings(seal__command="/nowhere/seal", seal__timeout=1)
    contains(closed(ws, "33/2").err, "cannot be started")
    ws.settings(seal__command="/bin/sleep 600")
    second = next(b for b in ws.batches() if b != batch)
    with open(program, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\nexec sleep 600\n")
    ws.settings(seal__command=program)
    contains(ws("seal", second, expect=FAILED).err, "did not end within 1 s")


def certificate(folder, name, start, end):
    """A self-signed certificate from one UTC time to another, and its key."""
    key, request, out = (os.path.join(folder, name + end) for end in (".key", ".csr", ".pem"))
    for path, text in (("index", ""), ("serial", "01\n"), ("cnf", CA_CONFIG.format(folder=folder))):
        with open(os.path.join(folder, path), "w", encoding="utf-8") as f:
            f.write(text)
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=Station " + name)
    openssl("ca", "-batch", "-selfsign", "-config", os.path.join(folder, "cnf"), "-keyfile", key, "-in", request, "-out", out,
            "-startdate", start, "-enddate", end, "-notext")
    return out, key


def test_certificates_that_are_over_or_not_yet_valid(ws):
    good = certificate(ws.folder, "good", "20250101000000Z", "20491231235959Z")
    over = certificate(ws.folder, "over", "20200101000000Z", "20201231235959Z")
    early = certificate(ws.folder, "early", "20480101000000Z", "20491231235959Z")
    for (cert, key), said in ((over, f"the certificate '{over[0]}' is expired"),
                              (early, f"the certificate '{early[0]}' is not valid yet"),
                              ((good[0], over[1]), "is not that of the certificate")):
        ws.settings(sign__certificate=cert, sign__key=key)
        before = set(ws.batches())
        answer = closed(ws, f"33/{len(before)}", expect=FAILED)
        contains(answer.err, said)
        batch, = set(ws.batches()) - before
        check(not os.path.exists(os.path.join(ws.path, "batches", batch, "manifest.json")), "a manifest without a signature")
        contains(ws("close", batch, expect=FAILED).err, said)
        # Nothing is lost: with a valid one it closes, and what was accepted before stays.
        ws.settings(sign__certificate=good[0], sign__key=good[1])
        ws("close", batch)
        path = os.path.join(ws.path, "batches", batch, "manifest.json")
        openssl("cms", "-verify", "-binary", "-inform", "DER", "-in", path + ".p7s", "-content", path, "-CAfile", good[0],
                "-purpose", "any")
        ws.accept(batch)
    ws.settings(sign__certificate=over[0], sign__key=over[1])
    contains(ws("claim", expect=FAILED).err, "is expired")
    check(os.listdir(os.path.join(ws.path, "claims")) == [], "a claim without a signature")
    ws("verify")                                        # needs no certificate of one's own
    ws.settings(sign__certificate=good[0], sign__key=good[1])
    ws("claim")
    ws("verify")


def shifted(seconds, file=None):
    library = os.path.join(BUILD, "tests/libshifted-clock.so")
    if not os.path.exists(library):
        raise Skip("tests/libshifted-clock.so is not built")
    env = environment(LD_PRELOAD=library, SHIFTED_CLOCK_S=str(seconds), SHIFTED_CLOCK_FILE=file)
    if SANITIZED:
        env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
    return env


def test_what_is_due_with_time(ws):
    """status names a backup that is old, and a forecast behind the deadline."""
    kinds = lambda days: [a["kind"] for a in ws("status", "--json", env=shifted(days * 86400)).json["attention"]]  # noqa: E731
    ws("status")  # takes note of the settings, so that the calls ahead of time write nothing
    check("backup" not in kinds(6) and "backup" in kinds(8), "a workspace without a backup")
    ws.register("file_number\n" + "".join(f"33/{i}\n" for i in range(1, 40)))
    ws.settings(grant__deadline="2026-01-31")
    check("deadline" not in kinds(0), "a forecast from nothing")
    closed(ws)
    check("deadline" in kinds(0), "a forecast behind the deadline")
    ws.settings(grant__deadline="2999-01-31")
    check("deadline" not in kinds(0), "a forecast before the deadline")
    ws("backup", os.path.join(ws.folder, "copy"))
    check("backup" not in kinds(6) and "backup" in kinds(8), "an old backup")
    contains(ws("status", env=shifted(30 * 86400)).out, "the last backup is 30 days old")


def test_clock_back(ws):
    closed(ws)
    batch = ws.batch()
    hour = shifted(-3600)
    before = ws.ledger()
    for args in (("run", "--device", "paper:" + ws.folder), ("sheet", "void", f"{batch}/2", "--by", "E", "--reason", "r"),
                 ("seen", batch, "--by", "M", "--all"), ("register", "import", os.path.join(SOURCE, "README.md")),
                 ("backup", os.path.join(ws.folder, "copy"))):
        if args[0] == "register":
            continue
        contains(ws(*args, env=hour, expect=WAITING).err, "the clock went back", "altakt clock accept")
    equal(ws.ledger(), before, "the ledger after commands with a clock that went back")
    contains(ws("status", env=hour).out, "altakt clock")
    contains(ws("clock", env=hour, expect=WAITING).out, "last event")
    kinds = [a["kind"] for a in ws("status", "--json", env=hour).json["attention"]]
    check("clock" in kinds, f"status --json does not name the clock: {kinds}")
    ws("verify", env=hour)
    ws("seen", batch, "--by", "M", "--all", env=shifted(-3))        # as time servers step
    check(not ws.ledger()[-1].get("clock_back"), "a step within the tolerance is flagged")
    ws("clock")
    ws("clock", "accept", "--by", "Max Mustermann", "--reason", "nichts", expect=USAGE)
    ws("clock", "accept", "--by", "Max Mustermann", env=hour, expect=USAGE)
    ws("clock", "accept", "--by", "Max Mustermann", "--reason", "CMOS-Batterie getauscht", env=hour)
    ws("accept", batch, "--by", "Max Mustermann", env=hour)
    event = ws.ledger()[-1]
    equal((event["event"], event.get("clock_back")), ("accepted", True), "the event after the decision")
    own = read_chain(os.path.join(ws.path, "ledger.jsonl"))[-1]
    equal((own["event"], own["reason"]), ("clock_accepted", "CMOS-Batterie getauscht"), "the decision")
    # The station's chain of manifests goes by order, not by the clock.
    closed(ws, "33/2", env=hour)
    closed(ws, "33/3", env=hour)
    ws("verify", env=hour)
    subprocess.run([os.path.join(SOURCE, "config/verify-manifest"), ws.path], check=True, stdout=subprocess.DEVNULL)


def test_clock_back_while_feeding(ws):
    stack = Stack("long")
    stack.cover("33/1")
    for i in range(8):
        stack.sheet(Page(words(i)))
    stack.ini = "[stack]\nspeed = 120\n"
    device = stack.lay(ws.folder)
    turned = os.path.join(ws.folder, "turned")
    process = ws.start("scan", "--device", device, env=shifted(-7200, turned))
    while not any(os.path.exists(p) for p in glob.glob(os.path.join(ws.path, "batches/*/ledger.jsonl"))):
        check(process.poll() is None, "scan ended early")
    open(turned, "w", encoding="utf-8").close()
    out, err = process.communicate(timeout=120)
    equal(process.returncode, WAITING, f"exit code of the scan, which says {err}")
    contains(err.decode(), "the clock went back", "Last sheet recorded")
    fed = ws.fed()
    check(0 < len(fed) < 9 and fed[-1].get("clock_back"), f"{len(fed)} sheets recorded, the last flagged?")
    os.remove(turned)
    ws("scan", "--device", device)                       # the clock is right again
    equal(len(ws.fed()), 9, "sheets recorded in the end")
    ws("process")
    ws("close", ws.batch())
    equal(ws.manifest()["flags"], ["clock_back"], "flags of the manifest")
    ws("verify")


if __name__ == "__main__":
    main()
