#!/bin/sh
# WANT_JSON
echo "{\"changed\": true, \"count\": $#, \"value_there\": $(grep -c '"value"' "$1")}"
