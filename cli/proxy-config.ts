/** Where a proxy's configuration stands unless --config says otherwise. */
export const DEFAULT_CONFIG = '/etc/nitro_enclaves/proxy.yaml'
