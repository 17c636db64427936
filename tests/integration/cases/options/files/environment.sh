#!/bin/sh
env | grep ^ECTX_ | sort
