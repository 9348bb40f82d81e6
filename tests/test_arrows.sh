#!/usr/bin/env bash
# The arrows between the folders: config <- scan, config <- ocr, batch uses all three; tests may use
# everything. Includes start at the root. Wrong arrows planted in a copy must be found.
set -euo pipefail
root=${1:-$(dirname "$0")/..}

# wrong_arrows ROOT: prints each wrong include as file:line:text
wrong_arrows() {
	local folder allowed
	while read -r folder allowed; do
		# Of one folder: every include of a folder of ours that is not allowed …
		grep -nEr --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<](config|scan|ocr|batch|tests)/' \
			"$1/$folder" | grep -vE "[\"<]($allowed)/" || true
		# … and every quoted one that does not start at the root.
		grep -nEr --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$1/$folder" |
			grep -vE '"(config|scan|ocr|batch|tests)/' || true
	done <<-'END'
		config config
		scan   config|scan
		ocr    config|ocr
		batch  config|scan|ocr|batch
	END
}

found=$(wrong_arrows "$root")
if [ -n "$found" ]; then
	printf 'wrong arrows:\n%s\n' "$found"
	exit 1
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# plant FILE INCLUDE yes|no: whether it must be found
plant() {
	rm -rf "${copy:?}"/*
	mkdir -p "$copy"/{config,scan,ocr,batch}
	printf '%s\n' "$2" >"$copy/$1"
	local seen=no
	[ -z "$(wrong_arrows "$copy")" ] || seen=yes
	if [ "$seen" != "$3" ]; then
		printf "in '%s', '%s': found wrong: %s, expected: %s\n" "$1" "$2" "$seen" "$3"
		exit 1
	fi
}
plant config/a.c '#include "scan/sheet.h"' yes
plant config/a.h '#include "batch/journal.h"' yes
plant scan/a.c '#include "ocr/pool.h"' yes
plant scan/a.c '  #  include <ocr/pool.h>' yes
plant ocr/a.h '#include "scan/clean.h"' yes
plant ocr/a.c '#include "batch/journal.h"' yes
plant ocr/a.c '#include "pool.h"' yes
plant scan/a.c '#include "tests/helper.h"' yes
plant scan/a.c '#include "config/error.h"' no
plant ocr/a.c '#include "ocr/pool.h"' no
plant batch/a.c '#include "scan/clean.h"' no
plant scan/a.c '#include <sane/sane.h>' no

# The libraries' arrows in CMake are the same ones.
for pair in config:scan config:ocr config:batch scan:ocr scan:batch ocr:scan ocr:batch; do
	if grep -nE "altakt_${pair#*:}([^a-z_]|$)" "$root/${pair%:*}/CMakeLists.txt"; then
		echo "wrong arrow in ${pair%:*}/CMakeLists.txt"
		exit 1
	fi
done
