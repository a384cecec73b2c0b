/** In the parent's guest, CID 3: answers the enclave, with the CID that the kernel saw, until it says bye. */
import { expect, it } from 'vitest'
import { listen, localCid, peerAddress } from '../../../shared/vsock/index.js'
import { echo } from './echo.js'
import { answerLines } from './lines.js'
import { PARENT, PARENT_ECHO } from './meeting.js'
import { run } from './run.js'

await run('parent', () => {
  it('has its own CID', () => {
    expect(localCid()).toBe(PARENT.cid)
  })

  it('serves the enclave until it says bye', async () => {
    const echoing = await listen({ port: PARENT_ECHO.port })
    echo(echoing)
    const server = await listen({ port: PARENT.port })
    await answerLines(server, (line, socket) => `${peerAddress(socket)?.cid} ${line}`)
    server.close()
    echoing.close()
  })
})
