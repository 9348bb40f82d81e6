"""Profiles of scanners: what `devices --check` says of them, what is refused, and what the ledger and the provenance keep."""
import json
import os

from harness import DONE, FAILED, SOURCE, USAGE, WAITING, Page, Stack, check, contains, equal, main, words

NAMES = "fujitsu epsonds canon_dr kvs40xx avision hp airscan escl test paper generic".split()


def paper(ws):
    stack = Stack("paper")
    stack.cover("33/1")
    stack.sheet(Page(words(1)), Page(words(2)))
    return stack.lay(ws.folder)


def profile(ws, lines, name="ours"):
    os.makedirs(os.path.join(ws.path, "profiles"), exist_ok=True)
    with open(os.path.join(ws.path, "profiles", name + ".ini"), "w", encoding="utf-8") as f:
        f.write(f"[profile]\nname = {name}\nversion = 3\nmatch = nothing:*\n[scan]\n" + lines)


def test_every_profile_is_shipped(ws):
    device = paper(ws)
    said = ws("devices", "--check", device, "--profile", "none", expect=FAILED)
    contains(said.err, "'none'", *NAMES)
    for name in NAMES:
        check(os.path.exists(os.path.join(SOURCE, "config/profiles", name + ".ini")), name)


def test_check_says_what_is_set_rounded_and_left_out(ws):
    device = paper(ws)
    # the one that fits by itself
    said = ws("devices", "--check", device)
    contains(said.out, "profile 'paper', version 1", "ADF Duplex", "double-feed detection is on")
    # another one: what the device lacks is named, and that nobody sees double feeds
    profile(ws, "maybe.df-action = Stop\nmaybe.double-feed-detection = no\nmaybe.threshold = 41.3\npage_width_mm = 9000\n")
    said = ws("devices", "--check", device, "--profile", "ours")
    contains(said.out, "profile 'ours', version 3", "left out", "WARNING: double-feed detection is off")
    got = ws("devices", "--check", device, "--profile", "ours", "--json").json
    settings = {s["option"]: s for s in got["settings"]}
    equal((settings["df-action"]["lacking"], settings["double-feed-detection"]["got"]), (True, "no"), "settings")
    equal((settings["br-x"]["wanted"], settings["br-x"]["exact"]), ("9000", False), "the width is more than it can")
    contains(said.out, "the device took: " + settings["br-x"]["got"])
    equal((got["double_feed"]["on"], got["profile"], len(got["profile_sha256"])), (False, "ours", 64), "JSON")
    # a device that says nothing of double feeds
    contains(ws("devices", "--check", "test:0").out, "WARNING", "does not say whether")


def test_an_option_or_value_that_the_device_lacks_names_those_it_has(ws):
    device = paper(ws)
    for lines, what, has in (("option.df-action = Stop\n", "no option 'df-action'", "double-feed-detection"),
                             ("option.source = Sideways\n", "'Sideways'", "ADF Front"),
                             ("option.threshold = 40\n", "not active", "another source or mode"),
                             ("option.resolution = much\n", "'much'", "to"),
                             ("option.double-feed = yes\n", "can be read but not set", "leave it out")):
        profile(ws, lines)
        for args in (("devices", "--check", device, "--profile", "ours"),
                     ("scan", "--device", device, "--profile", "ours", "--file", "33/1")):
            contains(ws(*args, expect=FAILED).err, device, what, has)
    # the same from the settings, over every profile
    for args in (("devices", "--check", device), ("scan", "--device", device)):
        contains(ws(*args, "--set", "option.nosuch=1", expect=FAILED).err, "no option 'nosuch'", "threshold")
    equal(ws.batches(), [], "batches")


def test_productive_takes_approved_profiles_alone(ws):
    device = paper(ws)
    contains(ws("scan", "--device", device, "--set", "scan.productive=no", expect=USAGE).err, "altakt.ini")
    profile(ws, "option.double-feed-detection = yes\n")
    sha = ws("devices", "--check", device, "--profile", "ours", "--json").json["profile_sha256"]
    ws.settings(scan__productive="yes", scan__approved_profiles="fujitsu paper")
    contains(ws("devices", "--check", device, "--profile", "ours").out, "not approved")
    contains(ws("scan", "--device", device, "--profile", "ours", expect=FAILED).err, "'ours' is not approved")
    equal(ws.batches(), [], "batches")
    # approved by its hash: another content is another profile
    ws.settings(scan__approved_profiles=sha)
    contains(ws("devices", "--check", device, "--profile", "ours").out, "is approved")
    profile(ws, "option.double-feed-detection = no\n")
    contains(ws("scan", "--device", device, "--profile", "ours", expect=FAILED).err, "not approved")
    profile(ws, "# a word more\noption.double-feed-detection = yes\n")
    ws("scan", "--device", device, "--profile", "ours", expect=(DONE, WAITING))
    ws("process")
    ws("close", ws.batch())
    path = os.path.join(ws.path, ws.manifest()["files"][0]["bundle"], "data/provenance.json")
    with open(path, encoding="utf-8") as f:
        sheet = json.load(f)["sheets"][0]
    equal((sheet["profile"], sheet["profile_sha256"]), ("ours", sha), "provenance")


if __name__ == "__main__":
    main()
