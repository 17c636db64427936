#!/bin/sh
arguments='<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>'
case $arguments in
*'"value": "one"'*) found=true ;;
*) found=false ;;
esac
echo "{\"changed\": false, \"found\": $found}"
