/**
 * Our proxy as a process of its own, in plain JavaScript: nothing but the product is in it. Between TCP sockets on
 * loopback, like its peers: `node ours.mjs PORT ORIGIN_PORT URL`, URL: of the built parent-proxy/index.js.
 */
import { once } from 'node:events'

const [port, origin] = process.argv.slice(2, 4).map(Number)
const { startProxy } = await import(process.argv[4])
const host = '127.0.0.1'

const transport = {
  connect: () => {
    throw new Error('this transport only listens')
  },
  listen: async (server, address, backlog) => {
    // As on AF_VSOCK, which holds nothing back.
    server.prependListener('connection', (socket) => socket.setNoDelay(true))
    server.listen({ host, port: address.port, backlog })
    await once(server, 'listening')
  },
}

await startProxy(
  {
    allowlist: [{ address: host, port: origin }],
    listeners: [{ listen: { cid: 3, port, transport }, to: { host, port: origin } }],
  },
  { resolver: async () => [{ address: host, port: origin }] },
)
