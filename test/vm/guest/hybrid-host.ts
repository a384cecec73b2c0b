/** On the host: both ways between it and the enclave, through the VMM's socket that NITRO_VM_HYBRID names. */
import { beforeAll, expect, it } from 'vitest'
import { connect, hybridTransport, listen } from '../../../shared/vsock/index.js'
import { closing, payload } from '../../support/vsock-conformance-bench.js'
import { echo, echoed } from './echo.js'
import { answerLines, ask, askOnceUp, BYE, brief } from './lines.js'
import {
  ENCLAVE_CID,
  ENCLAVE_ECHO_PORT,
  ENCLAVE_PORT,
  GUEST_PIECE,
  HOST,
  HOST_ECHO,
  SILENT_PORT,
} from './meeting.js'
import { run } from './run.js'

const MIB = 1024 * 1024

const path = process.env.NITRO_VM_HYBRID
if (path === undefined) throw new Error('NITRO_VM_HYBRID names no socket')
const transport = hybridTransport(path)
const enclave = { cid: ENCLAVE_CID, port: ENCLAVE_PORT, transport }

await run('hybrid-host', () => {
  const heard: string[] = []
  // First of all: the enclave may call at any time.
  beforeAll(async () => {
    const echoing = await listen({ ...HOST_ECHO, transport })
    echo(echoing)
    const server = await listen({ ...HOST, transport })
    void answerLines(server, (line) => {
      heard.push(line)
      return `host ${line}`
    })
    return () => {
      echoing.close()
      server.close()
    }
  })

  it('asks the enclave', async () => {
    expect(await askOnceUp(enclave, 'hello')).toBe('enclave hello')
  })

  it('is reset on a port on which the enclave does not listen', async () => {
    const error = await closing(connect({ ...enclave, port: SILENT_PORT }))
    expect(error).toMatchObject({ code: 'ECONNRESET' })
  })

  it('answers 20 questions at once', async () => {
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`)
    const answers = await Promise.all(lines.map((line) => ask(enclave, line)))
    expect(answers).toEqual(lines.map((line) => `enclave ${line}`))
  })

  it('sends 1 MiB at once', async () => {
    const line = payload(MIB / 2).bytes.toString('hex')
    expect(await ask(enclave, line)).toBe(`enclave ${brief(line)}`)
  })

  it('is sent back 1 MiB', async () => {
    const { bytes, sum } = payload(MIB)
    expect(await echoed({ ...enclave, port: ENCLAVE_ECHO_PORT }, bytes, GUEST_PIECE)).toEqual(sum)
  })

  it('says bye', async () => {
    expect(await ask(enclave, BYE)).toBe(`enclave ${BYE}`)
  })

  it('was asked by the enclave', () => {
    expect(heard).toEqual(['hello'])
  })
})
