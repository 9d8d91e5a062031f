#!/bin/sh
# Translations of the window.
#
#   scripts/translations.sh update de    collect the window's words into resources/translations/nasstudio_de.ts,
#                                        keeping what is translated already (edit it with Qt Linguist, or by hand)
#   scripts/translations.sh release      compile every .ts into the .qm that the window loads
#
# The language then stands in the settings. English is in the code and has no file.
set -eu
cd "$(dirname "$0")/.."
bin=${BIN:-.venv/bin}
folder=resources/translations
case "${1:-}" in
update)
    code=${2:?"which language? e.g. scripts/translations.sh update de"}
    mkdir -p "$folder"
    list=$(mktemp)
    trap 'rm -f "$list"' EXIT
    find nasstudio/ui -name '*.py' -size +0 -print | LC_ALL=C sort > "$list"
    "$bin/pyside6-lupdate" -locations none "@$list" -ts "$folder/nasstudio_$code.ts"
    ;;
release)
    for file in "$folder"/*.ts; do
        [ -e "$file" ] || { echo "There is no $folder/*.ts yet: run '$0 update CODE' first." >&2; exit 1; }
        "$bin/pyside6-lrelease" "$file" -qm "${file%.ts}.qm"
    done
    ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
