#!/bin/sh
echo out
echo error >&2
exit 9
