/**
 * In the image's own Node, on an ordinary machine: the image's program, with NSM and dial from the process that
 * started this one. Makes one attested call, and tells how much memory that took.
 */
import net from 'node:net'

const [, , program, socket] = process.argv
const { run } = await import(program)
const pending = new Map()
let next = 0

process.on('message', ({ id, response, start }) => {
  if (start !== undefined) void measure(start)
  else pending.get(id)?.(response)
})

const nsm = {
  request: (request) =>
    new Promise((resolve) => {
      pending.set(next, resolve)
      process.send({ id: next++, request })
    }),
  close: () => undefined,
}

async function measure(start) {
  const application = await run({ nsm, dial: () => net.connect(socket), ...start })
  const { length } = await application.generateRandom({ numberOfBytes: 32 })
  process.send({ length, residentMemory: process.memoryUsage.rss() })
  application.close()
  process.disconnect()
}
