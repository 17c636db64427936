#!/bin/sh
# WANT_JSON
# Ends, or answers, in the way that it is told.
how() { grep -q "\"how\": \"$1\"" "$arguments"; }

arguments=$1
if how status; then
    exit 3
elif how status_with_answer; then
    echo '{"changed": true}'
    exit 3
elif how failed; then
    echo '{"failed": true, "msg": "as it was told", "rc": 9}'
elif how killed; then
    kill -KILL $$
elif how terminated; then
    kill -TERM $$
elif how pipe; then
    kill -PIPE $$
elif how junk; then
    echo before
    echo '{"changed": true}'
    echo after
elif how noise; then
    echo noise >&2
    echo '{"changed": true}'
elif how bytes; then
    printf '\377\376\n'
elif how input; then
    echo "{\"changed\": false, \"input\": \"$(cat)\"}"
elif how late; then
    (exec >/dev/null 2>&1 </dev/null; sleep 60) &
    echo '{"changed": true}'
fi
