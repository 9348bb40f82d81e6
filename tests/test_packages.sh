#!/usr/bin/env bash
# config/packages: each package once, with what it is for, known to Debian where apt can tell; and
# config/bootstrap answers as its help says.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

names=$(sed -nE 's/^([a-z0-9][a-z0-9.+-]+)[ \t]+.*/\1/p' config/packages)
twice=$(sort <<<"$names" | uniq -d)
[ -z "$twice" ] || { echo "named twice: $twice"; exit 1; }
bad=$(grep -nvE '^(#.*|\[(build|run|test)\]|[a-z0-9][a-z0-9.+-]+[ \t]+[^ \t].*|)$' config/packages || true)
[ -z "$bad" ] || { echo "not 'package  what for': $bad"; exit 1; }
[ "$(wc -l <<<"$names")" -gt 20 ] || { echo "the list is not read"; exit 1; }

# Nothing else names packages to install.
others=$(grep -rnE 'apt(-get)? (-[^ ]+ )*install +[a-z]' --include='*.sh' --include='*.py' --include='bootstrap' \
	--include='fetch' --include='run' config tests .ci | grep -v '^tests/test_packages.sh' || true)
[ -z "$others" ] || { echo "packages are named in config/packages only: $others"; exit 1; }

config/bootstrap help | grep -q '^config/bootstrap test '
code=0
config/bootstrap frobnicate >/dev/null 2>&1 || code=$?
[ "$code" -eq 2 ] || { echo "an unknown subcommand gives $code, not 2"; exit 1; }

# Without root it names what is missing and stops, even where nothing of it is installed.
if command -v dpkg-query >/dev/null; then
	copy=$(mktemp -d)
	trap 'rm -rf "$copy"' EXIT
	mkdir -p "$copy/config" "$copy/bin"
	cp config/bootstrap "$copy/config/"
	printf '[build]\nbuild-essential  a\naltakt-no-such-package  b\n[run]\n[test]\n' >"$copy/config/packages"
	printf '#!/bin/sh\necho 1000\n' >"$copy/bin/id"
	chmod +x "$copy/bin/id"
	code=0
	said=$(PATH="$copy/bin:$PATH" "$copy/config/bootstrap" build 2>&1) || code=$?
	[ "$code" -eq 1 ] || { echo "without root: $code, not 1"; exit 1; }
	grep -q 'altakt-no-such-package' <<<"$said" || { echo "without root it says: $said"; exit 1; }
fi
