#!/bin/sh
# scripts/make_command_texts.sh VALENCE FOLDER: what the command prints about itself, as it is installed: a manual page for
# each command and completion scripts for bash, zsh and fish.
set -eu
valence=${1:?usage: scripts/make_command_texts.sh VALENCE FOLDER} folder=${2:?}
rm -rf "$folder"
mkdir -p "$folder/man1"
"$valence" man | while read -r command; do
    page=$([ "$command" = valence ] && echo valence || echo "valence-$command" | tr ' ' '-')
    "$valence" man "$command" >"$folder/man1/$page.1"
done
"$valence" completion bash >"$folder/valence.bash"
"$valence" completion zsh >"$folder/_valence"
"$valence" completion fish >"$folder/valence.fish"
: >"$folder/made"
