#!/bin/sh
# WANT_JSON
echo "{\"changed\": false, \"user\": \"$(id -un)\", \"home\": \"$HOME\", \"one\": \"$ECTX_ONE\", \"size\": $(grep -c _ansible "$1")}"
