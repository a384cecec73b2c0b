// The arrows of the architecture, held by machine: cli -> simulator -> enclave, parent-proxy, image -> shared -> native.
const below = {
  native: ['shared', 'enclave', 'parent-proxy', 'image', 'simulator', 'cli'],
  shared: ['enclave', 'parent-proxy', 'image', 'simulator', 'cli'],
  enclave: ['parent-proxy', 'image', 'simulator', 'cli'],
  'parent-proxy': ['enclave', 'image', 'simulator', 'cli'],
  image: ['enclave', 'parent-proxy', 'simulator', 'cli'],
  simulator: ['cli'],
}

module.exports = {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphan-import', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...Object.entries(below).map(([room, above]) => ({
      name: `${room}-never-climbs`,
      severity: 'error',
      from: { path: `^${room}/` },
      to: { path: `^(${above.join('|')})/` },
    })),
    {
      name: 'x509-builder-stays-in-the-simulator',
      comment: 'It costs 67 ms and 20 MB at import, and its chain builder trusts a root by name.',
      severity: 'error',
      from: { pathNot: '^(simulator|test)/' },
      to: { path: 'node_modules/(@peculiar/x509|reflect-metadata)' },
    },
    {
      name: 'cbor-x-behind-the-walk',
      severity: 'error',
      from: { pathNot: '^shared/cbor(-writing)?\\.ts$' },
      to: { path: 'node_modules/cbor-x' },
    },
    {
      name: 'node-forge-behind-ber',
      severity: 'error',
      from: { pathNot: '^shared/ber\\.ts$' },
      to: { path: 'node_modules/node-forge' },
    },
    {
      name: 'the-browser-gets-nothing-of-node',
      severity: 'error',
      from: { path: '^shared/attestation/web\\.ts$' },
      // Modules of Node alone have no dot in their names here; and a site pays for every package.
      to: { path: ['^[^.]+$', 'node_modules/(?!cbor-x/)'], reachable: true },
    },
    {
      name: 'no-test-in-the-product',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      name: 'what-builds-the-reference-image-is-no-product',
      severity: 'error',
      from: { pathNot: '^(test|debian|reference-image)/' },
      to: { path: '^(debian|reference-image)/' },
    },
    {
      name: 'the-program-of-an-image-stays-small',
      comment: 'Whatever enclave/ or shared/ imports is in the image, and so in what is trusted.',
      severity: 'error',
      from: { path: '^(enclave|shared|native)/' },
      to: { path: 'node_modules/(commander|tar|fflate|esbuild)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
}
