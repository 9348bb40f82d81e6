#!/usr/bin/env bash
# Every .c and .h file is as .clang-format says, sources and headers are not longer than agreed.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"
if ! command -v clang-format >/dev/null; then
	echo "skipped: clang-format is not installed"
	exit 77
fi
mapfile -t files < <(find config scan ocr batch tests -name '*.[ch]' -type f | LC_ALL=C sort)
clang-format --dry-run --Werror "${files[@]}"
