"""The farm as a user has it: a real nats-server, 'altakt worker' as processes of their own, and
'altakt process --farm' beside them, while workers, brokers and the network between them fail.

The same batch is read on local cores once; whatever happens to the farm, each page's ALTO has to
be the same, byte for byte, exactly once in the bundle. What single messages do is in test_farm.c.
Runs in a network of its own where the machine gives one (unshare -n).
"""
import base64
import binascii
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

import harness
from harness import SOURCE, BLANK, Page, Skip, Stack, Workspace, check, contains, equal, files_below, independent, words

SHEETS = 3
SILENCE = ("--set", "farm.silence=5")
PAGES, TEXTS = "ALTAKT_PAGES", "ALTAKT_TEXTS"
OWN_NETWORK = bool(os.environ.get("ALTAKT_OWN_NETWORK"))


# --- the batch --------------------------------------------------------------------------------------------


class Batch:
    """Fed once, read once without a farm; each test works on a copy of what was fed."""
    folder = None

    @classmethod
    def copy(cls, folder):
        if not cls.folder:
            cls.folder = tempfile.mkdtemp(prefix="altakt-e2e-farm-")
            ws = Workspace(cls.folder, os.path.join(cls.folder, "fed"))
            stack = Stack()
            stack.cover("FARM-1")
            for n in range(1, SHEETS + 1):
                stack.sheet(Page(kind="letter", seed=n), BLANK if n == 3 else Page(words(n)))
            ws("scan", "--device", stack.lay(cls.folder))
            here = Workspace.__new__(Workspace)
            here.folder, here.path = cls.folder, os.path.join(cls.folder, "here")
            shutil.copytree(ws.path, here.path)
            here("process")
            cls.spool = texts(os.path.join(here.path, "spool"))
            here("close", here.batch())
            cls.bundle, cls.pages = bundled(here), here.manifest()["counts"]["pages"]
            equal(len(cls.bundle), cls.pages, "ALTO files in the bundle read here")
        ws = Workspace.__new__(Workspace)
        ws.folder, ws.path = folder, os.path.join(folder, f"ws{len(os.listdir(folder))}")
        shutil.copytree(os.path.join(cls.folder, "fed"), ws.path)
        return ws


def texts(folder):
    found = {}
    for path in files_below(folder):
        if path.endswith(".xml"):
            with open(path, "rb") as f:
                data = f.read()
            if b"<alto" in data[:500]:
                found[os.path.relpath(path, folder)] = data
    return found


def bundled(ws):
    return texts(os.path.join(ws.path, "files"))


def same_as_here(ws, aside=0):
    """Every page once in the bundle, its text as read here; at most aside of them without, and why."""
    ws("close", ws.batch(), expect=None if aside else harness.DONE)
    found, counts = bundled(ws), ws.manifest()["counts"]
    equal(sorted(found), sorted(Batch.bundle), "pages in the bundle")
    equal(counts["pages"], Batch.pages, "pages")
    differ = [name for name in found if found[name] != Batch.bundle[name]]
    check(len(differ) == counts["ocr_failed"] <= aside, f"{differ} differ, {counts['ocr_failed']} without text")
    if differ:
        with open(os.path.join(ws.path, "altakt.log"), encoding="utf-8") as f:
            contains(f.read(), "two workers of the farm died or went silent on this page")
    independent(os.path.join(ws.path, "batches", ws.batch()))


# --- the broker --------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """Started in a group of its own, and ended with the test."""

    def __init__(self, args, log, **more):
        self.log = log
        with open(log, "ab") as f:
            self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                                            start_new_session=True, **more)

    def kill(self, number=signal.SIGKILL):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass
        return self.process.wait(60)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()


class Broker(Process):
    def __init__(self, folder, name="broker", port=None, conf="", address="127.0.0.1"):
        self.port, self.folder, self.name = port or free_port(), folder, name
        self.url = f"nats://{address}:{self.port}"
        self.conf = os.path.join(folder, name + ".conf")
        if conf is not None and not os.path.exists(self.conf):
            store = os.path.join(folder, name + "-store")
            with open(self.conf, "w", encoding="utf-8") as f:
                f.write(f'server_name: {name}\nlisten: "{address}:{self.port}"\n'
                        + (conf if "jetstream" in conf else conf + "max_payload: 8454144\n"
                           f'jetstream {{ store_dir: "{store}" }}\n'))
        super().__init__(["nats-server", "-c", self.conf], os.path.join(folder, name + ".log"))
        harness.wait_until("the broker listens", lambda: self.listens(address))

    def listens(self, address):
        check(self.process.poll() is None, f"the broker ended: {self.said()}")
        with socket.socket() as s:
            return s.connect_ex((address, self.port)) == 0

    def again(self):
        return Broker(self.folder, self.name, self.port, None)


class Client:
    """As much of NATS's protocol as it takes to look at the broker, and to be a bad worker."""

    def __init__(self, port, timeout=30, context=None, inbox="_INBOX"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        greeting = b""
        while not greeting.endswith(b"\n"):  # byte by byte: what follows may be TLS
            byte = self.socket.recv(1)
            check(byte, "the broker greets")
            greeting += byte
        check(greeting.startswith(b"INFO "), "the broker greets")
        self.info = json.loads(greeting[5:])
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.file = self.socket.makefile("rb")
        self.inbox = f"{inbox}.{os.urandom(8).hex()}"
        self.send(b'CONNECT {"verbose":false,"headers":true,"no_responders":true,"lang":"py","version":"1"}\r\n'
                  + f"SUB {self.inbox} 1\r\nPING\r\n".encode())
        while self.file.readline() != b"PONG\r\n":
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def publish(self, subject, data, reply="", headers=None):
        if headers is None:
            self.send(f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n")
            return
        head = ("NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode()
        self.send(f"HPUB {subject} {reply} {len(head)} {len(head) + len(data)}\r\n".encode() + head + data + b"\r\n")

    def next(self):
        """A message: reply subject, headers, data."""
        while True:
            line = self.file.readline()
            check(line, "the broker closed the connection")
            words_ = line.decode().split()
            if words_[0] == "PING":
                self.send(b"PONG\r\n")
            elif words_[0] in ("MSG", "HMSG"):
                data = self.file.read(int(words_[-1]) + 2)[:-2]
                size = int(words_[-2]) if words_[0] == "HMSG" else 0
                reply = words_[3] if len(words_) == (6 if size else 5) else ""
                head = data[:size].decode().split("\r\n")
                headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
                return reply, {"status": head[0][9:], **headers}, data[size:]
            elif words_[0] == "-ERR":
                raise ConnectionError(line.decode())

    def ask(self, subject, data=None):
        self.publish("$JS.API." + subject, json.dumps(data).encode() if data is not None else b"", self.inbox)
        answer = self.next()[2]
        return json.loads(answer) if answer else {"error": {"description": "nobody answers"}}


def consumer(port, **how):
    """The name of the workers' consumer, once a worker or station has made it."""
    with Client(port, **how) as client:
        names = client.ask(f"CONSUMER.NAMES.{PAGES}").get("consumers") or []
    return names[0] if names else None


def queue(port, **how):
    """Of the pages: how many were handed out, and how many are with workers now."""
    name = consumer(port, **how)
    if not name:
        return 0, 0
    with Client(port, **how) as client:
        found = client.ask(f"CONSUMER.INFO.{PAGES}.{name}")
    return (found["delivered"]["consumer_seq"], found["num_ack_pending"]) if "delivered" in found else (0, 0)


def held(port, stream):
    with Client(port) as client:
        return client.ask(f"STREAM.INFO.{stream}")["state"]["messages"]


class Worker(Process):
    n = 0

    def __init__(self, folder, url, *args, prefix=(), env=None):
        Worker.n += 1
        super().__init__([*prefix, harness.PROGRAM, "--set", "ocr.languages=deu", *SILENCE, *args, "worker", "--farm",
                          url], os.path.join(folder, f"worker{Worker.n}.log"), env=env or harness.environment())
        harness.wait_until("the worker works", lambda: "working for" in self.said() or self.process.poll() is not None)
        check("working for" in self.said(), self.said())


def process(ws, url, *args, prefix=(), env=None):
    """Starts page work with one core here, so that pages go to the farm; args: settings, then those of process."""
    at = next((i for i, a in enumerate(args) if a == "--retry"), len(args))
    return Process([*prefix, harness.PROGRAM, "-w", ws.path, *SILENCE, "--set", "farm.jobs=4", *args[:at], "process",
                    "--jobs", "1", "--farm", url, *args[at:]],
                   os.path.join(ws.folder, os.path.basename(ws.path) + ".out"), env=env or harness.environment())


def finish(run):
    try:
        code = run.process.wait(harness.TIMEOUT_S)
    except subprocess.TimeoutExpired:
        run.kill()
        code = None
    equal(code, harness.DONE, f"exit code of process --farm\n{run.said()}\n")
    check(not re.search(r"Sanitizer|runtime error:", run.said()), run.said())


class Everything(list):
    """Ends what a test started, the last first."""

    def __enter__(self):
        return self

    def add(self, process_):
        self.append(process_)
        return process_

    def __exit__(self, *_):
        for process_ in reversed(self):
            process_.kill()


def handed_out(run, port, n, **how):
    """Until n pages were handed out and one is with a worker."""
    def there():
        check(run.process.poll() is None, f"page work ended before {n} pages were handed out\n{run.said()}")
        return queue(port, **how)[0] >= n and queue(port, **how)[1] > 0
    harness.wait_until("pages are with workers", there)


# --- tests ---------------------------------------------------------------------------------------------


def test_same_as_on_local_cores(folder):
    ws = Batch.copy(folder)
    with Everything() as all_:
        broker = all_.add(Broker(folder))
        for _ in range(2):
            all_.add(Worker(folder, broker.url))
        run = all_.add(process(ws, broker.url))
        finish(run)
        check(queue(broker.port)[0] >= 1, f"the farm read nothing\n{run.said()}")
        equal((held(broker.port, PAGES), held(broker.port, TEXTS)), (0, 0), "pages and texts the broker still holds")
        equal(texts(os.path.join(ws.path, "spool")), Batch.spool, "texts before the bundle")
        same_as_here(ws)
        for worker in all_[1:3]:
            equal(worker.kill(signal.SIGTERM), 0, f"a worker's end\n{worker.said()}\n")


def test_workers_killed_at_random(folder):
    ws = Batch.copy(folder)
    with Everything() as all_:
        broker = all_.add(Broker(folder))
        workers = [all_.add(Worker(folder, broker.url)) for _ in range(2)]
        run = all_.add(process(ws, broker.url))
        for n in (1, 2):
            handed_out(run, broker.port, n)
            workers.pop(random.randrange(len(workers))).kill()
            workers.append(all_.add(Worker(folder, broker.url)))
        finish(run)
        same_as_here(ws, aside=2)  # both may have died of the same page: they had it


def test_a_page_that_kills_its_workers_has_two_tries(folder):
    """Here or on the farm, and never a third; what is blank is recognised nowhere."""
    ws, tesseract = Batch.copy(folder), harness.Watched(folder)
    read = Batch.pages
    with Everything() as all_:
        broker = all_.add(Broker(folder))
        tesseract.deadly(True)
        workers = {n: all_.add(Worker(folder, broker.url, env=tesseract.env)) for n in range(2)}
        run = all_.add(process(ws, broker.url, env=tesseract.env))
        while run.process.poll() is None:  # as systemd would, a dead one is replaced
            for n, worker in workers.items():
                if worker.process.poll() is not None:
                    workers[n] = all_.add(Worker(folder, broker.url, env=tesseract.env))
            time.sleep(0.05)
        finish(run)
        done = [e for e in ws.ledger() if e["event"] == "page_done"]
        equal(sum("ocr_failed" in e["flags"] for e in done), read, f"pages without text\n{run.said()}")
        equal(tesseract.times(), 2 * read, "tries")
        tesseract.deadly(False)
        run = all_.add(process(ws, broker.url, "--retry", env=tesseract.env))
        finish(run)
        equal(tesseract.times(), read, "pages read again")
        same_as_here(ws)


def test_broker_killed_and_back(folder):
    ws = Batch.copy(folder)
    with Everything() as all_:
        broker = all_.add(Broker(folder))
        for _ in range(2):
            all_.add(Worker(folder, broker.url))
        run = all_.add(process(ws, broker.url))
        handed_out(run, broker.port, 1)
        broker.kill()
        all_.add(broker.again())
        finish(run)
        same_as_here(ws)
        again = Batch.copy(folder)  # the workers have found it again
        finish(all_.add(process(again, broker.url)))
        check(queue(broker.port)[0] >= 1, "nothing was handed out after the restart")
        same_as_here(again)


def test_broker_stays_away(folder):
    ws = Batch.copy(folder)
    with Everything() as all_:
        broker = all_.add(Broker(folder))
        all_.add(Worker(folder, broker.url))
        run = all_.add(process(ws, broker.url))
        handed_out(run, broker.port, 1)
        broker.kill()
        finish(run)
        same_as_here(ws)
        contains(run.said() + open(os.path.join(ws.path, "altakt.log"), encoding="utf-8").read(),
                 "the page is recognised here")


def test_one_of_three_brokers_killed(folder):
    """The shipped cluster, with its certificates and permissions."""
    ws = Batch.copy(folder)
    needs("openssl")
    certificates(folder)
    ports, routes = [free_port() for _ in range(3)], [free_port() for _ in range(3)]
    station = dict(context=identity(folder, "station.example"), inbox="altakt.inbox.station-example")
    with Everything() as all_:
        brokers = []
        for i in range(3):
            conf = shipped(folder, "127.0.0.1", ports[i], f"altakt-cluster-{i + 1}.conf", f"store{i}")
            conf = conf.replace("0.0.0.0:6222", f"127.0.0.1:{routes[i]}")
            for k, route in enumerate(routes):
                contains(conf, f"farm-{k + 1}.example:6222")
                conf = conf.replace(f"farm-{k + 1}.example:6222", f"127.0.0.1:{route}")
            brokers.append(all_.add(Broker(folder, f"altakt-{i + 1}", ports[i], conf)))

        def ready():
            with Client(ports[0], 3, **station) as client:
                made = client.ask("STREAM.CREATE.PROBE", {"name": "PROBE", "subjects": ["probe"], "storage": "memory",
                                                          "retention": "limits", "num_replicas": 3, "max_consumers": -1,
                                                          "max_msgs": -1, "max_bytes": -1, "discard": "old"})
                return "error" not in made and "error" not in client.ask("STREAM.DELETE.PROBE")

        def agreed():
            try:
                return ready()
            except TimeoutError:  # no leader yet: nobody answers
                return False
        harness.wait_until("the three brokers agree", agreed)
        url = ",".join(b.url.replace("nats://", "tls://") for b in brokers)
        three = ("--set", "farm.replicas=3")
        workers = [all_.add(Worker(folder, url, *three, *who(folder, name)))
                   for name in ("worker.example", "other.example")]
        harness.wait_until("the queue is there", lambda: consumer(ports[0], **station))
        run = all_.add(process(ws, url, *three, *who(folder, "station.example")))
        handed_out(run, ports[0], 1, **station)
        with Client(ports[0], **station) as client:
            leader = client.ask(f"STREAM.INFO.{PAGES}")["cluster"]["leader"]
        for subject, allowed in (("altakt.inbox.>", False), ("altakt.page.>", False),
                                 ("altakt.inbox.worker-example.>", False), ("altakt.inbox.other-example.>", True)):
            equal(may_read(ports[0], identity(folder, "other.example"), subject), allowed, f"a worker reads {subject}")
        for broker in brokers:
            said = re.sub(r".*[Ss]ubscription Violation.*altakt\.(inbox|page).*\n", "", broker.said())
            check("Violation" not in said, f"permissions are missing\n{said}")
        next(b for b in brokers if b.name == leader).kill()
        finish(run)
        for worker in workers:
            check(worker.process.poll() is None and "Violation" not in worker.said(), worker.said())
        same_as_here(ws)


def bad_answers(alto):
    """What a hostile or broken worker may send back."""
    return [b"", os.urandom(100000), b"<alto>" * 1000, b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM "
            b"'file:///etc/passwd'>]><alto xmlns='http://www.loc.gov/standards/alto/ns-v4#'>&b;</alto>",
            alto, b"A" * (7 << 20)]


def test_worker_answers_rubbish(folder):
    ws = Batch.copy(folder)
    with Everything() as all_:
        broker = all_.add(Broker(folder))
        worker = all_.add(Worker(folder, broker.url))  # makes streams and consumer, then leaves
        harness.wait_until("the queue is there", lambda: consumer(broker.port))
        worker.kill()
        run = all_.add(process(ws, broker.url))
        bad, spoilt = bad_answers(max(Batch.spool.values(), key=len)), 0
        with Client(broker.port) as client:
            client.socket.settimeout(1)
            name = consumer(broker.port)
            while run.process.poll() is None:
                client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{PAGES}.{name}", b'{"batch":1,"expires":500000000}',
                               client.inbox)
                try:
                    reply, headers, _ = client.next()
                except TimeoutError:
                    client.file = client.socket.makefile("rb")  # one that timed out reads no further
                    continue
                if not headers.get("Altakt-Job"):
                    continue
                answer = {"Altakt-Job": headers["Altakt-Job"], "Altakt-Image": headers["Altakt-Image"],
                          "Altakt-Figures": random.choice(["3 9000 5", "-1 0 0", "2147483648 1 1", "x"])}
                subject = "altakt.text." + headers["Altakt-Owner"]
                client.publish(subject, b"of another image", headers={**answer, "Altakt-Image": "0" * 64})
                client.publish(subject, b"of no job", headers={**answer, "Altakt-Job": "f" * 32})
                for _ in range(2):  # the second time changes nothing
                    client.publish(subject, bad[spoilt % len(bad)], headers=answer)
                client.publish(reply, b"+ACK")
                spoilt += 1
        finish(run)
        check(spoilt >= 2, f"only {spoilt} pages were spoilt")
        same_as_here(ws)


def test_full_stream(folder):
    """The administrator's limit is smaller than one page: all of it is read here."""
    ws = Batch.copy(folder)
    with Everything() as all_:
        broker = all_.add(Broker(folder))
        with Client(broker.port) as client:
            made = client.ask(f"STREAM.CREATE.{PAGES}", {
                "name": PAGES, "subjects": ["altakt.page.>"], "storage": "memory", "retention": "workqueue",
                "discard": "new", "max_bytes": 2000, "max_msgs": -1, "max_consumers": -1, "num_replicas": 1})
            check("error" not in made, made)
        all_.add(Worker(folder, broker.url))
        run = all_.add(process(ws, broker.url))
        finish(run)
        with open(os.path.join(ws.path, "altakt.log"), encoding="utf-8") as f:
            contains(f.read(), "the farm takes no page now")
        same_as_here(ws)


def test_full_stream_of_answers(folder):
    """Answers that nobody fetches leave no room for others: no worker died of any page, all of them are read here."""
    ws = Batch.copy(folder)
    with Everything() as all_:
        broker = all_.add(Broker(folder))
        with Client(broker.port) as client:
            made = client.ask(f"STREAM.CREATE.{TEXTS}", {
                "name": TEXTS, "subjects": ["altakt.text.>"], "storage": "memory", "retention": "workqueue",
                "discard": "new", "max_bytes": 3000, "max_msgs": -1, "max_consumers": -1, "num_replicas": 1})
            check("error" not in made, made)
            client.publish("altakt.text." + "0" * 32, bytes(2500), client.inbox)
            check("error" not in json.loads(client.next()[2]), "the stream is filled")
        worker = all_.add(Worker(folder, broker.url))
        run = all_.add(process(ws, broker.url))
        finish(run)
        check(worker.process.poll() is None, worker.said())
        with open(os.path.join(ws.path, "altakt.log"), encoding="utf-8") as f:
            contains(f.read(), "a worker could not answer: the broker has no room")
        equal((held(broker.port, PAGES), held(broker.port, TEXTS)), (0, 1), "pages and texts the broker still holds")
        same_as_here(ws)


def test_message_of_100_mb(folder):
    """Refused at the door by the shipped settings, and by the streams where the door is wide open."""
    huge = bytes(100 << 20)
    with Everything() as all_:
        broker = all_.add(Broker(folder))
        with Client(broker.port) as client:
            try:
                client.publish("altakt.page.x.x", huge)
                client.next()
                raise AssertionError("100 MB were taken")
            except ConnectionError:  # "-ERR 'Maximum Payload Violation'", or closed while we send
                pass
        broker.kill()
        wide = all_.add(Broker(folder, "wide", None, "max_payload: 200000000\nmax_pending: 400000000\n"
                               f'jetstream {{ store_dir: "{folder}/wide-store" }}\n'))
        worker = all_.add(Worker(folder, wide.url))
        harness.wait_until("the queue is there", lambda: consumer(wide.port))
        with Client(wide.port) as client:
            for subject in ("altakt.page." + consumer(wide.port).removeprefix("workers-") + ".x", "altakt.text.x"):
                client.publish(subject, huge, client.inbox)
                contains(json.loads(client.next()[2])["error"]["description"], "message size exceeds maximum allowed")
        ws = Batch.copy(folder)
        finish(all_.add(process(ws, wide.url)))
        check(worker.process.poll() is None, worker.said())
        same_as_here(ws)


# --- beyond loopback ----------------------------------------------------------------------------------


def certificates(folder):
    """An authority, and certificates of the broker, a station and two workers."""
    def openssl(*args):
        done = subprocess.run(["openssl", *args], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        equal(done.returncode, 0, f"openssl {' '.join(args)}\n{done.stdout}\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Musterhausen CA", "-days", "2")
    with open(os.path.join(folder, "san"), "w", encoding="ascii") as f:
        f.write("subjectAltName=IP:127.0.0.1,IP:10.99.7.1,DNS:localhost\n")
    for name in ("server", "station.example", "worker.example", "other.example"):
        openssl("req", *key, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                "2", "-extfile", "san", "-out", name + ".pem")


def shipped(folder, address, port, name="altakt.conf", store="store"):
    """A file of config/nats, for other machines; permissions.conf comes to lie in the folder, with a user more."""
    with open(os.path.join(SOURCE, "config/nats/permissions.conf"), encoding="utf-8") as f:
        text = f.read()
    contains(text, "\tusers: [")
    with open(os.path.join(folder, "permissions.conf"), "w", encoding="utf-8") as f:
        f.write(text.replace("\tusers: [", "\tusers: [\n{ user: \"CN=other.example\", permissions: { publish: $worker, "
                             "subscribe: [\"altakt.inbox.other-example.>\"] } }"))
    with open(os.path.join(SOURCE, "config/nats", name), encoding="utf-8") as f:
        text = f.read()
    if name == "altakt.conf":  # on loopback as it is: the blocks for other machines are switched on
        at = text.index("# tls {")
        text = text[:at] + re.sub(r"(?m)^# ?", "", text[at:])
    text = re.sub(r"(127\.0\.0\.1|0\.0\.0\.0):4222", f"{address}:{port}", text)
    text = text.replace("/var/lib/nats/altakt", os.path.join(folder, store))
    return text.replace("/etc/nats/", folder + "/")


def who(folder, name):
    return [word for key, end in (("ca", "ca.pem"), ("certificate", name + ".pem"), ("key", name + ".key"))
            for word in ("--set", f"farm.{key}={folder}/{end}")]


def identity(folder, name=None):
    context = ssl.create_default_context(cafile=os.path.join(folder, "ca.pem"))
    if name:
        context.load_cert_chain(os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key"))
    return context


def needs(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Skip(f"{tool} is not installed")


def test_certificates_and_permissions(folder):
    """The shipped settings: who has no certificate is refused; nobody reads another's page images."""
    needs("openssl")
    ws, port = Batch.copy(folder), free_port()
    certificates(folder)
    with Everything() as all_:
        broker = all_.add(Broker(folder, port=port, conf=shipped(folder, "127.0.0.1", port)))
        url = f"tls://127.0.0.1:{port}"
        worker = all_.add(Worker(folder, url, *who(folder, "worker.example")))
        run = all_.add(process(ws, url, *who(folder, "station.example")))
        finish(run)
        with open(os.path.join(ws.path, "altakt.log"), encoding="utf-8") as f:
            check("the page is recognised here" not in f.read(), "the farm was not used")
        check("Violation" not in broker.said() + worker.said(), f"permissions are missing\n{broker.said()}")
        same_as_here(ws)

        context = identity(folder, "other.example")
        for subject, allowed in (("_INBOX.>", False), ("altakt.inbox.>", False), ("altakt.>", False), (">", False),
                                 ("altakt.inbox.worker-example.>", False), ("altakt.inbox.station-example.>", False),
                                 ("altakt.inbox.other-example.>", True)):
            equal(may_read(port, context, subject), allowed, f"another worker reads {subject}")
        alone = Batch.copy(folder)  # no certificate: read here, and said
        run = all_.add(process(alone, f"nats://127.0.0.1:{port}"))
        finish(run)
        with open(os.path.join(alone.path, "altakt.log"), encoding="utf-8") as f:
            contains(f.read(), "the page is recognised here")
        same_as_here(alone)


def may_read(port, context, subject, key=None):
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
        greeting = b""
        while not greeting.endswith(b"\n"):  # byte by byte: what follows is TLS
            greeting += plain.recv(1)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as s:
            who_ = {"verbose": False}
            if key:
                who_ |= {"jwt": key.jwt, "sig": unpadded(key.sign(json.loads(greeting[5:])["nonce"].encode()))}
            s.sendall(f"CONNECT {json.dumps(who_)}\r\nSUB {subject} 1\r\nPING\r\n".encode())
            said = b""
            while b"PONG" not in said:
                more = s.recv(4096)
                check(more, f"closed after {said!r}")
                said += more
    return b"Permissions Violation" not in said


def unpadded(data, code=base64.urlsafe_b64encode):
    return code(data).decode().rstrip("=")


class Key:
    """An nkey of NATS: an ed25519 key pair whose public half begins with O, A or U, and the JWT issued to it."""
    PREFIXES = {"operator": 14 << 3, "account": 0, "user": 20 << 3}
    n = 0

    def __init__(self, folder, kind):
        Key.n += 1
        self.kind, self.pem = kind, os.path.join(folder, f"nkey{Key.n}.pem")
        openssl = lambda *args: subprocess.run(["openssl", *args], stdout=subprocess.PIPE, check=True).stdout
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.pem)
        prefix = self.PREFIXES[kind]
        self.public = self.written(bytes([prefix]) + openssl("pkey", "-in", self.pem, "-pubout", "-outform", "DER")[-32:])
        self.seed = self.written(bytes([18 << 3 | prefix >> 5, (prefix & 31) << 3])
                                 + openssl("pkey", "-in", self.pem, "-outform", "DER")[-32:])
        self.jwt = None

    @staticmethod
    def written(data):
        return unpadded(data + binascii.crc_hqx(data, 0).to_bytes(2, "little"), base64.b32encode)

    def sign(self, data):
        with tempfile.NamedTemporaryFile() as f:
            f.write(data)
            f.flush()
            return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.pem, "-in", f.name],
                                  stdout=subprocess.PIPE, check=True).stdout

    def issued_by(self, issuer, name, **nats):
        claims = {"jti": os.urandom(16).hex(), "iat": int(time.time()), "iss": issuer.public, "name": name,
                  "sub": self.public, "nats": {**nats, "type": self.kind, "version": 2}}
        text = ".".join(unpadded(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, claims))
        self.jwt = f"{text}.{unpadded(issuer.sign(text.encode()))}"
        return self

    def creds(self, path):
        with open(path, "w", encoding="ascii") as f:
            f.write(f"-----BEGIN NATS USER JWT-----\n{self.jwt}\n------END NATS USER JWT------\n\n"
                    f"-----BEGIN USER NKEY SEED-----\n{self.seed}\n------END USER NKEY SEED------\n")
        return path


def permissions(role):
    """What permissions.conf lets a role publish."""
    with open(os.path.join(SOURCE, "config/nats/permissions.conf"), encoding="utf-8") as f:
        return re.findall(r'"([^"]+)"', re.search(rf"{role}: \[([^\]]*)\]", f.read())[1])


def test_credentials(folder):
    """An operator, an account and its users: who has a user's credentials is taken, with its own inbox alone."""
    needs("openssl")
    certificates(folder)
    some = {k: -1 for k in ("subs", "data", "payload", "imports", "exports", "conn", "leaf")} | {"wildcards": True}
    everything = some | {k: -1 for k in ("mem_storage", "disk_storage", "streams", "consumer")}
    operator = Key(folder, "operator")
    operator.issued_by(operator, "Musterhausen")
    system, account, stranger = (Key(folder, "account").issued_by(operator, name, limits=limits) for name, limits
                                 in (("SYS", some), ("farm", everything), ("elsewhere", everything)))

    def user(issuer, name, role, *more):
        inbox = re.sub("[^A-Za-z0-9-]", "-", name)
        key = Key(folder, "user").issued_by(issuer, name, subs=-1, data=-1, payload=-1,
                                            pub={"allow": permissions(role)},
                                            sub={"allow": [f"altakt.inbox.{inbox}.>", *more]})
        return key, key.creds(os.path.join(folder, name + ".creds"))
    _, station = user(account, "station 1.example", "station", "$JS.EVENT.ADVISORY.CONSUMER.*.ALTAKT_PAGES.>")
    _, worker = user(account, "worker_1", "worker")
    other_key, _ = user(account, "worker_22", "worker")
    _, wrong = user(stranger, "worker_1b", "worker")

    def conf(*accounts):
        return (f'operator: "{operator.jwt}"\nsystem_account: {system.public}\nresolver: MEMORY\nresolver_preload: {{\n'
                + "".join(f'{a.public}: "{a.jwt}"\n' for a in (system, *accounts)) + "}\n"
                f'tls {{ cert_file: "{folder}/server.pem", key_file: "{folder}/server.key" }}\nmax_payload: 8454144\n'
                f'jetstream {{ store_dir: "{folder}/store" }}\n')

    def with_creds(path):
        return ["--set", f"farm.ca={folder}/ca.pem", "--set", f"farm.credentials={path}"]
    ws, alone, monitor = Batch.copy(folder), Batch.copy(folder), free_port()
    with Everything() as all_:
        broker = all_.add(Broker(folder, conf=f'http: "127.0.0.1:{monitor}"\n' + conf(account)))
        url = broker.url.replace("nats://", "tls://")
        works = all_.add(Worker(folder, url, *with_creds(worker)))
        run = all_.add(process(ws, url, *with_creds(station)))
        finish(run)
        with open(os.path.join(ws.path, "altakt.log"), encoding="utf-8") as f:
            check("the page is recognised here" not in f.read(), "the farm was not used")
        check("Violation" not in broker.said() + works.said(), f"permissions are missing\n{broker.said()}")
        same_as_here(ws)
        for subject, allowed in (("altakt.inbox.>", False), ("altakt.inbox.worker-1.>", False), ("altakt.page.>", False),
                                 ("altakt.inbox.worker-22.>", True)):
            equal(may_read(broker.port, identity(folder), subject, other_key), allowed, f"another worker reads {subject}")

        with open(worker, encoding="ascii") as f:
            text = f.read()
        changed, cut, rubbish = (os.path.join(folder, name + ".creds") for name in ("changed", "cut", "rubbish"))
        for path, data in ((changed, text.replace(".", ".A", 1)),  # the signature is of another text
                           (cut, text[:-60]), (rubbish, "rubbish\0" * 500)):
            with open(path, "w", encoding="ascii") as f:
                f.write(data)
        for args, said in ((with_creds(wrong), "does not take us"), (with_creds(changed), "does not take us"),
                           (with_creds(cut), "no sound NATS credentials"), (with_creds(rubbish), f"'{rubbish}'"),
                           (with_creds(folder + "/none.creds"), "cannot be read"),
                           (["--set", f"farm.ca={folder}/ca.pem"], "does not take us")):
            contains(harness.altakt(*args, "worker", "--farm", url, expect=harness.FAILED, timeout=60).err, said)
        run = all_.add(process(alone, url, *with_creds(wrong)))  # read here, and said
        finish(run)
        with open(os.path.join(alone.path, "altakt.log"), encoding="utf-8") as f:
            log = f.read()
        contains(log, "does not take us")
        contains(log, "the page is recognised here")

        # It goes and comes back, and knows the account no more: the cores of the station go on, and say why;
        # the worker ends and says why.
        withdrawn = Batch.copy(folder)
        run = all_.add(process(withdrawn, url, *with_creds(station)))
        harness.wait_until("pages are out", lambda: run.process.poll() is not None or out(monitor) > 0)
        broker.kill()
        with open(broker.conf, "w", encoding="utf-8") as f:
            f.write(f'listen: "127.0.0.1:{broker.port}"\n' + conf(stranger))
        all_.add(broker.again())
        finish(run)
        with open(os.path.join(withdrawn.path, "altakt.log"), encoding="utf-8") as f:
            contains(f.read(), "does not take us", "the page is recognised here")
        same_as_here(withdrawn)
        equal(works.process.wait(harness.TIMEOUT_S), harness.FAILED, works.said())
        contains(works.said(), "does not take us")


def test_beyond_loopback_without_tls(folder):
    """Neither page work nor a worker begins where pages would go in the open, or to nobody known."""
    ws = Batch.copy(folder)
    for args, url in (((), "nats://farm.example:4222"), ((), "tls://farm.example:4222"),
                      (("--set", f"farm.credentials={folder}/x.creds"), "nats://192.0.2.1:4222"),
                      ((), "nats://127.0.0.1:4222,nats://192.0.2.1:4222")):
        contains(ws(*args, "process", "--farm", url, expect=harness.FAILED).err, "on the network", "farm.credentials")
        contains(harness.altakt("--set", "ocr.languages=deu", *args, "worker", "--farm", url,
                                expect=harness.FAILED).err, "on the network")
    check(not [e for e in ws.ledger() if e["event"] == "page_done"], "pages were read")


def test_shipped_settings_are_accepted(folder):
    """By nats-server itself, with files for those that they name; the unit by systemd."""
    needs("openssl")
    certificates(folder)
    shutil.copy(os.path.join(SOURCE, "config/nats/permissions.conf"), folder)
    for name in ("altakt.conf", "altakt-cluster-1.conf", "altakt-cluster-2.conf", "altakt-cluster-3.conf", "switched"):
        path = os.path.join(folder, name)
        if name == "switched":
            text = shipped(folder, "0.0.0.0", 4222)
        else:
            with open(os.path.join(SOURCE, "config/nats", name), encoding="utf-8") as f:
                text = f.read().replace("/etc/nats/", folder + "/").replace("/var/lib/nats", folder)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        done = subprocess.run(["nats-server", "-t", "-c", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        equal(done.returncode, 0, f"nats-server -t -c {name}\n{done.stdout}\n")
    needs("systemd-analyze")
    with open(os.path.join(SOURCE, "config/systemd/altakt-worker@.service"), encoding="utf-8") as f:
        text = f.read()
    contains(text, "ExecStart=/usr/bin/altakt worker ")
    unit = os.path.join(folder, "altakt-worker@1.service")
    with open(unit, "w", encoding="utf-8") as f:  # it asks whether the program is there
        f.write(text.replace("/usr/bin/altakt", harness.PROGRAM))
    done = subprocess.run(["systemd-analyze", "verify", unit], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    equal((done.returncode, done.stdout), (0, ""), "systemd-analyze verify")


class FarNetwork:
    """A second network, joined to this one by a cable that can be cut: 10.99.7.1 here, 10.99.7.2 there."""

    def __init__(self, all_):
        needs("ip", "nsenter")
        if not OWN_NETWORK:
            raise Skip("this machine gives no network of its own (unshare -n)")
        holder = all_.add(Process(["unshare", "-n", "sleep", "1000000"], os.devnull))
        own = os.readlink("/proc/self/ns/net")
        harness.wait_until("a second network", lambda: self.of(holder) != own)
        self.inside = ["nsenter", "-t", str(holder.process.pid), "-n"]
        self.ip("link", "add", "near", "type", "veth", "peer", "name", "far")
        self.ip("link", "set", "far", "netns", str(holder.process.pid))
        for prefix, name, address in (([], "near", "10.99.7.1/24"), (self.inside, "far", "10.99.7.2/24")):
            self.ip("addr", "add", address, "dev", name, prefix=prefix)
            self.ip("link", "set", name, "up", prefix=prefix)

    @staticmethod
    def of(holder):
        check(holder.process.poll() is None, "a second network cannot be had")
        return os.readlink(f"/proc/{holder.process.pid}/ns/net")

    @staticmethod
    def ip(*args, prefix=()):
        done = subprocess.run([*prefix, "ip", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if "not permitted" in done.stdout or "not supported" in done.stdout or "Unknown device type" in done.stdout:
            raise Skip(f"ip {' '.join(args)} cannot be had here: {done.stdout.strip()}")
        equal(done.returncode, 0, f"ip {' '.join(args)}: {done.stdout}")

    def cut(self):
        self.ip("link", "set", "near", "down")


def out(monitor):
    """Pages that are with workers, by the broker's monitor."""
    with urllib.request.urlopen(f"http://127.0.0.1:{monitor}/jsz?consumers=true", timeout=30) as f:
        streams = [s for a in json.load(f).get("account_details") or [] for s in a.get("stream_detail") or []]
    return sum(c["num_ack_pending"] for s in streams if s["name"] == PAGES for c in s.get("consumer_detail") or [])


def test_network_cut(folder):
    """First between broker and worker: another takes its page. Then between station and broker: cores here go on."""
    needs("openssl")
    ws = Batch.copy(folder)
    certificates(folder)
    for far_station in (False, True):
        with Everything() as all_:
            network, port = FarNetwork(all_), free_port()
            url = f"tls://10.99.7.1:{port}"
            monitor = free_port()
            all_.add(Broker(folder, f"broker{far_station}", port, f'http: "127.0.0.1:{monitor}"\n'
                            + shipped(folder, "10.99.7.1", port), "10.99.7.1"))
            far = all_.add(Worker(folder, url, *who(folder, "worker.example"),
                                  prefix=[] if far_station else network.inside))
            run = all_.add(process(ws, url, *who(folder, "station.example"),
                                   prefix=network.inside if far_station else []))
            harness.wait_until("pages are out", lambda: run.process.poll() is not None or out(monitor) > 0)
            check(run.process.poll() is None, f"page work ended before a page was out\n{run.said()}")
            network.cut()
            if not far_station:
                all_.add(Worker(folder, url, *who(folder, "other.example")))
            finish(run)
            check(far.process.poll() is None, far.said())
            same_as_here(ws)
            network.ip("link", "del", "near")
        ws = Batch.copy(folder)


# --- running ----------------------------------------------------------------------------------------------


def main():
    if not shutil.which("nats-server"):
        print("skipped: nats-server is not installed")
        sys.exit(77)
    up = ("import fcntl, socket, struct\n"
          "s = socket.socket()\n"
          "fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', 0x49))\n")  # SIOCSIFFLAGS: up, running
    flags = "-n" if os.geteuid() == 0 else "-rn"
    if not OWN_NETWORK and shutil.which("unshare") and subprocess.run(
            ["unshare", flags, sys.executable, "-c", up], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        inside = f"{up}import os, sys\nos.execv(sys.executable, [sys.executable, '-B', *sys.argv[1:]])\n"
        os.execvpe("unshare", ["unshare", flags, sys.executable, "-c", inside, os.path.abspath(__file__),
                               *sys.argv[1:]], {**os.environ, "ALTAKT_OWN_NETWORK": "1"})
    try:
        harness.main()
    finally:
        if Batch.folder:
            shutil.rmtree(Batch.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
