#!/bin/bash
# Sends a saved run to KernelCI's database: kcidb.sh [RUN]
#
# KCIDB_ORIGIN and KCIDB_TOKEN are what KernelCI has given you; KCIDB_URL is where
# to, the staging database if it is not set. uetest itself sends nothing.
set -eu
file=$(mktemp)
trap 'rm -f "$file"' EXIT
uetest report "${1-last}" --out kcidb="$file" --origin "$KCIDB_ORIGIN"
# The token is no argument, which everybody on the machine could read.
printf 'Authorization: Bearer %s\n' "$KCIDB_TOKEN" |
	curl --fail-with-body --silent --show-error --header @- --header 'Content-Type: application/json' \
		--data-binary "@$file" "${KCIDB_URL-https://staging.db.kernelci.org}/submit"
