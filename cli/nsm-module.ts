/** Which Nitro Secure Module a command speaks to, and how it ends. */
import type { Command } from 'commander'
import type { Nsm } from '../enclave/nsm/requests.js'
import { UsageError } from '../shared/errors.js'
import type { Registers } from './options.js'
import { failureJson, reporting } from './reporting.js'

interface ModuleFlags {
  readonly simulator?: string
  readonly pcr?: Registers
  readonly json?: boolean
}

/** The body of the command `nitro-enclave nsm NAME`, with the module open. */
export function onModule(command: Command, body: (nsm: Nsm) => Promise<void>): Promise<void> {
  const flags = command.optsWithGlobals<ModuleFlags>()
  const work = async () => {
    const nsm = await open(flags)
    try {
      await body(nsm)
    } finally {
      nsm.close()
    }
  }
  return reporting(`nsm ${command.name()}`, work, flags.json ? failureJson : undefined)
}

async function open({ simulator, pcr }: ModuleFlags): Promise<Nsm> {
  // Each loaded when it is asked for: the simulator brings the certificate builder, the device the addon.
  if (simulator !== undefined) {
    const { simulatedNsmIn } = await import('../simulator/state/nsm.js')
    return simulatedNsmIn(simulator, pcr === undefined ? {} : { pcrs: pcr })
  }
  if (pcr !== undefined)
    throw new UsageError('ERR_USAGE', '--pcr is for a new simulated enclave: it goes with --simulator DIR')
  const { openNsm } = await import('../enclave/nsm/open.js')
  return openNsm()
}
