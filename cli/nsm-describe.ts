/** `nitro-enclave nsm describe`: DescribeNSM. */
import { Command } from 'commander'
import { describeNsm } from '../enclave/nsm/describe.js'
import { withoutControls } from '../shared/printable.js'
import { onModule } from './nsm-module.js'
import { table } from './table.js'
import { write, writeJson } from './write.js'

export function nsmDescribeCommand(): Command {
  return new Command('describe')
    .description('Describe the module: its id, version, and which registers are locked.')
    .option('--json', 'print one JSON object')
    .action(({ json }: { json?: boolean }, command: Command) =>
      onModule(command, async (nsm) => {
        const description = await describeNsm(nsm)
        if (json) return writeJson(description)
        const { moduleId, versionMajor, versionMinor, versionPatch, digest, maxPcrs, lockedPcrs } =
          description
        write(
          table([
            ['module_id', withoutControls(moduleId)],
            ['version', `${versionMajor}.${versionMinor}.${versionPatch}`],
            ['digest', digest],
            ['max_pcrs', String(maxPcrs)],
            ['locked_pcrs', lockedPcrs.join(' ') || 'none'],
          ]),
        )
      }),
    )
}
