#!/bin/sh
. "$1"
echo "{\"changed\": true, \"first\": \"$first\", \"second\": \"$second\"}"
