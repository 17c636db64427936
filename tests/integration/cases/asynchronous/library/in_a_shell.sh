#!/bin/sh
echo '{"changed": true, "shell": "yes"}'
