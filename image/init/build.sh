#!/bin/sh
# Usage: build.sh OUTPUT. CC (default cc) may be a cross compiler: CC=aarch64-linux-gnu-gcc.
# The same compiler and C library give the same bytes, whatever the folder.
set -eu
# The order of *.c, and so of what is in the program.
export LC_ALL=C
if [ $# -ne 1 ]; then
  echo "usage: $0 OUTPUT" >&2
  exit 1
fi
sources=$(dirname "$0")
exec "${CC:-cc}" -static -Os -std=gnu11 -Wall -Wextra -Werror -Wpedantic -Wdate-time \
  -ffile-prefix-map="$sources"=. -Wl,--build-id=none -s \
  -o "$1" "$sources"/*.c
