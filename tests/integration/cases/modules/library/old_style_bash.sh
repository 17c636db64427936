#!/usr/bin/env bash
source "$1"
echo "changed=true first=${first^^} rc=0"
