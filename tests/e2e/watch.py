"""A folder into which a device writes, watched: what is complete is imported once, and nothing else is."""
import os
import shutil
import signal

import harness
from harness import DONE, WAITING, Page, balance, check, contains, draw, equal, stop, wait_until, words


def image(n):
    page = Page(words(n))
    draw([(page.path(), page.fields)])
    return page.path()


def begin(ws, folder, *more):
    os.makedirs(folder, exist_ok=True)
    return ws.start("import", "--watch", folder, "--duplex", "--file", "33/1", *more)


def sheets(ws):
    """Sheets recorded, by the ledger."""
    return sum(len(ws.fed(b)) for b in ws.batches() if os.path.exists(os.path.join(ws.path, "batches", b, "ledger.jsonl")))


def put(folder, name, source):
    """As a careful device does: written beside, then renamed."""
    beside = os.path.join(folder, f".{name}.part")
    shutil.copy(source, beside)
    os.rename(beside, os.path.join(folder, name))


def test_only_what_is_complete_is_taken_and_only_once(ws):
    folder = os.path.join(ws.folder, "inbox")
    process = begin(ws, folder)
    try:
        put(folder, "001.jpg", image(1))
        put(folder, "002.jpg", image(2))
        wait_until("the first sheet is recorded", lambda: sheets(ws) == 1)
        # A device that writes slowly: half a file with its handle open, and what comes behind waits for it.
        with open(image(3), "rb") as f:
            data = f.read()
        slow = open(os.path.join(folder, "003.jpg"), "wb")
        slow.write(data[:len(data) // 2])
        slow.flush()
        put(folder, "004.jpg", image(4))
        put(folder, "005.jpg", image(5))
        put(folder, "006.jpg", image(6))
        wait_until("the kernel says that it is open", lambda: os.path.getsize(slow.name) > 0)
        equal(sheets(ws), 1, "sheets while a file is open")
        slow.write(data[len(data) // 2:])
        slow.close()
        wait_until("the others are recorded", lambda: sheets(ws) == 3)
        os.killpg(process.pid, signal.SIGKILL)
    finally:
        stop(process)
    # After a kill it goes on: nothing a second time; a front waits for its back.
    process = begin(ws, folder, "--batch", ws.batch())
    try:
        put(folder, "007.jpg", image(7))
        put(folder, "008.jpg", image(8))
        put(folder, "009.jpg", image(9))
        wait_until("the fourth sheet is recorded", lambda: sheets(ws) == 4)
        equal(sheets(ws), 4, "sheets while a back is missing")
        put(folder, "010.jpg", image(10))
        wait_until("the fifth sheet is recorded", lambda: sheets(ws) == 5)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        equal(process.returncode, DONE, f"exit code\n{out.decode()}{err.decode()}")
        contains(out.decode(), "2 sheets")
    finally:
        stop(process)
    order = [os.path.basename(i["source"]["path"]) for e in ws.fed() for i in e["images"]]
    equal(order, [f"{n:03}.jpg" for n in range(1, 11)], "images in the order of their names")
    ws("import", "--batch", ws.batch(), "--file", "33/1", "--sheets", "5")
    ws("process")
    ws("close", ws.batch())
    equal(ws.manifest()["counts"]["sheets"], 5, "sheets")
    balance(ws.manifest())
    ws("verify")


def test_it_ends_by_itself_and_a_front_alone_is_asked_about(ws):
    folder = os.path.join(ws.folder, "inbox")
    os.makedirs(folder)
    for n in (1, 2, 3):
        shutil.copy(image(n), os.path.join(folder, f"{n}.jpg"))
    said = ws("import", "--watch", folder, "--duplex", "--file", "33/1", "--idle", "2", expect=WAITING)
    contains(said.out, "2 sheets")
    equal([len(e["images"]) for e in ws.fed()], [2, 1], "images of the sheets")
    check(all("odd_image" in e.get("suspects", []) for e in ws.fed()[1:]), "the front alone is a suspect")


def test_the_same_content_under_another_path_is_said_and_noted(ws):
    folder = os.path.join(ws.folder, "inbox")
    os.makedirs(folder)
    for name, n in (("1.jpg", 1), ("2.jpg", 2), ("3.jpg", 1)):
        shutil.copy(image(n), os.path.join(folder, name))
    said = ws("import", folder, "--simplex", "--file", "33/1")
    contains(said.err, "3.jpg' has the same content as")
    same = [os.path.basename(i["source"]["same_as"]) for e in ws.fed() for i in e["images"] if "same_as" in i["source"]]
    equal(same, ["1.jpg"], "images with the same content")
    equal(len(ws.fed()), 3, "sheets: it is no reason not to count")


def test_a_folder_that_is_none(ws):
    contains(ws("import", "--watch", os.path.join(ws.folder, "nowhere"), "--duplex", expect=2).err, "nowhere")


if __name__ == "__main__":
    harness.main()
