#!/bin/sh
# A module that is no Python: it tells a variable of its login.
echo "{\"changed\": false, \"variable\": \"$ECTX_OF_LOGIN\"}"
