#!/bin/sh
echo "$1"
echo err >&2
