#!/bin/sh
# Each kind of event that the program writes or that the tally reads is named in
# config/schema/event.json, and none beyond these; the kinds are found in the sources.
set -eu
cd "$1"
exec /usr/bin/python3 -B - <<'END'
import glob
import json
import re
import sys

LITERAL = re.compile(r'"([a-z_]+)"')
problems, written = [], {}
for path in sorted(glob.glob("batch/*.c")):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    # json_pack("{ss ...}", "event", "kind", ...), also "event", yes ? "kind" : "other"
    for found in re.finditer(r'"event",\s*([^,;)]+)[,)]', text):
        line = text.count("\n", 0, found.start()) + 1
        kinds = LITERAL.findall(found[1])
        if not kinds and path in ("batch/claim_book.c", "batch/claim_making.c") and found[1] == "event":
            kinds = ["claimed", "claim_cancelled"]  # what its callers hand in; held against the tally below
        if not kinds:
            problems.append(f"{path}:{line}: the kind of event '{found[1]}' cannot be told from the source")
        for kind in kinds:
            written.setdefault(kind, f"{path}:{line}")
with open("batch/tally.c", encoding="utf-8") as f:
    tally = re.search(r"^} readers\[\] = \{\n(.*?)^\};", f.read(), re.M | re.S)
read = re.findall(r'^\s*\{"([a-z_]+)",', tally[1], re.M) if tally else []
with open("config/schema/event.json", encoding="utf-8") as f:
    schema = json.load(f)
named = schema["properties"]["event"]["enum"]
for kind, where in sorted(written.items()):
    if kind not in named:
        problems.append(f"{where}: '{kind}' is written, and config/schema/event.json does not name it")
for kind in read:
    if kind not in named:
        problems.append(f"batch/tally.c: '{kind}' is read, and config/schema/event.json does not name it")
for kind in named:
    if kind not in written and kind not in read:  # what only earlier versions wrote is still read
        problems.append(f"config/schema/event.json: '{kind}' is named, and nothing writes or reads it")
if named != sorted(set(named)):
    problems.append("config/schema/event.json: the kinds of events are not in order, or one is there twice")
for part in schema["allOf"]:
    rule = part["if"]["properties"]["event"]
    for kind in rule.get("enum", [rule.get("const")]):
        if kind not in named:
            problems.append(f"config/schema/event.json: a rule for '{kind}', which it does not name")
if len(written) < 30 or len(read) < 30:
    problems.append(f"only {len(written)} kinds written and {len(read)} read were found: the search is wrong")
print("\n".join(problems) or f"{len(written)} kinds of events, {len(read)} of them read by the tally")
sys.exit(bool(problems))
END
