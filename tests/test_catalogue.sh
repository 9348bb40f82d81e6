#!/usr/bin/env bash
# The German catalogue compiles, its formats fit, nothing is fuzzy; and what is still untranslated
# is named (a warning: texts come before their translations).
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"
for tool in msgfmt msgmerge msgattrib xgettext; do
	command -v "$tool" >/dev/null || { echo "skipped: $tool is not there (package gettext)"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

msgfmt --check -o "$work/altakt.mo" config/po/de.po
[ -s "$work/altakt.mo" ] || { echo "the catalogue is empty"; exit 1; }
fuzzy=$(msgattrib --only-fuzzy --no-obsolete config/po/de.po)
[ -z "$fuzzy" ] || { echo "fuzzy: $fuzzy"; exit 1; }

config/po/extract >"$work/altakt.pot"
[ "$(grep -c '^msgid' "$work/altakt.pot")" -gt 100 ] || { echo "the texts are not found"; exit 1; }
msgmerge --quiet --no-fuzzy-matching -o "$work/merged.po" config/po/de.po "$work/altakt.pot"
missing=$(msgattrib --untranslated --no-obsolete "$work/merged.po" | grep -c '^msgid "' || true)
[ "$missing" -le 1 ] || echo "warning: $((missing - 1)) texts have no German: run config/po/update, then translate them"
msgfmt --statistics -o /dev/null "$work/merged.po"

# The catalogue answers, also where no German locale was generated.
mkdir -p "$work/locale/de/LC_MESSAGES"
cp "$work/altakt.mo" "$work/locale/de/LC_MESSAGES/"
said=$(LC_ALL=C.UTF-8 LANGUAGE=de TEXTDOMAINDIR="$work/locale" gettext altakt "File number")
[ "$said" = "Aktenzeichen" ] || { echo "'File number' is '$said'"; exit 1; }
