#!/bin/bash
echo "{\"changed\": false, \"version\": \"${BASH_VERSION:+bash}\"}"
