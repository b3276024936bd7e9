#!/bin/sh
# The topology in local mode, judged by sort and uniq. STORMCTL names stormctl when it is not on PATH.
set -eu
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
OUT=$folder/counts.tsv "${STORMCTL:-stormctl}" local -e topology.yaml --seconds 4
# Of each word the last, which is the greatest, count.
sort -t "$(printf '\t')" -k1,1 -k2,2nr "$folder/counts.tsv" | awk -F '\t' '!seen[$1]++ { print $2, $1 }' | sort > "$folder/counted"
tr -s '[:space:]' '\n' < words.txt | sort | uniq -c | awk '{ print $1, $2 }' | sort > "$folder/expected"
diff "$folder/expected" "$folder/counted" && echo "all words are counted"
