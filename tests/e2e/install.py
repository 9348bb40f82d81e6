"""An installed program finds what belongs to it wherever the prefix is, and whatever it was built for."""
import os
import shutil
import subprocess

from harness import BUILD, SANITIZED, check, contains, environment, equal, main


def test_another_prefix(folder):
    first, prefix = os.path.join(folder, "first"), os.path.join(folder, "moved once")
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", first], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE)
    equal(done.returncode, 0, f"cmake --install: {done.stderr.decode()}")
    shutil.move(first, prefix)
    program = os.path.join(prefix, "bin/altakt")
    with open(os.path.join(prefix, "share/altakt/altakt.ini"), "a", encoding="utf-8") as f:
        f.write("# this very prefix\n")
    rules = os.path.join(prefix, "share/altakt/rules/hessen-2020.ini")
    with open(rules, encoding="utf-8") as f:
        text = f.read()
    with open(rules, "w", encoding="utf-8") as f:
        f.write(text.replace("version = 1", "version = 7"))

    def call(*args, **more):
        done = subprocess.run([program, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=environment(**more), timeout=120)
        check(not (SANITIZED and b"Sanitizer" in done.stderr), done.stderr.decode())
        return done

    ws = os.path.join(folder, "ws")
    done = call("init", ws)
    equal(done.returncode, 0, f"init: {done.stderr.decode()}")
    with open(os.path.join(ws, "altakt.ini"), encoding="utf-8") as f:
        contains(f.read(), "# this very prefix")
    with open(rules, "w", encoding="utf-8") as f:
        f.write(text.replace("version = 1", "version = broken"))
    done = call("-w", ws, "status")
    equal(done.returncode, 1, f"exit code with its rules broken: {done.stderr.decode()}")
    contains(done.stderr.decode(), "hessen-2020.ini")
    contains(call("--help", LANGUAGE="de").stdout.decode(), "Blatt")
    os.remove(os.path.join(prefix, "share/locale/de/LC_MESSAGES/altakt.mo"))


if __name__ == "__main__":
    main()
