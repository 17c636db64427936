#!/bin/sh
echo "this is no JSON"
echo "nor is this" >&2
exit 5
