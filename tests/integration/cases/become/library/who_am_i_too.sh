#!/bin/sh
arguments='<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>'
echo "{\"changed\": false, \"user\": \"$(id -un)\", \"home\": \"$HOME\", \"given\": $([ "$arguments" ] && echo true)}"
